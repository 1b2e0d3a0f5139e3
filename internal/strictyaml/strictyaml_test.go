package strictyaml

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

func node(t *testing.T, text string) *yaml.Node {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Content[0]
}

// sample is what the tests read.
type sample struct {
	Name   string
	Count  int
	Switch *bool
	Words  []string
	Day    string
}

func number(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%q is no number", text)
	}
	return n, nil
}

func day(text string) (string, error) {
	if !strings.HasSuffix(text, "d") {
		return "", fmt.Errorf("%q is no day such as 7d", text)
	}
	return text, nil
}

func read(node *yaml.Node) (sample, []string) {
	var s sample
	r := &Reader{}
	r.Fields(node, "a sample", Fields{
		"name":   Typed("!!str", "text", Text(&s.Name)),
		"count":  Typed("!!int", "a number", Parsed(&s.Count, number)),
		"switch": Given(&s.Switch, Boolean),
		"day":    Typed("!!str", "text", Parsed(&s.Day, day)),
		"words":  List(&s.Words, 3, func(text string) (string, error) { return strings.TrimSpace(text), nil }),
	})
	return s, r.Mistakes()
}

func TestEveryMistakeIsToldWithItsPlace(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"whole":                           {"name: a\ncount: 3\nswitch: false\nwords: [a, b]\n", ""},
		"an empty mapping":                {"{}", ""},
		"a list for a mapping":            {"[a]", "line 1, column 1: a sample is not a mapping"},
		"an unknown key":                  {"name: a\n  \nother: b\n", `line 3, column 1: a sample has no "other"; it has count, day, name, switch, words`},
		"a key twice":                     {"name: a\nname: b\n", `line 2, column 1: "name" stands twice`},
		"a key that is a list":            {"? [a]\n: b\n", "line 1, column 3: a key is one value"},
		"a mapping for a value":           {"name: {a: b}\n", "line 1, column 7: name takes one value"},
		"nothing for a value":             {"name:\n", "line 1, column 6: name takes one value"},
		"a number for a text":             {"name: 12\n", `line 1, column 7: name: "12" is not text to YAML; put it in quotes`},
		"a truth value for a text":        {"name: true\n", `line 1, column 7: name: "true" is not text to YAML; put it in quotes`},
		"a text for a number":             {"count: '3'\n", `line 1, column 8: count: "3" is not a number to YAML; write it without quotes`},
		"a word for a number":             {"count: two\n", `line 1, column 8: count: "two" is no number`},
		"a wrong text without quotes":     {"day: 7\n", `line 1, column 6: day: "7" is no day such as 7d`},
		"a wrong text of a number's form": {"day: '7'\n", `line 1, column 6: day: "7" is no day such as 7d`},
		"what cannot be read":             {"switch: yes\n", `line 1, column 9: switch: "yes" is neither true nor false`},
		"a text for a list":               {"words: a\n", "line 1, column 8: words is not a list"},
		"an empty list":                   {"words: []\n", "line 1, column 8: words is an empty list; name what it holds, or leave it away"},
		"nothing for a list":              {"words:\n", "line 1, column 7: words is an empty list; name what it holds, or leave it away"},
		"an entry twice":                  {"words: [a, ' a ']\n", `line 1, column 12: words: " a " stands twice`},
		"an entry that is a list":         {"words: [a, [b]]\n", "line 1, column 12: words takes one value"},
		"an entry that is a number":       {"words: [a, 3]\n", `line 1, column 12: words: "3" is not text to YAML; put it in quotes`},
		"too many entries":                {"words: [a, b, c, d]\n", "line 1, column 8: words has 4 entries, and at most 3 are read"},
		"an anchor on a value":            {"name: &a b\n", "line 1, column 7: the anchor &a is not taken; write the value out wherever it belongs"},
		"an anchor on a key":              {"&a name: b\n", "line 1, column 1: the anchor &a is not taken; write the value out wherever it belongs"},
		"an anchor on a mapping":          {"&a {name: b}\n", "line 1, column 1: the anchor &a is not taken; write the value out wherever it belongs"},
		"an anchor on a list":             {"words: &a [b]\n", "line 1, column 8: the anchor &a is not taken; write the value out wherever it belongs"},
		"a merge key":                     {"<<: {name: b}\n", "line 1, column 1: the merge key << is not taken; write out the keys that it would bring"},
		"a merge key in quotes":           {"'<<': {name: b}\n", `line 1, column 1: a sample has no "<<"; it has count, day, name, switch, words`},
		"two mistakes":                    {"count: x\nother: b\n", "line 1, column 8: count: \"x\" is no number\nline 2, column 1: a sample has no \"other\"; it has count, day, name, switch, words"},
	} {
		t.Run(name, func(t *testing.T) {
			_, mistakes := read(node(t, c.text))
			if diff := cmp.Diff(c.want, strings.Join(mistakes, "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatIsReadIsWhatIsWritten(t *testing.T) {
	no := false
	got, mistakes := read(node(t, "name: '12'\ncount: 3\nswitch: false\nwords: [a, b]\n"))
	if diff := cmp.Diff(sample{Name: "12", Count: 3, Switch: &no, Words: []string{"a", "b"}}, got); diff != "" || len(mistakes) > 0 {
		t.Error(diff, mistakes)
	}
}

// TestAnAliasStandsForNothing reads parts of a document whose anchors lie elsewhere in it. An alias for a key has the
// anchor's name where a key has its text.
func TestAnAliasStandsForNothing(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"a value":     {"- &name b\n- name: *name\n", "line 2, column 9: name takes one value: *name is an alias, and none is taken; write out what it stands for"},
		"a key":       {"- &name b\n- *name : b\n", "line 2, column 3: an alias is no key: *name is an alias, and none is taken; write out what it stands for"},
		"a list":      {"- &words [b]\n- words: *words\n", "line 2, column 10: words is not a list: *words is an alias, and none is taken; write out what it stands for"},
		"an entry":    {"- &a b\n- words: [*a]\n", "line 2, column 11: words takes one value: *a is an alias, and none is taken; write out what it stands for"},
		"the mapping": {"- &a {name: b}\n- *a\n", "line 2, column 3: a sample is not a mapping: *a is an alias, and none is taken; write out what it stands for"},
		"a merge":     {"- &a {name: b}\n- <<: *a\n", "line 2, column 3: the merge key << is not taken; write out the keys that it would bring"},
	} {
		t.Run(name, func(t *testing.T) {
			got, mistakes := read(node(t, c.text).Content[1])
			if diff := cmp.Diff(c.want, strings.Join(mistakes, "\n")); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(sample{}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMistakesAreCountedAndNotAllKept(t *testing.T) {
	var b strings.Builder
	for i := range 2 * maxMistakes {
		fmt.Fprintf(&b, "k%d: 1\n", i)
	}
	r := &Reader{}
	r.Fields(node(t, b.String()), "a sample", Fields{})
	if len(r.Mistakes()) != maxMistakes || r.Found() != 2*maxMistakes {
		t.Errorf("%d kept of %d", len(r.Mistakes()), r.Found())
	}
}

// FuzzFields: whatever the document is, nothing is taken of it that is not written there, and no part of
// it speaks for another.
func FuzzFields(f *testing.F) {
	for _, seed := range []string{"name: a", "count: 3\nwords: [a, b]", "name: &a b\nwords: [*a]", "<<: {name: b}", "? [a]\n: b", "switch: true"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var doc yaml.Node
		if yaml.Unmarshal(text, &doc) != nil || len(doc.Content) == 0 {
			return
		}
		got, mistakes := read(doc.Content[0])
		if len(mistakes) > 0 {
			return
		}
		var plain map[string]any
		if err := doc.Content[0].Decode(&plain); err != nil {
			t.Fatalf("no mistake, and yet %v", err)
		}
		if name, ok := plain["name"]; ok != (got.Name != "") && name != "" || ok && name != got.Name {
			t.Errorf("name is %q, and %v to a decoder", got.Name, name)
		}
		if elsewhere(doc.Content[0]) {
			t.Error("an anchor or an alias was taken")
		}
	})
}

// elsewhere says whether any part speaks for another.
func elsewhere(node *yaml.Node) bool {
	return node.Kind == yaml.AliasNode || node.Anchor != "" || slices.ContainsFunc(node.Content, elsewhere)
}
