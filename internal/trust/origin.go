package trust

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// origin is the plain text that says whose an identity is: it begins with it, or, of a mail address, ends with it.
type origin struct {
	text  string
	atEnd bool
}

// fits says whether a text is of that origin.
func (o origin) fits(text string) bool {
	if o.atEnd {
		return strings.HasSuffix(text, o.text)
	}
	return strings.HasPrefix(text, o.text)
}

// origin finds it in the parts of an expression, and is an error where it is not written out.
func (c Claim) origin(parts []*syntax.Regexp) (origin, error) {
	head := beginning(parts)
	before, tail := ending(parts)
	switch {
	case c == SourceRef:
		return refOrigin(head)
	case c == Subject && !strings.Contains(head, ":") && strings.Contains(tail, "@"):
		return mailOrigin(before, tail)
	}
	return c.urlOrigin(head)
}

// refOrigin wants a ref in full. A branch can be named like a tag, but no branch is under refs/tags/.
// Attack 12.
func refOrigin(head string) (origin, error) {
	for _, root := range []string{"refs/heads/", "refs/tags/"} {
		if strings.HasPrefix(head, root) {
			return origin{text: root}, nil
		}
	}
	return origin{}, fmt.Errorf("it begins with %.80q as plain text; a ref begins with refs/heads/ or refs/tags/", head)
}

// mailOrigin wants the domain as plain text, and before it nothing that could be the beginning of a URL.
// Attack 12.
func mailOrigin(before []*syntax.Regexp, tail string) (origin, error) {
	local, domain, _ := strings.Cut(tail, "@")
	if !hostForm.MatchString(domain) || !strings.Contains(domain, ".") || strings.Contains(domain, ":") {
		return origin{}, fmt.Errorf("it ends with %.80q as plain text; a mail address ends with @ and a domain in lower case, and a URL begins with https://", tail)
	}
	if strings.ContainsAny(local, notInMail) || slices.ContainsFunc(before, func(part *syntax.Regexp) bool { return fitsAny(part, notInMail) }) {
		return origin{}, errors.New("what stands before the @ of a mail address must fit none of @ / : and no space: write [a-z0-9._-]+ for .*")
	}
	return origin{text: "@" + domain, atEnd: true}, nil
}

// notInMail keeps a local part from being a URL or another address; the quoted form of RFC 5322 is not taken.
const notInMail = "@/:\\\"<>(), \t\r\n\x00"

// hostForm is a host in lower case, perhaps with a port; segmentForm is a part of a path that is written as it is.
var (
	hostForm    = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*(?::[0-9]{1,5})?$`)
	segmentForm = regexp.MustCompile(`^[A-Za-z0-9_~.+-]*[A-Za-z0-9_~+-][A-Za-z0-9_~.+-]*$`)
)

// urlOrigin wants scheme, host and whose part of the host it is as plain text, each with the slash after it: what has no
// slash after it could go on.
// Attack 12.
func (c Claim) urlOrigin(head string) (origin, error) {
	scheme, rest, ok := strings.Cut(head, "://")
	if !ok || scheme != "https" && (scheme != "spiffe" || c != Subject) {
		return origin{}, fmt.Errorf("it begins with %.80q as plain text; it has to begin with %s", head, c.beginnings())
	}
	host, path, ok := strings.Cut(rest, "/")
	if !ok || !hostForm.MatchString(host) {
		return origin{}, fmt.Errorf("it begins with %.80q as plain text, which has to reach beyond the host in lower case and the / after it; write \\. for a dot", head)
	}
	if scheme == "spiffe" {
		// The trust domain is the host, and whoever runs it names all that is in it.
		// https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md#21-trust-domain
		return origin{text: scheme + "://" + host + "/"}, nil
	}
	form := c.tenancy(host)
	whose := form
	text := scheme + "://" + host + "/"
	for name, more := "", true; more; {
		var segment string
		name, whose, more = strings.Cut(whose, "/")
		segment, path, ok = strings.Cut(path, "/")
		if !ok || !segmentForm.MatchString(segment) || name == strings.ToLower(name) && name != segment {
			return origin{}, fmt.Errorf("it begins with %.120q as plain text, which has to reach beyond https://%s/%s/: others are on the same host", head, host, form)
		}
		text += segment + "/"
	}
	return origin{text: text}, nil
}

func (c Claim) beginnings() string {
	if c == Subject {
		return "https://HOST/, or spiffe://TRUST-DOMAIN/, or to end with @ and the domain of a mail address"
	}
	return "https://HOST/"
}

// tenancy is the form of the path, up to whose it is, of what a host serves for many. Words in capitals stand for names.
// https://github.com/sigstore/fulcio/blob/v1.8.7/config/identity/config.yaml
func (c Claim) tenancy(host string) string {
	switch {
	case c == Issuer && strings.HasPrefix(host, "oidc.eks."):
		return "id/CLUSTER"
	case c == Issuer && host == "container.googleapis.com":
		return "v1/projects/PROJECT"
	case c == Issuer && host == "oidc.circleci.com":
		return "org/ORGANISATION"
	case c == Subject && host == "kubernetes.io":
		return "namespaces/NAMESPACE"
	case c == Subject && host == "circleci.com":
		return "api/v2/projects/PROJECT"
	case c == Issuer:
		return "TENANT"
	}
	return "ORGANISATION"
}
