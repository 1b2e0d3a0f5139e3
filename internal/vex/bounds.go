package vex

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/stepseal/stepseal/internal/strictjson"
)

// bounds of a document, checked before it is decoded. FoldKeys: encoding/json takes "Status" for "status", and of the
// two the last.
var bounds = strictjson.Bounds{Bytes: 64 << 20, Depth: 100, Values: 2_000_000, Elements: 500_000, FoldKeys: true}

// Limits on what is made of a document.
const (
	maxStatements = 100_000
	maxProducts   = 500_000 // of all statements, with their subcomponents
	maxIDs        = 100     // of one vulnerability
	maxWord       = 256     // bytes of an id
	maxPURL       = 4096
	maxName       = 2048
	maxText       = 64 << 10
	maxNotes      = 100
)

// collector gathers a document while it is read, within the limits.
type collector struct {
	doc      Document
	products int
	notes    map[string]bool
	unnoted  int
}

// note tells what counts for nothing; the same is told once.
func (c *collector) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	switch {
	case c.notes[text]:
	case len(c.notes) >= maxNotes:
		c.unnoted++
	default:
		c.notes[text] = true
	}
}

func (c *collector) told() []string {
	var list []string
	for text := range c.notes {
		list = append(list, text)
	}
	slices.Sort(list)
	if c.unnoted > 0 {
		list = append(list, fmt.Sprintf("and %d more of the kind", c.unnoted))
	}
	return list
}

// add takes a statement, unless no product is left of it.
func (c *collector) add(s Statement) error {
	if len(s.Products) == 0 {
		c.note("what is said of %s counts for nothing: it names no product that can be compared", s.IDs[0])
		return nil
	}
	if len(c.doc.Statements) >= maxStatements {
		return fmt.Errorf("more than %d statements", maxStatements)
	}
	c.doc.Statements = append(c.doc.Statements, s)
	return nil
}

// count keeps the number of products within its limit: formats that refer to products could multiply them.
func (c *collector) count(n int) error {
	if c.products += n; c.products > maxProducts {
		return fmt.Errorf("more than %d products in all", maxProducts)
	}
	return nil
}

// word is a short text that names something: one that cannot break a log line.
func word(what, text string, limit int) (string, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", fmt.Errorf("no %s", what)
	case len(text) > limit:
		return "", fmt.Errorf("the %s has %d bytes, more than the %d allowed", what, len(text), limit)
	case strings.ContainsFunc(text, breaks):
		return "", fmt.Errorf("the %s %.80q holds a control character", what, text)
	}
	return text, nil
}

// breaks says of a character that it could break the line that it stands in.
func breaks(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }

// identifiers are the words of one vulnerability, each once, in their order.
func identifiers(names ...string) ([]string, error) {
	var list []string
	for i, name := range names {
		if i > 0 && strings.TrimSpace(name) == "" {
			continue // an alias
		}
		id, err := word("name of the vulnerability", name, maxWord)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(list, id) {
			list = append(list, id)
		}
		if len(list) > maxIDs {
			return nil, fmt.Errorf("more than %d names of one vulnerability", maxIDs)
		}
	}
	if len(list) == 0 {
		return nil, errors.New("no name of the vulnerability")
	}
	return list, nil
}

// prose is a free text. It may be long and hold line ends: who shows it shortens and escapes it.
func prose(what string, texts ...string) (string, error) {
	text := strings.TrimSpace(strings.Join(slices.DeleteFunc(texts, func(t string) bool { return strings.TrimSpace(t) == "" }), "\n"))
	if len(text) > maxText {
		return "", fmt.Errorf("the %s has %d bytes, more than the %d allowed", what, len(text), maxText)
	}
	return text, nil
}

// latest is the first of the times that is given; a text that is no time is an error.
func latest(what string, texts ...string) (time.Time, error) {
	text := strings.TrimSpace(cmp.Or(texts...))
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("the %s %.40q is no RFC 3339 time", what, text)
	}
	return t.UTC(), nil
}
