package policy

import (
	"fmt"
	"regexp"
	"strings"
)

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
	if at := startOfRange(text); at >= 0 {
		name, constraint = text[:at], strings.TrimSpace(text[at:])
		if !isRange(constraint) {
			return Denial{}, fmt.Errorf("%.80q is no package with a range of versions, such as log4j-core < 2.17.1: its signs are <, <=, >, >= and =", text)
		}
	}
	pattern, err := ParsePattern(name)
	if err == nil && pattern.holdsRange() {
		return Denial{}, fmt.Errorf("%.80q names a version where a name should end: write name = 1.0, or a package URL", text)
	}
	return Denial{Package: pattern, Constraint: constraint}, err
}

// startOfRange is where the range begins. A package URL has = in its qualifiers, and ~ in versions, so that only a space, <
// or > ends it.
func startOfRange(text string) int {
	if isPURL(text) {
		return strings.IndexAny(text, " <>")
	}
	return strings.IndexAny(text, " <>=!~^")
}

// holdsRange says of a name that it goes on with a version, as lodash@4.17.15 does, or pkg:npm/lodash=4.17.15. No package
// is called that.
func (p Pattern) holdsRange() bool {
	if p.purl != nil {
		return strings.ContainsAny(p.purl.Name, "=!~^")
	}
	return strings.LastIndexByte(p.text, '@') > 0
}

// oneRange is an operator and a version, which has a digit in it whatever ecosystem it is of. Other operators mean something
// in some ecosystems alone, and nothing in the rest.
var oneRange = regexp.MustCompile(`^(?:<=?|>=?|=)\s*[0-9A-Za-z][^\s,|<>=!]*$`)

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
