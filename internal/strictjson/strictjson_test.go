package strictjson_test

import (
	"encoding/json"
	"strings"
	"testing"

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
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		if strictjson.Check(doc, strictjson.Bounds{Depth: 50}) == nil && !json.Valid(doc) {
			t.Errorf("accepted what is not JSON: %q", doc)
		}
	})
}
