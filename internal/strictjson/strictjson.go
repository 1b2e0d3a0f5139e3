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
	"io"
	"strings"
	"unicode/utf8"
)

// Bounds limit one document. A zero bound is not a bound.
type Bounds struct {
	Bytes    int64 // size of the document
	Depth    int   // nesting of objects and arrays
	FoldKeys bool  // refuse keys of one object that differ in case only
}

// Check reports the first thing that makes the document unfit to be decoded: not UTF-8, not exactly one JSON value, too
// large, too deep, or with the same key twice in one object.
func Check(doc []byte, b Bounds) error {
	if b.Bytes > 0 && int64(len(doc)) > b.Bytes {
		return fmt.Errorf("%d bytes, more than the %d allowed", len(doc), b.Bytes)
	}
	if !utf8.Valid(doc) {
		return errors.New("not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	w := walker{dec: dec, bounds: b}
	if err := w.document(); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("more than one JSON value (at byte %d)", dec.InputOffset())
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

type walker struct {
	dec    *json.Decoder
	bounds Bounds
	open   []level
}

// level is one open object or array; keys is nil for an array.
type level struct {
	keys    map[string]bool
	wantKey bool
}

func (w *walker) document() error {
	for {
		token, err := w.dec.Token()
		if errors.Is(err, io.EOF) {
			return errors.New("not JSON: it ends too early")
		}
		if err != nil {
			return fmt.Errorf("not JSON: %w", err)
		}
		if err := w.take(token); err != nil {
			return err
		}
		if len(w.open) == 0 {
			return nil
		}
	}
}

func (w *walker) take(token json.Token) error {
	switch t := token.(type) {
	case json.Delim:
		if t == '{' || t == '[' {
			return w.enter(t)
		}
		w.open = w.open[:len(w.open)-1]
	case string:
		if top := w.top(); top != nil && top.wantKey {
			return w.key(top, t)
		}
	}
	w.valueDone()
	return nil
}

func (w *walker) enter(t json.Delim) error {
	if w.bounds.Depth > 0 && len(w.open) >= w.bounds.Depth {
		return fmt.Errorf("nested deeper than %d (at byte %d)", w.bounds.Depth, w.dec.InputOffset())
	}
	next := level{}
	if t == '{' {
		next = level{keys: map[string]bool{}, wantKey: true}
	}
	w.open = append(w.open, next)
	return nil
}

func (w *walker) key(top *level, key string) error {
	if w.bounds.FoldKeys {
		// encoding/json folds the Kelvin sign and the long s too; ToUpper(ToLower()) maps them to K and S.
		key = strings.ToUpper(strings.ToLower(key))
	}
	if top.keys[key] {
		return fmt.Errorf("key %.64q stands twice in one object (at byte %d)", key, w.dec.InputOffset())
	}
	top.keys[key] = true
	top.wantKey = false
	return nil
}

func (w *walker) valueDone() {
	if top := w.top(); top != nil && top.keys != nil {
		top.wantKey = true
	}
}

func (w *walker) top() *level {
	if len(w.open) == 0 {
		return nil
	}
	return &w.open[len(w.open)-1]
}
