package strictjson

import (
	"bytes"
	"encoding/json"
)

// Tree is a foreign document whose members are told by their exact names: encoding/json would fill the field "id" from a
// member "ID" too, which another reader does not see. What is not there, and what is of another kind than is asked for, is
// the zero value.
type Tree struct{ value any }

// ParseTree checks the document and reads it.
func ParseTree(doc []byte, b Bounds) (Tree, error) {
	if err := Check(doc, b); err != nil {
		return Tree{}, err
	}
	var t Tree
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	err := dec.Decode(&t.value)
	return t, err
}

// At goes down by the names of members.
func (t Tree) At(names ...string) Tree {
	for _, name := range names {
		object, _ := t.value.(map[string]any)
		t = Tree{object[name]}
	}
	return t
}

// Text is the value, if it is one.
func (t Tree) Text() string {
	text, _ := t.value.(string)
	return text
}

// Elements are those of an array.
func (t Tree) Elements() []Tree {
	array, _ := t.value.([]any)
	list := make([]Tree, len(array))
	for i, value := range array {
		list[i] = Tree{value}
	}
	return list
}

// IsObject tells an object.
func (t Tree) IsObject() bool { _, ok := t.value.(map[string]any); return ok }

// IsArray tells a list.
func (t Tree) IsArray() bool { _, ok := t.value.([]any); return ok }

// IsSet tells whether there is a value; null is none.
func (t Tree) IsSet() bool { return t.value != nil }

// Names are those of an object's members, in no order.
func (t Tree) Names() []string {
	object, _ := t.value.(map[string]any)
	var names []string
	for name := range object {
		names = append(names, name)
	}
	return names
}
