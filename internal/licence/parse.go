package licence

import (
	"errors"
	"fmt"
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
func Parse(text string) (Expr, error) {
	if len(text) > maxBytes {
		return Expr{}, fmt.Errorf("a licence expression of %d bytes, more than the %d allowed", len(text), maxBytes)
	}
	p := parser{words: split(text)}
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
	words []string
	at    int
	count int
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
	l.Exception, err = exception(p.words[p.at])
	p.at++
	return Expr{licence: l}, err
}
