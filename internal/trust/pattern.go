package trust

import (
	"fmt"
	"regexp"
)

// Pattern is one text exactly, or an expression that the whole text must fit. The zero value fits nothing.
type Pattern struct {
	exact  string
	expr   *regexp.Regexp
	origin origin // of an expression: what everything that it fits has in common
}

// Exactly fits this text alone.
func Exactly(text string) Pattern { return Pattern{exact: text} }

// Given says whether there is a pattern.
func (p Pattern) Given() bool { return p.exact != "" || p.expr != nil }

// Fits says whether the whole text is what the pattern means.
func (p Pattern) Fits(text string) bool {
	if p.expr != nil {
		return p.expr.MatchString(text)
	}
	return p.exact != "" && p.exact == text
}

// Exact is the text where the pattern is one, and otherwise empty.
func (p Pattern) Exact() string { return p.exact }

// Expression is the anchored expression (RE2), beginning with ^ and ending with $; empty where the pattern is a text.
func (p Pattern) Expression() string {
	if p.expr == nil {
		return ""
	}
	return p.expr.String()
}

func (p Pattern) String() string {
	if p.expr != nil {
		return fmt.Sprintf("matching %s", p.expr)
	}
	return p.exact
}
