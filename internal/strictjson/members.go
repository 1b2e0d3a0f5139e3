package strictjson

import (
	"bytes"
	"slices"
)

// Member is one key of an object, as it stands in the document without its quotes, and its value.
type Member struct{ Key, Value []byte }

// Members are those of an object that Check, or json.Valid, has found valid; nil of any other value. Nothing within them
// is looked at, which is several times as fast as to have encoding/json split a large document.
func Members(doc []byte) []Member {
	doc = bytes.TrimSpace(doc)
	if len(doc) == 0 || doc[0] != '{' {
		return nil
	}
	members := []Member{}
	depth, start, key := 0, 0, []byte(nil)
	for at := 0; at < len(doc); at++ {
		switch c := doc[at]; {
		case c == '"':
			end := endOfText(doc, at)
			if end == len(doc) {
				return nil
			}
			if depth == 1 && key == nil {
				key = doc[at+1 : end]
			}
			at = end
		case c == ':' && depth == 1:
			start = at + 1
		case (c == ',' || c == '}') && depth == 1:
			if key != nil {
				members = append(members, Member{key, bytes.TrimSpace(doc[start:at])})
			}
			key = nil
			if c == '}' {
				return members
			}
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
	}
	return members
}

// endOfText is where the string that begins here has its closing quote, or the end where it has none.
func endOfText(doc []byte, at int) int {
	for at++; at < len(doc) && doc[at] != '"'; at++ {
		if doc[at] == '\\' {
			at++
		}
	}
	return min(at, len(doc))
}

// Pick is the object with no other members than those that encoding/json may take for one of these names, which it does
// without regard to case, so that it need not go through the rest; a value that is no object stays what it is.
func Pick(doc []byte, names ...string) []byte {
	members := Members(doc)
	if members == nil {
		return doc
	}
	picked := []byte{'{'}
	for _, m := range members {
		if !bytes.ContainsRune(m.Key, '\\') && !slices.ContainsFunc(names, func(name string) bool { return bytes.EqualFold(m.Key, []byte(name)) }) {
			continue
		}
		if len(picked) > 1 {
			picked = append(picked, ',')
		}
		picked = slices.Concat(picked, []byte{'"'}, m.Key, []byte(`":`), m.Value)
	}
	return append(picked, '}')
}
