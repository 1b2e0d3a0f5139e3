package stricttext

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// TagValueBounds limit one SPDX document in the tag-value form. A zero bound is not a bound.
// https://spdx.github.io/spdx-spec/v2.3/conformance/#44-standard-data-format-requirements
type TagValueBounds struct {
	Bytes int64
	Lines int
	Line  int // bytes of one line
	Text  int // bytes of one <text> that are kept
}

const textBegin, textEnd = "<text>", "</text>"

// TagValue reports the first thing that makes the document unfit to be decoded: not UTF-8, a line without a tag, a text
// that never ends, or beyond a bound. It returns the document with every text cut and on one line: licences and comments
// are of no use to a scan, and the reader copies such a text again for each of its lines.
func TagValue(doc []byte, b TagValueBounds) ([]byte, error) {
	if b.Bytes > 0 && int64(len(doc)) > b.Bytes {
		return nil, fmt.Errorf("%d bytes, more than the %d allowed", len(doc), b.Bytes)
	}
	if !utf8.Valid(doc) {
		return nil, errors.New("not UTF-8")
	}
	r := tagValueReader{bounds: b}
	r.out.Grow(len(doc))
	for len(doc) > 0 {
		var line []byte
		line, doc, _ = bytes.Cut(doc, []byte("\n"))
		if err := r.line(bytes.TrimRight(line, "\r")); err != nil {
			return nil, err
		}
	}
	if r.inText {
		return nil, errors.New("a <text> that does not end")
	}
	return r.out.Bytes(), nil
}

type tagValueReader struct {
	bounds TagValueBounds
	out    bytes.Buffer
	lines  int
	inText bool
	kept   int // bytes of the open text
}

func (r *tagValueReader) line(line []byte) error {
	if r.lines++; r.bounds.Lines > 0 && r.lines > r.bounds.Lines {
		return fmt.Errorf("more than %d lines", r.bounds.Lines)
	}
	if r.bounds.Line > 0 && len(line) > r.bounds.Line {
		return fmt.Errorf("line %d has more than %d bytes", r.lines, r.bounds.Line)
	}
	if r.inText {
		if r.bounds.Text == 0 || r.kept < r.bounds.Text {
			r.out.WriteByte(' ')
			r.kept++
		}
		r.text(line)
		return nil
	}
	trimmed := bytes.TrimSpace(line)
	if len(trimmed) == 0 || trimmed[0] == '#' {
		return nil
	}
	tag, value, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return fmt.Errorf("line %d has no tag", r.lines)
	}
	r.out.Write(tag)
	r.out.WriteByte(':')
	before, text, ok := bytes.Cut(value, []byte(textBegin))
	r.out.Write(before)
	if !ok {
		r.out.WriteByte('\n')
		return nil
	}
	r.out.WriteString(textBegin)
	r.inText, r.kept = true, 0
	r.text(text)
	return nil
}

// text keeps what there is room for, and closes the text where the line does.
func (r *tagValueReader) text(line []byte) {
	part, _, ends := bytes.Cut(line, []byte(textEnd))
	if room := r.bounds.Text - r.kept; r.bounds.Text > 0 && len(part) > room {
		part = []byte(strings.ToValidUTF8(string(part[:max(room, 0)]), ""))
		r.kept = r.bounds.Text
	}
	r.out.Write(part)
	r.kept += len(part)
	if ends {
		r.out.WriteString(textEnd + "\n")
		r.inText = false
	}
}
