package identity

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stepseal/stepseal/internal/strictjson"
)

const (
	maxToken = 32 << 10 // GitHub's have 2 KB, Kubernetes' 1 KB
	maxClaim = 2 << 10
	maxTime  = 253402300799 // the end of the year 9999
	// leeway is what issuers' clocks may be ahead, as Fulcio's own reader has it.
	// https://github.com/coreos/go-oidc/blob/v3.20.0/oidc/verify.go#L276
	leeway = 5 * time.Minute
)

// claimBounds leave room for the groups that some issuers put in.
var claimBounds = strictjson.Bounds{Bytes: maxToken, Depth: 16, Values: 1024, Elements: 1024, FoldKeys: true}

// algorithms are those that Fulcio's reader takes: signatures by a public key.
// https://github.com/coreos/go-oidc/blob/v3.20.0/oidc/oidc.go#L180
var algorithms = []string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA"}

// flaw is what is wrong with a token, as a predicate of it, and what to do.
type flaw struct{ what, hint string }

func (f *flaw) Error() string { return f.what }

const (
	hintForm     = "hand over the token as it was issued, in full: three parts with dots between them"
	hintIssuer   = "ask the issuer for an OpenID Connect identity token with iss, sub, aud and exp, signed with RS256 or another algorithm with a public key"
	hintExpired  = "have a new one issued, shortly before signing; if it is new, the clock of this machine is wrong"
	hintClock    = "check the clock of this machine"
	hintEmail    = "confirm the e-mail address with the issuer: Fulcio certifies none that is not"
	hintAudience = "have one issued for %s: nobody else's may be used for signing"
)

// read takes a token in the compact form, signed, and looks at what Fulcio will look at.
// https://datatracker.ietf.org/doc/html/rfc7515#section-3.1
// https://datatracker.ietf.org/doc/html/rfc7519#section-4.1
func read(text, audience string, now time.Time) (Token, error) {
	raw := strings.Trim(text, " \t\r\n") // files and variables often end with a newline
	header, payload, err := split(raw)
	if err != nil {
		return Token{}, err
	}
	if err := checkHeader(header); err != nil {
		return Token{}, err
	}
	c, err := object("payload", payload)
	if err != nil {
		return Token{}, err
	}
	token, err := c.token()
	if err != nil {
		return Token{}, err
	}
	token.reveal = func() string { return raw }
	return token, c.usable(token, audience, now)
}

// split gives the decoded header and payload.
func split(raw string) (header, payload []byte, err error) {
	parts := strings.Split(raw, ".")
	switch {
	case raw == "":
		return nil, nil, &flaw{"is empty", hintForm}
	case len(raw) > maxToken:
		return nil, nil, &flaw{fmt.Sprintf("is larger than %d KiB", maxToken>>10), hintForm}
	case len(parts) == 5:
		// https://datatracker.ietf.org/doc/html/rfc7516#section-3.1
		return nil, nil, &flaw{"is encrypted (it has five parts)", hintIssuer}
	case len(parts) != 3:
		return nil, nil, &flaw{fmt.Sprintf("has %d parts and not three: it is no signed JSON web token", len(parts)), hintForm}
	}
	var decoded [3][]byte
	for i, name := range []string{"header", "payload", "signature"} {
		if decoded[i], err = decode(parts[i]); err != nil {
			return nil, nil, &flaw{fmt.Sprintf("has a %s that %s", name, err), hintForm}
		}
	}
	return decoded[0], decoded[1], nil
}

// decode is base64url without padding, and without the newlines that Go's reader skips.
func decode(part string) ([]byte, error) {
	if part == "" {
		return nil, errors.New("is empty")
	}
	if strings.ContainsAny(part, "\r\n") {
		return nil, errors.New("has a line break")
	}
	content, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return nil, errors.New("is not base64url")
	}
	return content, nil
}

func checkHeader(content []byte) error {
	header, err := object("header", content)
	if err != nil {
		return err
	}
	algorithm, err := header.text("alg")
	switch {
	case err != nil:
		return err
	case strings.EqualFold(algorithm, "none"):
		return &flaw{"is not signed (alg is none)", hintIssuer}
	case !slices.Contains(algorithms, algorithm):
		return &flaw{fmt.Sprintf("is signed with %.40q, which Fulcio does not take", algorithm), hintIssuer}
	}
	return nil
}

// usable tells what Fulcio would refuse.
func (c claims) usable(t Token, audience string, now time.Time) error {
	notBefore, err := c.time("nbf")
	switch {
	case err != nil:
		return err
	case !slices.Contains(t.Audience, audience):
		return &flaw{fmt.Sprintf("is for the audience %.200q, and %q is needed", strings.Join(t.Audience, ", "), audience), fmt.Sprintf(hintAudience, audience)}
	case !now.Before(t.Expiry):
		return &flaw{fmt.Sprintf("expired at %s, and it is %s", told(t.Expiry), told(now)), hintExpired}
	case now.Add(leeway).Before(notBefore):
		return &flaw{fmt.Sprintf("is valid from %s, and it is %s", told(notBefore), told(now)), hintClock}
	}
	return c.email()
}

// email: where there is one it is what gets certified, and it must be verified.
// https://github.com/sigstore/sigstore/blob/v1.10.11/pkg/oauthflow/flow.go#L156
func (c claims) email() error {
	if raw := string(c["email"]); raw == "" || raw == `""` {
		return nil
	}
	if _, err := c.text("email"); err != nil {
		return err
	}
	if verified := string(c["email_verified"]); verified != "true" && verified != `"true"` {
		return &flaw{"is for an e-mail address that its issuer has not verified", hintEmail}
	}
	return nil
}
