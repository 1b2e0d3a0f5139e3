package strictjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/strictjson"
)

func TestCheck(t *testing.T) {
	bounds := strictjson.Bounds{Bytes: 200, Depth: 4}
	folded := strictjson.Bounds{FoldKeys: true}
	for name, test := range map[string]struct {
		doc    string
		bounds strictjson.Bounds
		want   string // part of the error; empty: none
	}{
		"a plain document":                  {`{"a":[1,{"b":null}],"c":"{"}`, bounds, ""},
		"one value that is no object":       {`7`, bounds, ""},
		"the same key in two objects":       {`[{"a":1},{"a":2}]`, bounds, ""},
		"the same key twice":                {`{"a":1,"b":{},"a":2}`, bounds, "stands twice"},
		"the same key twice, deep inside":   {`{"x":[{"a":1,"a":2}]}`, bounds, "stands twice"},
		"the same key written in two ways":  {`{"a":1,"\u0061":2}`, bounds, "stands twice"},
		"a string that looks like a key":    {`{"a":"b","b":"a"}`, bounds, ""},
		"keys that differ in case":          {`{"subject":1,"Subject":2}`, bounds, ""},
		"keys that differ in case, folded":  {`{"subject":1,"Subject":2}`, folded, "stands twice"},
		"keys with the Kelvin sign, folded": {"{\"key\":1,\"\u212aey\":2}", folded, "stands twice"},
		"nested as deep as allowed":         {`[[[[]]]]`, bounds, ""},
		"nested deeper":                     {`[[[[[]]]]]`, bounds, "deeper than 4"},
		"larger than allowed":               {`"` + strings.Repeat("x", 200) + `"`, bounds, "more than the 200"},
		"two values":                        {`{} {}`, bounds, "more than one"},
		"something behind the value":        {`{}x`, bounds, "more than one"},
		"cut short":                         {`{"a":[1,`, bounds, "ends too early"},
		"empty":                             {``, bounds, "ends too early"},
		"not JSON":                          {`hello`, bounds, "not JSON"},
		"a byte order mark":                 {"\ufeff{}", bounds, "not JSON"},
		"UTF-16":                            {"\xff\xfe{\x00}\x00", bounds, "not UTF-8"},
		"as many elements as allowed":       {`[1,2,3]`, strictjson.Bounds{Elements: 3}, ""},
		"more elements":                     {`{"a":[1,2,3,4]}`, strictjson.Bounds{Elements: 3}, "more than 3 elements"},
		"keys are no elements":              {`{"a":1,"b":2,"c":3,"d":[[1],[2]]}`, strictjson.Bounds{Elements: 3}, ""},
		"as many objects as allowed":        {`[{},{}]`, strictjson.Bounds{Values: 3}, ""},
		"more objects":                      {`[{},{},[]]`, strictjson.Bounds{Values: 3}, "more than 3 objects"},
		"NaN":                               {`{"a":NaN}`, bounds, "not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			err := strictjson.Check([]byte(test.doc), test.bounds)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func FuzzCheck(f *testing.F) {
	for _, seed := range []string{`{"a":[1,{"b":null}]}`, `{"a":1,"a":2}`, `[[[[[`, `"\ud800"`, `{}{}`} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, doc []byte, fold bool) {
		got := strictjson.Check(doc, strictjson.Bounds{Depth: 50, FoldKeys: fold})
		if want := byTokens(doc, 50, fold); (got == nil) != want {
			t.Errorf("%q: %v, want fit %v", doc, got, want)
		}
	})
}

func FuzzMembers(f *testing.F) {
	for _, seed := range []string{`{}`, ` { "a" : [1, {"a":"}"}] , "b\\"":"\\\\" ,"":null}`, `[{"a":1}]`, `"{"`, `{"`, `7`, `{"maſK":1,"\u0042":2,"b":3,"x":4}`, `{"a":"b:c,d","e":{"f":[]}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		got := strictjson.Members(doc) // of what is no JSON too: anything but a panic
		var want map[string]json.RawMessage
		if json.Unmarshal(doc, &want) != nil || want == nil {
			if json.Valid(doc) && got != nil {
				t.Errorf("%q has members: %q", doc, got)
			}
			return
		}
		type head struct{ Mask, B json.RawMessage }
		var whole, picked head
		if err := errors.Join(json.Unmarshal(doc, &whole), json.Unmarshal(strictjson.Pick(doc, "mask", "b"), &picked)); err != nil {
			t.Fatalf("%q: %v", doc, err)
		}
		if diff := cmp.Diff(whole, picked); diff != "" {
			t.Errorf("%q picked: %s", doc, diff)
		}
		found := map[string]json.RawMessage{}
		for _, m := range got {
			var key string
			if err := json.Unmarshal([]byte(`"`+string(m.Key)+`"`), &key); err != nil {
				t.Fatal(err)
			}
			found[key] = m.Value
		}
		if diff := cmp.Diff(want, found); diff != "" {
			t.Errorf("%q: %s", doc, diff)
		}
	})
}

func TestPick(t *testing.T) {
	for doc, want := range map[string]string{`{"a": 1, "b": {"a": 2}, "c": "x"}`: `{"a":1,"c":"x"}`, `{"b":1}`: `{}`, `{"A":1,"\u0063":2,"ab":3}`: `{"A":1,"\u0063":2}`, `[1]`: `[1]`, `{}`: `{}`} {
		if got := string(strictjson.Pick([]byte(doc), "a", "c")); got != want {
			t.Errorf("%s: got %s, want %s", doc, got, want)
		}
	}
}

// byTokens says the same as Check, by the tokens of encoding/json.
func byTokens(doc []byte, depth int, fold bool) bool {
	if !utf8.Valid(doc) || !json.Valid(doc) {
		return false
	}
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	type level struct {
		keys    map[string]bool
		wantKey bool
	}
	var open []level
	for {
		token, err := dec.Token()
		if err != nil {
			return errors.Is(err, io.EOF)
		}
		key, isText := token.(string)
		switch delim, _ := token.(json.Delim); {
		case delim == '{' || delim == '[':
			if len(open) == depth {
				return false
			}
			next := level{}
			if delim == '{' {
				next = level{map[string]bool{}, true}
			}
			open = append(open, next)
			continue
		case delim != 0:
			open = open[:len(open)-1]
		case isText && len(open) > 0 && open[len(open)-1].wantKey:
			top := &open[len(open)-1]
			if fold {
				key = strings.ToUpper(strings.ToLower(key))
			}
			if top.keys[key] {
				return false
			}
			top.keys[key], top.wantKey = true, false
			continue
		}
		if len(open) > 0 {
			open[len(open)-1].wantKey = open[len(open)-1].keys != nil
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	doc := []byte(`{"components":[` + strings.Repeat(`{"bom-ref":"pkg:npm/lodash@4.17.21","type":"library","name":"lodash","version":"4.17.21","licenses":[{"license":{"id":"MIT"}}]},`, 5000) + `{}]}`)
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		if err := strictjson.Check(doc, strictjson.Bounds{Depth: 100}); err != nil {
			b.Fatal(err)
		}
	}
}
