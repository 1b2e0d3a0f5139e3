package licence

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Limits on an expression. Debian's of a large package has some dozens of licences.
const (
	maxBytes    = 16 << 10
	maxLicences = 1000
	maxDepth    = 50
)

// Parse reads an expression. WITH binds closer than AND, and AND closer than OR; case does not count.
// https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/
func Parse(text string) (Expr, error) { return parse(text, false) }

// ParseForeign reads what a package says of itself, where a word that the SPDX list does not hold is a licence of that
// name: whoever takes what is under "AGPL-3.0-only AND Acme" takes the first too.
func ParseForeign(text string) (Expr, error) { return parse(text, true) }

// Named are the licences of the SPDX list that a text names which is no expression: "AGPL-3.0-only, see COPYING".
func Named(text string) (list []Licence) {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !strings.ContainsRune("+-.:", r) && !isAlphanumeric(r) }) {
		if l, err := identified(strings.TrimRight(word, ".:")); err == nil {
			list = append(list, l)
		}
	}
	return list
}

func isAlphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

func parse(text string, foreign bool) (Expr, error) {
	if len(text) > maxBytes {
		return Expr{}, fmt.Errorf("a licence expression of %d bytes, more than the %d allowed", len(text), maxBytes)
	}
	p := parser{words: split(text), foreign: foreign}
	if len(p.words) == 0 {
		return Expr{}, errors.New("no licence expression")
	}
	e, err := p.or(0)
	if err == nil && p.at < len(p.words) {
		err = fmt.Errorf("%.80q where AND, OR or the end should be", p.words[p.at])
	}
	if err != nil {
		return Expr{}, fmt.Errorf("licence expression %.120q: %w", text, err)
	}
	return e, nil
}

// split cuts at spaces and around parentheses.
func split(text string) []string {
	text = strings.NewReplacer("(", " ( ", ")", " ) ").Replace(text)
	return strings.Fields(text)
}

type parser struct {
	words   []string
	at      int
	count   int
	foreign bool // take words that are not known
}

// next takes the word if it is the next one.
func (p *parser) next(word string) bool {
	if p.at < len(p.words) && strings.EqualFold(p.words[p.at], word) {
		p.at++
		return true
	}
	return false
}

func (p *parser) or(depth int) (Expr, error) {
	return p.chain(or, "OR", func() (Expr, error) { return p.and(depth) })
}

func (p *parser) and(depth int) (Expr, error) {
	return p.chain(and, "AND", func() (Expr, error) { return p.one(depth) })
}

func (p *parser) chain(join operator, word string, operand func() (Expr, error)) (Expr, error) {
	first, err := operand()
	if err != nil {
		return Expr{}, err
	}
	list := []Expr{first}
	for p.next(word) {
		more, err := operand()
		if err != nil {
			return Expr{}, err
		}
		list = append(list, more)
	}
	if len(list) == 1 {
		return first, nil
	}
	return Expr{join: join, parts: flat(join, list)}, nil
}

// flat gives A AND (B AND C) the form of A AND B AND C.
func flat(join operator, list []Expr) []Expr {
	var out []Expr
	for _, e := range list {
		if e.join == join {
			out = append(out, e.parts...)
		} else {
			out = append(out, e)
		}
	}
	return out
}

func (p *parser) one(depth int) (Expr, error) {
	if p.next("(") {
		if depth == maxDepth {
			return Expr{}, fmt.Errorf("parentheses deeper than %d", maxDepth)
		}
		e, err := p.or(depth + 1)
		if err == nil && !p.next(")") {
			err = errors.New("a parenthesis is not closed")
		}
		return e, err
	}
	if p.at == len(p.words) {
		return Expr{}, errors.New("it ends where a licence should be")
	}
	word := p.words[p.at]
	if p.at++; p.count == maxLicences {
		return Expr{}, fmt.Errorf("more than %d licences", maxLicences)
	}
	p.count++
	l, err := identified(word)
	if err != nil && p.foreign && !isSign(word) {
		l, err = Licence{ID: word}, nil
	}
	if err != nil || !p.next("WITH") {
		return Expr{licence: l}, err
	}
	return p.with(l)
}

func (p *parser) with(l Licence) (Expr, error) {
	if l.Exception != "" {
		return Expr{}, fmt.Errorf("%s has an exception already", l)
	}
	if p.at == len(p.words) {
		return Expr{}, errors.New("it ends where an exception should be")
	}
	var err error
	word := p.words[p.at]
	l.Exception, err = exception(word)
	if err != nil && p.foreign && !isSign(word) {
		l.Exception, err = word, nil
	}
	p.at++
	return Expr{licence: l}, err
}

// isSign says of a word that it joins licences, and is none.
func isSign(word string) bool {
	return slices.ContainsFunc([]string{"AND", "OR", "WITH", "(", ")"}, func(sign string) bool { return strings.EqualFold(word, sign) })
}
