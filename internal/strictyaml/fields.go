package strictyaml

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Fields are the keys that a mapping may have, and what takes the value of each.
type Fields map[string]Field

// Field takes the value of a key.
type Field func(r *Reader, key string, value *yaml.Node)

// Fields reads a mapping whose keys are all known.
func (r *Reader) Fields(node *yaml.Node, what string, known Fields) {
	for key, value := range r.Pairs(node, what) {
		take, ok := known[key.Value]
		if !ok {
			r.Wrong(key, "%s has no %.64q; it has %s", what, key.Value, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
			continue
		}
		take(r, key.Value, value)
	}
}

// Scalar says whether the value is a single one, and notes the mistake where it is not.
func (r *Reader) Scalar(key string, value *yaml.Node) bool {
	r.refuseAnchor(value)
	if value.Kind != yaml.ScalarNode || Null(value) {
		r.Wrong(value, "%s takes one value%s", key, aliased(value))
		return false
	}
	return true
}

// Text takes any single value as it is written.
func Text(to *string) Field {
	return Parsed(to, func(text string) (string, error) { return text, nil })
}

// Parsed takes a single value as the function reads it.
func Parsed[T any](to *T, parse func(string) (T, error)) Field {
	return func(r *Reader, key string, value *yaml.Node) {
		if !r.Scalar(key, value) {
			return
		}
		read, err := parse(value.Value)
		if err != nil {
			r.Wrong(value, "%s: %v", key, err)
			return
		}
		*to = read
	}
}

// Given takes a single value of which it matters whether it is there.
func Given[T any](to **T, parse func(string) (T, error)) Field {
	return Parsed(to, func(text string) (*T, error) {
		read, err := parse(text)
		return &read, err
	})
}

// Typed takes what the field takes, where YAML itself sees a value of that kind: !!str, !!int or !!bool. A name that
// another reader would take for a number or a truth value has to stand in quotes, which is told where that is all.
func Typed(tag, kind string, field Field) Field {
	return func(r *Reader, key string, value *yaml.Node) {
		before := r.Found()
		field(r, key, value)
		if r.Found() == before && value.ShortTag() != tag {
			r.Wrong(value, "%s: %.40q is not %s to YAML%s", key, value.Value, kind, quoting[tag])
		}
	}
}

// quoting is what helps.
var quoting = map[string]string{"!!str": "; put it in quotes", "!!int": "; write it without quotes", "!!bool": "; write it without quotes"}

// List takes a list with at least one entry, each a single value as the function reads it and none twice. An empty list
// is a mistake: it would say the opposite of no list.
func List[T comparable](to *[]T, most int, parse func(string) (T, error)) Field {
	return func(r *Reader, key string, value *yaml.Node) {
		if Null(value) || value.Kind == yaml.SequenceNode && len(value.Content) == 0 {
			r.Wrong(value, "%s is an empty list; name what it holds, or leave it away", key)
			return
		}
		for item := range r.Items(value, key, most) {
			var one T
			before := r.Found()
			Typed("!!str", "text", Parsed(&one, func(text string) (T, error) {
				read, err := parse(text)
				if err == nil && slices.Contains(*to, read) {
					err = fmt.Errorf("%.80q stands twice", text)
				}
				return read, err
			}))(r, key, item)
			if r.Found() == before {
				*to = append(*to, one)
			}
		}
	}
}

// Boolean reads true and false, and nothing that only some readers of YAML take for them.
func Boolean(text string) (bool, error) {
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%.40q is neither true nor false", text)
}
