package policy

import (
	"fmt"
	"regexp"
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
	case !strings.HasPrefix(text, "pkg:"):
		return Pattern{text: text}, nil
	}
	purl, err := packageurl.FromString(text)
	if err != nil {
		return Pattern{}, fmt.Errorf("%.80q is no package URL: %w", text, err)
	}
	return Pattern{text: text, purl: &purl}, nil
}

const maxPattern = 1024

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

// Matches says whether the package is one of those.
func (p Pattern) Matches(of Package) bool {
	switch {
	case p.text == "":
		return false
	case p.purl == nil:
		return glob(p.text, of.Name) || glob(p.text, fullName(of))
	}
	purl, err := packageurl.FromString(of.PURL)
	return err == nil && purl.Type == p.purl.Type && glob(p.purl.Namespace, purl.Namespace) && glob(p.purl.Name, purl.Name) &&
		(p.purl.Version == "" || glob(p.purl.Version, of.Version) || glob(p.purl.Version, purl.Version))
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

// Denial is a kind of package that must not be there, in the versions of the constraint, or in any where there is none.
type Denial struct {
	Package    Pattern `json:"package"`
	Constraint string  `json:"constraint,omitempty"` // "< 2.17.1", ">= 1.0, < 1.4.2"
}

// ParseDenial reads "PACKAGE" or "PACKAGE CONSTRAINT". A range that no version could be in would deny nothing, and say so
// to nobody.
func ParseDenial(text string) (Denial, error) {
	text = strings.TrimSpace(text)
	name, constraint := text, ""
	if at := strings.IndexAny(text, " <>=!~^"); at >= 0 {
		name, constraint = text[:at], strings.TrimSpace(text[at:])
		if !isRange(constraint) {
			return Denial{}, fmt.Errorf("%.80q is no package with a range of versions, such as log4j-core < 2.17.1", text)
		}
	}
	pattern, err := ParsePattern(name)
	return Denial{Package: pattern, Constraint: constraint}, err
}

// oneRange is an operator and a version, which has a digit in it whatever ecosystem it is of.
var oneRange = regexp.MustCompile(`^(?:<=?|>=?|=|!=|~>?|\^)\s*[0-9A-Za-z][^\s,|<>=!]*$`)

func isRange(text string) bool {
	for _, part := range strings.FieldsFunc(strings.ReplaceAll(text, "||", ","), func(c rune) bool { return c == ',' }) {
		if part = strings.TrimSpace(part); !oneRange.MatchString(part) || !strings.ContainsAny(part, "0123456789") {
			return false
		}
	}
	return true
}

// String is the denial as it would be written.
func (d Denial) String() string {
	if d.Constraint == "" {
		return d.Package.String()
	}
	return d.Package.String() + " " + d.Constraint
}
