package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/anchore/packageurl-go"
)

// Pattern names packages: a name, or a package URL without its version, in both of which * stands for any characters.
// The zero value names none.
type Pattern struct {
	text string
	purl *packageurl.PackageURL
}

// ParsePattern reads "log4j-core", "spring-*" or "pkg:maven/org.apache.logging.log4j/log4j-core". A version narrows a
// package URL: pkg:npm/lodash@4.17.15 names that one.
func ParsePattern(text string) (Pattern, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "" || len(text) > maxPattern || strings.ContainsFunc(text, isControl):
		return Pattern{}, fmt.Errorf("%.80q names no package: a name or a package URL does", text)
	case !isPURL(text):
		return Pattern{text: text}, nil
	}
	purl, err := packageurl.FromString(text)
	if err != nil {
		return Pattern{}, fmt.Errorf("%.80q is no package URL: %w", text, err)
	}
	return Pattern{text: text, purl: &purl}, nil
}

const maxPattern = 1024

// isPURL tells a package URL by its scheme, which has no case.
func isPURL(text string) bool { return len(text) >= 4 && strings.EqualFold(text[:4], "pkg:") }

func isControl(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 }

// String is the pattern as it was written.
func (p Pattern) String() string { return p.text }

// MarshalText writes the pattern as it was written.
func (p Pattern) MarshalText() ([]byte, error) { return []byte(p.text), nil }

// UnmarshalText reads what MarshalText wrote; an empty text is the pattern that names nothing.
func (p *Pattern) UnmarshalText(text []byte) (err error) {
	*p = Pattern{}
	if len(text) > 0 {
		*p, err = ParsePattern(string(text))
	}
	return err
}

// Matches says whether the package is one of those. What a package URL says of qualifiers and a subpath must be said of the
// package too; names that are one in the package's ecosystem are one here.
func (p Pattern) Matches(of Package) bool {
	if p.text == "" {
		return false
	}
	purl, err := packageurl.FromString(of.PURL)
	if p.purl == nil {
		return globOne(p.text, of, of.Name, fullName(of)) || err == nil && globOne(p.text, of, purl.Name)
	}
	return err == nil && purl.Type == p.purl.Type && glob(p.purl.Namespace, purl.Namespace) && globOne(p.purl.Name, of, purl.Name) &&
		(p.purl.Version == "" || glob(p.purl.Version, of.Version) || glob(p.purl.Version, purl.Version)) &&
		(p.purl.Subpath == "" || glob(p.purl.Subpath, purl.Subpath)) && qualified(p.purl.Qualifiers, purl.Qualifiers.Map())
}

func globOne(pattern string, of Package, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return glob(of.spelt(pattern), of.spelt(name)) })
}

func qualified(wanted packageurl.Qualifiers, has map[string]string) bool {
	return !slices.ContainsFunc(wanted, func(q packageurl.Qualifier) bool {
		value, told := has[q.Key]
		return !told || !glob(q.Value, value)
	})
}

// fullName is how people write a name with its namespace: group:artifact of Maven, else namespace/name.
func fullName(of Package) string {
	purl, err := packageurl.FromString(of.PURL)
	if err != nil || purl.Namespace == "" {
		return of.Name
	}
	if purl.Type == packageurl.TypeMaven {
		return purl.Namespace + ":" + purl.Name
	}
	return purl.Namespace + "/" + purl.Name
}

// glob says whether the text has the form of the pattern, in which * stands for any number of any characters.
func glob(pattern, text string) bool {
	head, rest, found := strings.Cut(pattern, "*")
	if !found {
		return pattern == text
	}
	if !strings.HasPrefix(text, head) {
		return false
	}
	text = text[len(head):]
	for {
		middle, next, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(text, middle)
		}
		at := strings.Index(text, middle)
		if at < 0 {
			return false
		}
		text, rest = text[at+len(middle):], next
	}
}
