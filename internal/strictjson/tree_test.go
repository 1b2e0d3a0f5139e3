package strictjson

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestATreeTellsMembersByTheirExactNames(t *testing.T) {
	tree, err := ParseTree([]byte(`{"a":{"ID":"other","id":"this"},"list":["x",1,{"y":"z"}],"n":null}`), Bounds{})
	if err != nil {
		t.Fatal(err)
	}
	if got := tree.At("a", "id").Text(); got != "this" {
		t.Errorf("a.id is %q", got)
	}
	for _, path := range [][]string{{"A", "id"}, {"a", "Id"}, {"a"}, {"list"}, {"n"}, {"a", "id", "deeper"}} {
		if got := tree.At(path...).Text(); got != "" {
			t.Errorf("%v is the text %q", path, got)
		}
	}
	var texts []string
	for _, element := range tree.At("list").Elements() {
		texts = append(texts, element.Text()+element.At("y").Text())
	}
	if diff := cmp.Diff([]string{"x", "", "z"}, texts); diff != "" {
		t.Error(diff)
	}
	if tree.At("n").IsSet() || !tree.At("a").IsObject() || !tree.At("list").IsArray() || tree.At("list").IsObject() || len(tree.Names()) != 3 {
		t.Error("kinds are mistaken")
	}
}

func TestATreeIsCheckedFirst(t *testing.T) {
	for name, doc := range map[string]string{"a key twice": `{"a":1,"a":2}`, "two documents": `{}{}`, "too deep": `[[[]]]`, "nothing": ``} {
		if _, err := ParseTree([]byte(doc), Bounds{Depth: 2}); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}
