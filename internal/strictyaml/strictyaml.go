// Package strictyaml reads parts of a YAML document whose every key is known. Whoever reads collects all mistakes, each
// with its line and column, and decides nothing before there are none.
//
// It refuses what lets one place of a file speak for another: anchors, aliases and merge keys. Nothing is ever expanded,
// so that a document takes no more than its own bytes.
package strictyaml

import (
	"fmt"
	"iter"

	"go.yaml.in/yaml/v3"
)

// maxMistakes bounds what is told of one document.
const maxMistakes = 1000

// Reader keeps the mistakes that were found. The zero value has found none.
type Reader struct {
	mistakes []string
	found    int
}

// Mistakes are those that were found, in the order in which the document was read, and no more than a thousand.
func (r *Reader) Mistakes() []string { return r.mistakes }

// Found is how many mistakes there were so far, also those that are not told.
func (r *Reader) Found() int { return r.found }

// Wrong notes a mistake at the node.
func (r *Reader) Wrong(at *yaml.Node, format string, args ...any) {
	r.found++
	if len(r.mistakes) < maxMistakes {
		r.mistakes = append(r.mistakes, fmt.Sprintf("line %d, column %d: ", at.Line, at.Column)+fmt.Sprintf(format, args...))
	}
}

// Items are the entries of a list, of which at most so many are read. Nothing at all is an empty list.
func (r *Reader) Items(node *yaml.Node, what string, most int) iter.Seq[*yaml.Node] {
	return func(yield func(*yaml.Node) bool) {
		r.refuseAnchor(node)
		switch {
		case Null(node):
		case node.Kind != yaml.SequenceNode:
			r.Wrong(node, "%s is not a list%s", what, aliased(node))
		case len(node.Content) > most:
			r.Wrong(node, "%s has %d entries, and at most %d are read", what, len(node.Content), most)
		default:
			for _, item := range node.Content {
				if !yield(item) {
					return
				}
			}
		}
	}
}

// Pairs are the keys and values of a mapping. Every key is a plain one, and stands once.
func (r *Reader) Pairs(node *yaml.Node, what string) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		r.refuseAnchor(node)
		if node.Kind != yaml.MappingNode {
			r.Wrong(node, "%s is not a mapping%s", what, aliased(node))
			return
		}
		seen := map[string]bool{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			key := node.Content[i]
			if r.key(key, seen) && !yield(key, node.Content[i+1]) {
				return
			}
		}
	}
}

// key looks at a key by itself. An alias bears the name of its anchor where a key bears its text, and must not pass for it.
func (r *Reader) key(key *yaml.Node, seen map[string]bool) bool {
	r.refuseAnchor(key)
	switch {
	case key.Kind == yaml.AliasNode:
		r.Wrong(key, "an alias is no key%s", aliased(key))
	case key.Kind != yaml.ScalarNode:
		r.Wrong(key, "a key is one value")
	case key.ShortTag() == "!!merge":
		// https://yaml.org/type/merge.html
		r.Wrong(key, "the merge key << is not taken; write out the keys that it would bring")
	case seen[key.Value]:
		r.Wrong(key, "%.64q stands twice", key.Value)
	default:
		seen[key.Value] = true
		return true
	}
	return false
}

func (r *Reader) refuseAnchor(node *yaml.Node) {
	if node.Anchor != "" && node.Kind != yaml.AliasNode {
		r.Wrong(node, "the anchor &%.64s is not taken; write the value out wherever it belongs", node.Anchor)
	}
}

// Null says whether the node holds nothing.
func Null(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null" }

func aliased(node *yaml.Node) string {
	if node.Kind != yaml.AliasNode {
		return ""
	}
	return fmt.Sprintf(": *%.64s is an alias, and none is taken; write out what it stands for", node.Value)
}
