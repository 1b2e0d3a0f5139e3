package stricttext_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stepseal/stepseal/internal/stricttext"
)

var xmlBounds = stricttext.XMLBounds{Bytes: 1 << 20, Depth: 5, Elements: 20, Attributes: 3, Tag: 100}

func TestXML(t *testing.T) {
	for name, c := range map[string]struct{ doc, want string }{
		"a document":                     {`<?xml version="1.0"?><!-- a > b --><bom xmlns="x"><c a='>' b="/"/><d><![CDATA[</x><y>]]></d></bom>`, ""},
		"a > in the text":                {`<a>1 > 0</a>`, ""},
		"nothing":                        {" \n", "no element"},
		"not UTF-8":                      {"<a>\xff</a>", "not UTF-8"},
		"a document type":                {`<!DOCTYPE a><a/>`, "document type"},
		"entities":                       {`<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY l2 "&lol;&lol;">]><a>&l2;</a>`, "document type"},
		"an entity within":               {`<a><!ENTITY lol "lol"></a>`, "document type"},
		"too deep":                       {strings.Repeat("<a>", 6), "deeper than 5"},
		"as deep as allowed":             {strings.Repeat("<a>", 5) + strings.Repeat("</a>", 5), ""},
		"too many elements":              {"<a>" + strings.Repeat("<b/>", 20) + "</a>", "more than 20 elements"},
		"too many attributes":            {`<a b="" c="" d="" e=""/>`, "more than 3 attributes"},
		"a long attribute":               {`<a b="` + strings.Repeat("x", 200) + `"/>`, "more than 100 bytes"},
		"a long name":                    {`<` + strings.Repeat("x", 200) + `/>`, "more than 100 bytes"},
		"an element that does not end":   {`<a>`, "too early"},
		"a tag that does not end":        {`<a><b`, "too early"},
		"a value that does not end":      {`<a b="`, "too early"},
		"a comment that does not end":    {`<a/><!--`, "too early"},
		"an end without a beginning":     {`</a>`, "not begun"},
		"a tag within a tag":             {`<a <b></b></a>`, "within a tag"},
		"too many bytes":                 {`<a>` + strings.Repeat("x", 1<<20) + `</a>`, "bytes, more than"},
		"an instruction that has no end": {`<?xml`, "too early"},
	} {
		t.Run(name, func(t *testing.T) { said(t, stricttext.XML([]byte(c.doc), xmlBounds), c.want) })
	}
}

func said(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("error %v", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("error %v, want one with %q", err, want)
	}
}

func TestTagValue(t *testing.T) {
	bounds := stricttext.TagValueBounds{Bytes: 1 << 20, Lines: 10, Line: 50, Text: 8}
	for name, c := range map[string]struct{ doc, want, refused string }{
		"lines":                    {"A: 1\r\n# comment\n\n  B: 2", "A: 1\n  B: 2\n", ""},
		"a text on one line":       {"A: <text>1: 2</text> rest\nB: 3\n", "A: <text>1: 2</text>\nB: 3\n", ""},
		"a text on several":        {"A: <text>one\ntwo\n\nthree</text>\nB: 3\n", "A: <text>one two </text>\nB: 3\n", ""},
		"a cut inside a character": {"A: <text>1234567é</text>", "A: <text>1234567</text>\n", ""},
		"no tag":                   {"A: 1\nnothing\n", "", "line 2 has no tag"},
		"a text without an end":    {"A: <text>1\n", "", "does not end"},
		"a long line":              {"A: " + strings.Repeat("x", 60), "", "line 1 has more than 50"},
		"too many lines":           {strings.Repeat("A: 1\n", 11), "", "more than 10 lines"},
		"too many bytes":           {strings.Repeat("x", 1<<21), "", "bytes, more than"},
		"not UTF-8":                {"A: \xff", "", "not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := stricttext.TagValue([]byte(c.doc), bounds)
			said(t, err, c.refused)
			if string(got) != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// Each of these would take a decoder seconds or gigabytes.
func TestHostileTextIsRefusedAtOnce(t *testing.T) {
	bounds := stricttext.XMLBounds{Bytes: 256 << 20, Depth: 100, Elements: 1 << 20, Attributes: 100, Tag: 1 << 20}
	lines := stricttext.TagValueBounds{Bytes: 256 << 20, Lines: 1 << 20, Line: 64 << 10, Text: 1000}
	for name, check := range map[string]func() error{
		"a million levels":       func() error { return stricttext.XML([]byte(strings.Repeat("<a>", 1_000_000)), bounds) },
		"two million elements":   func() error { return stricttext.XML([]byte("<a>"+strings.Repeat("<b/>", 2_000_000)+"</a>"), bounds) },
		"an attribute of 100 MB": func() error { return stricttext.XML([]byte(`<a b="`+strings.Repeat("x", 100<<20)+`"/>`), bounds) },
		"a line of 100 MB": func() error {
			_, err := stricttext.TagValue([]byte("A: "+strings.Repeat("x", 100<<20)), lines)
			return err
		},
		"two million lines in one text": func() error {
			_, err := stricttext.TagValue([]byte("A: <text>"+strings.Repeat("\n", 2_000_000)+"</text>"), lines)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			if err := check(); err == nil {
				t.Error("accepted")
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// What is let through stays within the bounds by encoding/xml's own count.
func FuzzXML(f *testing.F) {
	for _, seed := range []string{`<a b="c"><d/></a>`, `<!DOCTYPE a><a/>`, `<a><![CDATA[<b>]]><!-- <c> --></a>`, `<?p?><a b='>'/>`, `<a ">"/>`, `<a></a`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		if stricttext.XML(doc, xmlBounds) != nil {
			return
		}
		dec := xml.NewDecoder(strings.NewReader(string(doc)))
		for depth, elements := 0, 0; ; {
			token, err := dec.RawToken()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					return // the decoder refuses it
				}
				return
			}
			switch of := token.(type) {
			case xml.StartElement:
				if elements++; elements > xmlBounds.Elements || len(of.Attr) > xmlBounds.Attributes {
					t.Fatalf("%d elements, %d attributes", elements, len(of.Attr))
				}
				if depth++; depth > xmlBounds.Depth+1 {
					t.Fatalf("depth %d", depth)
				}
			case xml.EndElement:
				depth--
			case xml.Directive:
				t.Fatalf("a directive: %q", of)
			}
		}
	})
}

func FuzzTagValue(f *testing.F) {
	for _, seed := range []string{"A: 1\nB: <text>2\n3</text>\n", "A: <text><text></text></text>", "#\n\nA:"} {
		f.Add([]byte(seed))
	}
	bounds := stricttext.TagValueBounds{Bytes: 1 << 16, Lines: 100, Line: 200, Text: 20}
	f.Fuzz(func(t *testing.T, doc []byte) {
		out, err := stricttext.TagValue(doc, bounds)
		if err != nil {
			return
		}
		again, err := stricttext.TagValue(out, stricttext.TagValueBounds{Line: 500})
		if err != nil || string(again) != string(out) {
			t.Fatalf("%q became %q, and that %q (%v)", doc, out, again, err)
		}
		if strings.Count(string(out), "<text>") > strings.Count(string(doc), "<text>") {
			t.Fatalf("%q has more texts than %q", out, doc)
		}
	})
}
