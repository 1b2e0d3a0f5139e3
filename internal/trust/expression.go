package trust

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// ParsePattern reads an expression for a claim. It refuses whatever could fit the identity of a stranger: the whole text
// must be fitted, and what says whose it is must stand in the expression as plain text (see origin.go).
func ParsePattern(of Claim, text string) (Pattern, error) {
	if err := plain(text); err != nil {
		return Pattern{}, err
	}
	if err := refuseFlags(text); err != nil {
		return Pattern{}, err
	}
	parts, err := anchored(text)
	if err != nil {
		return Pattern{}, err
	}
	from, err := of.origin(parts)
	if err != nil {
		return Pattern{}, err
	}
	if (of == Subject || of == CallerWorkflow) && strings.HasPrefix(from.text, "https:") && !keepsRef(parts) {
		return Pattern{}, errors.New("it fits an @ before the one that is written out, and what follows could be the name of a branch: write [^@]* for .* and [^/@]* for [^/]*")
	}
	expr, err := regexp.Compile(text)
	if err != nil {
		return Pattern{}, fmt.Errorf("%.80q is no expression: %w", text, err)
	}
	return Pattern{expr: expr, origin: from}, nil
}

// refuseFlags refuses (?i) and its like, which change what the rest of an expression means. A group that may set flags
// always begins with these two characters, and of those that set none the third tells.
// https://github.com/google/re2/wiki/Syntax
// Attack 12.
func refuseFlags(text string) error {
	for rest := text; ; {
		_, after, ok := strings.Cut(rest, "(?")
		if !ok {
			return nil
		}
		if !strings.HasPrefix(after, ":") && !strings.HasPrefix(after, "P<") && !strings.HasPrefix(after, "<") {
			return fmt.Errorf("(?%.1s is not taken: an expression has no flags; (?:...) groups", after)
		}
		rest = after
	}
}

// anchored are the parts between ^ and $ of an expression that is one sequence from its first character to its last.
func anchored(text string) ([]*syntax.Regexp, error) {
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("%.80q is no expression: %w", text, err)
	}
	parts := []*syntax.Regexp{tree}
	if tree.Op == syntax.OpConcat {
		parts = tree.Sub
	}
	if err := isAnchored(text, tree, parts); err != nil {
		return nil, err
	}
	inner := slices.DeleteFunc(slices.Clone(parts), func(p *syntax.Regexp) bool {
		return p == parts[0] && p.Op == syntax.OpBeginText || p == parts[len(parts)-1] && p.Op == syntax.OpEndText
	})
	if len(inner) == 0 {
		return nil, errors.New("it fits the empty text alone")
	}
	for _, part := range inner {
		if err := refuseAnchors(part); err != nil {
			return nil, err
		}
	}
	return inner, nil
}

// isAnchored refuses what would fit a part of a text, and so others than are meant.
// https://github.com/google/re2/wiki/Syntax
// Attack 12.
func isAnchored(text string, tree *syntax.Regexp, parts []*syntax.Regexp) error {
	switch first, last := parts[0], parts[len(parts)-1]; {
	case tree.Op == syntax.OpAlternate:
		return errors.New("it is two expressions, and the anchors hold for one side each: put a|b in a group, ^(?:a|b)$")
	case text[0] != '^' || first.Op != syntax.OpBeginText:
		return errors.New("it does not begin with ^, and would fit in the middle of a text")
	case !strings.HasSuffix(text, "$") || last.Op != syntax.OpEndText:
		return errors.New("it does not end with $ for everything that it fits, and would fit what goes on")
	}
	return nil
}

var errNothing = errors.New("it fits nothing")

// refuseAnchors refuses what else fits places and not characters, and what fits nothing.
// Attack 12.
func refuseAnchors(part *syntax.Regexp) error {
	switch part.Op {
	case syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return errors.New("^ and $ stand once, at the ends; other anchors are not taken")
	case syntax.OpNoMatch:
		return errNothing
	case syntax.OpCharClass:
		if len(part.Rune) == 0 {
			return errNothing
		}
	}
	for _, sub := range part.Sub {
		if err := refuseAnchors(sub); err != nil {
			return err
		}
	}
	return nil
}

// beginning is the plain text that everything the parts fit begins with, as far as it is written as such.
func beginning(parts []*syntax.Regexp) string {
	var text strings.Builder
	for _, part := range parts {
		if !literal(part) {
			break
		}
		text.WriteString(string(part.Rune))
	}
	return text.String()
}

// ending is the same of the end, with the parts before it.
func ending(parts []*syntax.Regexp) (before []*syntax.Regexp, text string) {
	for len(parts) > 0 && literal(parts[len(parts)-1]) {
		text = string(parts[len(parts)-1].Rune) + text
		parts = parts[:len(parts)-1]
	}
	return parts, text
}

// literal says whether the part is a text and nothing else; of [aA] the parser makes a text that regards no case.
func literal(part *syntax.Regexp) bool {
	return part.Op == syntax.OpLiteral && part.Flags&syntax.FoldCase == 0
}

// keepsRef says whether a sequence leaves nothing to choose before the @ that a ref follows. Where something before it
// fits an @ too, all that the rest of the expression asks for can be the name of a branch: git allows @ and / in it, and
// the subject of a workflow ends in @ and its ref. So the first thing that fits an @ is one, or the end.
// https://git-scm.com/docs/git-check-ref-format
// Attack 12.
func keepsRef(parts []*syntax.Regexp) bool {
	for i, part := range parts {
		switch {
		case literal(part) && fits(part, '@'):
			return true
		case fitsAny(part, "@"):
			return i == len(parts)-1 && keepsRefInside(part)
		}
	}
	return true
}

func keepsRefInside(part *syntax.Regexp) bool {
	switch part.Op {
	case syntax.OpCapture, syntax.OpConcat:
		return keepsRef(part.Sub)
	case syntax.OpAlternate:
		return !slices.ContainsFunc(part.Sub, func(sub *syntax.Regexp) bool { return !keepsRef([]*syntax.Regexp{sub}) })
	}
	return len(part.Sub) == 0 || len(part.Sub[0].Sub) == 0
}

// fitsAny says whether the part could fit one of the characters somewhere.
func fitsAny(part *syntax.Regexp, chars string) bool {
	if len(part.Sub) == 0 {
		return strings.ContainsFunc(chars, func(r rune) bool { return fits(part, r) })
	}
	return slices.ContainsFunc(part.Sub, func(sub *syntax.Regexp) bool { return fitsAny(sub, chars) })
}

// fits says whether a part without parts of its own fits the character, or has it in its text.
func fits(part *syntax.Regexp, r rune) bool {
	switch part.Op {
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return true
	case syntax.OpLiteral:
		return strings.ContainsRune(string(part.Rune), r)
	case syntax.OpCharClass:
		for i := 0; i+1 < len(part.Rune); i += 2 {
			if part.Rune[i] <= r && r <= part.Rune[i+1] {
				return true
			}
		}
	}
	return false
}
