// Package stricttext looks at foreign XML and SPDX tag-value text before anyone decodes it.
//
// The decoders of both build whatever they are told to: they recurse, they copy one value of any length several times,
// and they hold every element in memory. What is checked here costs one pass without a copy.
package stricttext

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

// XMLBounds limit one XML document. A zero bound is not a bound.
type XMLBounds struct {
	Bytes      int64
	Depth      int // nesting of elements
	Elements   int
	Attributes int // of one element
	Tag        int // bytes of one tag with its attributes
}

// XML reports the first thing that makes the document unfit to be decoded: not UTF-8, a document type (which could
// declare entities), or beyond a bound. That it is well formed is left to the decoder, which refuses what this takes for
// a tag and is none.
func XML(doc []byte, b XMLBounds) error {
	if b.Bytes > 0 && int64(len(doc)) > b.Bytes {
		return fmt.Errorf("%d bytes, more than the %d allowed", len(doc), b.Bytes)
	}
	if !utf8.Valid(doc) {
		return errors.New("not UTF-8")
	}
	w := xmlWalker{doc: doc, bounds: b}
	for {
		next := bytes.IndexByte(doc[w.at:], '<')
		if next < 0 {
			return w.end()
		}
		w.at += next
		if err := w.markup(); err != nil {
			return err
		}
	}
}

type xmlWalker struct {
	doc             []byte
	at              int
	bounds          XMLBounds
	depth, elements int
}

func (w *xmlWalker) end() error {
	switch {
	case w.elements == 0:
		return errors.New("not XML: it holds no element")
	case w.depth > 0:
		return errors.New("not XML: it ends too early")
	}
	return nil
}

// markup goes behind what begins with the < at which the walker stands.
func (w *xmlWalker) markup() error {
	rest := w.doc[w.at:]
	switch {
	case bytes.HasPrefix(rest, []byte("<!--")):
		return w.skip("<!--", "-->")
	case bytes.HasPrefix(rest, []byte("<![CDATA[")):
		return w.skip("<![CDATA[", "]]>")
	case bytes.HasPrefix(rest, []byte("<!")):
		return fmt.Errorf("a document type, or another declaration, which no SBOM needs (at byte %d)", w.at)
	case bytes.HasPrefix(rest, []byte("<?")):
		return w.skip("<?", "?>")
	case bytes.HasPrefix(rest, []byte("</")):
		w.depth--
		if w.depth < 0 {
			return fmt.Errorf("not XML: an element ends that has not begun (at byte %d)", w.at)
		}
		return w.skip("</", ">")
	}
	return w.element()
}

func (w *xmlWalker) skip(begin, end string) error {
	length := bytes.Index(w.doc[w.at+len(begin):], []byte(end))
	if length < 0 {
		return errors.New("not XML: it ends too early")
	}
	w.at += len(begin) + length + len(end)
	return nil
}

// element goes to the end of a start tag. A > inside a quoted value does not end it.
func (w *xmlWalker) element() error {
	start, attributes := w.at, 0
	for w.at++; w.at < len(w.doc); w.at++ {
		if w.bounds.Tag > 0 && w.at-start > w.bounds.Tag {
			return fmt.Errorf("a tag of more than %d bytes (at byte %d)", w.bounds.Tag, start)
		}
		switch c := w.doc[w.at]; c {
		case '"', '\'':
			if attributes++; w.bounds.Attributes > 0 && attributes > w.bounds.Attributes {
				return fmt.Errorf("an element with more than %d attributes (at byte %d)", w.bounds.Attributes, start)
			}
			length := bytes.IndexByte(w.doc[w.at+1:], c)
			if length < 0 {
				return errors.New("not XML: it ends too early")
			}
			w.at += length + 1
		case '<':
			return fmt.Errorf("not XML: a < within a tag (at byte %d)", w.at)
		case '>':
			if w.bounds.Tag > 0 && w.at-start > w.bounds.Tag { // a quoted value may have led far
				return fmt.Errorf("a tag of more than %d bytes (at byte %d)", w.bounds.Tag, start)
			}
			return w.began(w.doc[w.at-1] == '/', start)
		}
	}
	return errors.New("not XML: it ends too early")
}

func (w *xmlWalker) began(empty bool, start int) error {
	w.at++
	if w.elements++; w.bounds.Elements > 0 && w.elements > w.bounds.Elements {
		return fmt.Errorf("more than %d elements", w.bounds.Elements)
	}
	if w.bounds.Depth > 0 && w.depth >= w.bounds.Depth {
		return fmt.Errorf("nested deeper than %d (at byte %d)", w.bounds.Depth, start)
	}
	if !empty {
		w.depth++
	}
	return nil
}
