// Package licence reads SPDX licence expressions and says whether they leave a choice that is allowed.
//
// An identifier that the SPDX list does not hold is an error and no licence: a misspelt one must not slip through a list
// of denied ones.
package licence

import "strings"

// Licence is one licence of an expression, in the spelling of the SPDX list: GPL-2.0+ is GPL-2.0-or-later.
type Licence struct {
	ID        string // Apache-2.0, LicenseRef-acme, DocumentRef-x:LicenseRef-y
	OrLater   bool   // Apache-1.1+; a -or-later is part of the ID
	Exception string // Classpath-exception-2.0
}

func (l Licence) String() string {
	text := l.ID
	if l.OrLater {
		text += "+"
	}
	if l.Exception != "" {
		text += " WITH " + l.Exception
	}
	return text
}

// Expr is a licence expression. The zero value allows nothing.
type Expr struct {
	licence Licence
	join    operator
	parts   []Expr
}

type operator int

const (
	alone operator = iota
	and
	or
)

// Allows says whether the expression can be met by licences that are allowed, each being one: all parts of an AND, and one
// of an OR.
func (e Expr) Allows(allowed func(Licence) bool) bool {
	switch e.join {
	case and:
		for _, part := range e.parts {
			if !part.Allows(allowed) {
				return false
			}
		}
		return true
	case or:
		for _, part := range e.parts {
			if part.Allows(allowed) {
				return true
			}
		}
		return false
	}
	return e.licence.ID != "" && allowed(e.licence)
}

// Licences are all that occur, in their order.
func (e Expr) Licences() []Licence {
	if e.join == alone {
		if e.licence.ID == "" {
			return nil
		}
		return []Licence{e.licence}
	}
	var list []Licence
	for _, part := range e.parts {
		list = append(list, part.Licences()...)
	}
	return list
}

// String is the expression as SPDX writes it, with parentheses where they are needed.
func (e Expr) String() string {
	switch e.join {
	case and, or:
		word := map[operator]string{and: " AND ", or: " OR "}[e.join]
		var parts []string
		for _, part := range e.parts {
			text := part.String()
			if part.join != alone && part.join != e.join {
				text = "(" + text + ")"
			}
			parts = append(parts, text)
		}
		return strings.Join(parts, word)
	}
	return e.licence.String()
}
