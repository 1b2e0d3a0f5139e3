// Package strictjson looks at foreign JSON before anyone decodes it.
//
// encoding/json takes the last of two equal keys, matches keys without regard to case, and recurses as deep as it is
// told to; two readers of one envelope can so come to see two things. Check refuses what could be read in two ways.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Bounds limit one document. A zero bound is not a bound.
type Bounds struct {
	Bytes    int64 // size of the document
	Depth    int   // nesting of objects and arrays
	Values   int   // objects and arrays in all
	Elements int   // of one array
	Text     int   // bytes of one string or key, as it is written
	FoldKeys bool  // refuse keys of one object that differ in case only
}

// Check reports the first thing that makes the document unfit to be decoded: not UTF-8, not exactly one JSON value, too
// large, too deep, or with the same key twice in one object.
func Check(doc []byte, b Bounds) error {
	if err := b.hold(len(doc)); err != nil {
		return err
	}
	if !utf8.Valid(doc) {
		return errors.New("not UTF-8")
	}
	if !json.Valid(doc) {
		return invalid(doc, b)
	}
	w := walker{doc: doc, bounds: b}
	return w.walk()
}

// hold refuses a document that is larger than allowed, before anything looks at it.
// Attack 29.
func (b Bounds) hold(size int) error {
	if b.Bytes > 0 && int64(size) > b.Bytes {
		return fmt.Errorf("%d bytes, more than the %d allowed", size, b.Bytes)
	}
	return nil
}

// Decode checks the document, then decodes it and refuses keys that into does not know.
func Decode(doc []byte, b Bounds, into any) error {
	if err := Check(doc, b); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}

// invalid says why encoding/json does not take the document.
func invalid(doc []byte, b Bounds) error {
	var value json.RawMessage
	err := json.Unmarshal(doc, &value)
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return fmt.Errorf("not JSON: %w", err)
	}
	switch text := syntax.Error(); {
	case strings.Contains(text, "after top-level value"):
		return fmt.Errorf("more than one JSON value (at byte %d)", syntax.Offset)
	case strings.Contains(text, "unexpected end"):
		return errors.New("not JSON: it ends too early")
	case strings.Contains(text, "max depth"):
		return fmt.Errorf("nested deeper than %d", max(b.Depth, 10000))
	}
	return fmt.Errorf("not JSON: %w (at byte %d)", err, syntax.Offset)
}

// walker goes through a document that is known to be valid JSON, and looks at brackets and keys only: a token at a time
// by encoding/json takes ten times as long.
type walker struct {
	doc    []byte
	at     int
	bounds Bounds
	open   []level
	values int
}

// level is one open object or array.
type level struct {
	object  bool
	wantKey bool
	commas  int
	few     [][]byte // the keys, while they are few
	many    map[string]bool
}

// fewKeys is how many keys are compared one by one before they go into a map.
const fewKeys = 16

func (w *walker) walk() error {
	for ; w.at < len(w.doc); w.at++ {
		var err error
		switch w.doc[w.at] {
		case '{', '[':
			err = w.enter(w.doc[w.at] == '{')
		case '}', ']':
			w.open = w.open[:len(w.open)-1]
		case ',':
			err = w.next(&w.open[len(w.open)-1])
		case '"':
			err = w.text()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// next is a comma's meaning: another key, or another element.
func (w *walker) next(top *level) error {
	top.wantKey = top.object
	if top.commas++; !top.object && w.bounds.Elements > 0 && top.commas >= w.bounds.Elements {
		return fmt.Errorf("an array of more than %d elements (at byte %d)", w.bounds.Elements, w.at)
	}
	return nil
}

func (w *walker) enter(object bool) error {
	if w.bounds.Depth > 0 && len(w.open) >= w.bounds.Depth {
		return fmt.Errorf("nested deeper than %d (at byte %d)", w.bounds.Depth, w.at)
	}
	if w.values++; w.bounds.Values > 0 && w.values > w.bounds.Values {
		return fmt.Errorf("more than %d objects and arrays", w.bounds.Values)
	}
	if len(w.open) == cap(w.open) {
		w.open = append(w.open, level{})[:len(w.open)]
	}
	// The room of a closed level is used again.
	w.open = w.open[:len(w.open)+1]
	top := &w.open[len(w.open)-1]
	top.object, top.wantKey, top.commas, top.few, top.many = object, object, 0, top.few[:0], nil
	return nil
}

// text goes to the end of a string, and looks at it if it is a key.
func (w *walker) text() error {
	start, escaped := w.at, false
	for w.at++; w.doc[w.at] != '"'; w.at++ {
		if w.doc[w.at] == '\\' {
			escaped = true
			w.at++
		}
	}
	if w.bounds.Text > 0 && w.at-start > w.bounds.Text {
		return fmt.Errorf("a text of more than %d bytes (at byte %d)", w.bounds.Text, start)
	}
	if len(w.open) == 0 {
		return nil
	}
	top := &w.open[len(w.open)-1]
	if !top.wantKey {
		return nil
	}
	top.wantKey = false
	key := w.doc[start+1 : w.at]
	if escaped {
		var plain string
		if err := json.Unmarshal(w.doc[start:w.at+1], &plain); err != nil {
			return err
		}
		key = []byte(plain)
	}
	if w.bounds.FoldKeys {
		key = folded(key)
	}
	if !top.add(key) {
		return fmt.Errorf("key %.64q stands twice in one object (at byte %d)", key, start)
	}
	return nil
}

// folded is the same for keys that encoding/json takes for the same. It folds the Kelvin sign and the long s too, and
// ToUpper(ToLower()) maps them to K and S.
// Attack 6.
func folded(key []byte) []byte { return bytes.ToUpper(bytes.ToLower(key)) }

// add reports whether the key is new: of two that are the same, encoding/json takes the last and others the first.
// https://www.rfc-editor.org/rfc/rfc8259#section-4
// Attacks 5, 6, 11.
func (l *level) add(key []byte) bool {
	if l.many == nil && len(l.few) < fewKeys {
		for _, known := range l.few {
			if bytes.Equal(known, key) {
				return false
			}
		}
		l.few = append(l.few, key)
		return true
	}
	if l.many == nil {
		l.many = make(map[string]bool, 2*fewKeys)
		for _, known := range l.few {
			l.many[string(known)] = true
		}
	}
	if l.many[string(key)] {
		return false
	}
	l.many[string(key)] = true
	return true
}
