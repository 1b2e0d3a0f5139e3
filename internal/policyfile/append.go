package policyfile

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/stepseal/stepseal/internal/policy"
)

// Append adds a waiver to the config file and leaves everything else in it as it is, comments too. An empty file becomes
// a config file with that one waiver.
func Append(file []byte, w policy.Waiver) ([]byte, error) {
	if err := w.Check(); err != nil {
		return nil, fmt.Errorf("the waiver %s", strings.ReplaceAll(err.Error(), "\n", ", and "))
	}
	if len(bytes.TrimSpace(file)) == 0 {
		file = []byte("version: 1\n")
	}
	old, at, err := existing(file)
	if err != nil {
		return nil, err
	}
	lines := strings.SplitAfter(string(file), "\n")
	if last := lines[len(lines)-1]; last != "" {
		lines[len(lines)-1] = last + "\n"
	}
	var added []byte
	switch {
	case at == nil:
		added = []byte(strings.Join(lines, "") + "waivers:\n" + entry(w, 2))
	case at.Kind == yaml.SequenceNode && len(at.Content) > 0 && at.Style&yaml.FlowStyle == 0:
		end := lastLine(at)
		added = []byte(strings.Join(lines[:end], "") + entry(w, at.Column-1) + strings.Join(lines[end:], ""))
	default:
		return nil, fmt.Errorf("line %d, column %d: waivers is no list of entries each on lines of its own, and is not changed", at.Line, at.Column)
	}
	// Whether it came out as meant is read, and not believed.
	now, _, err := existing(added)
	if err != nil || len(now) != len(old)+1 || !same(now[:len(old)], old) || !same(now[len(old):], []policy.Waiver{w}) {
		return nil, errors.Join(errors.New("the waiver cannot be added to the file as it is written; add it by hand:\n"+entry(w, 2)), err)
	}
	return added, nil
}

func same(a, b []policy.Waiver) bool {
	return policy.Digest(policy.Policy{Waivers: a}) == policy.Digest(policy.Policy{Waivers: b})
}

func existing(file []byte) ([]policy.Waiver, *yaml.Node, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(file, &doc); err != nil {
		return nil, nil, err
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, nil, errors.New("it is not a config file")
	}
	top := doc.Content[0]
	for i := 0; i+1 < len(top.Content); i += 2 {
		if top.Content[i].Value != "waivers" {
			continue
		}
		all, mistakes := Waivers(top.Content[i+1])
		if len(mistakes) > 0 {
			return nil, nil, errors.New(strings.Join(mistakes, "; "))
		}
		return all, top.Content[i+1], nil
	}
	return nil, nil, nil
}

// lastLine is the last line of the node's last value; a text over several lines ends where its next sibling would begin,
// which is found by reading back.
func lastLine(node *yaml.Node) int {
	last := node.Line
	for _, child := range node.Content {
		last = max(last, lastLine(child))
	}
	return last
}

func entry(w policy.Waiver, indent int) string {
	var b strings.Builder
	first := true
	for _, field := range []struct{ key, value string }{
		{"id", w.ID}, {"package", w.Package.String()}, {"image", w.Images}, {"path", w.Path}, {"reason", w.Reason}, {"owner", w.Owner}, {"expires", string(w.Expires)},
	} {
		if field.value == "" {
			continue
		}
		lead := "  "
		if first {
			lead, first = "- ", false
		}
		fmt.Fprintf(&b, "%s%s%s: %s\n", strings.Repeat(" ", indent), lead, field.key, scalar(field.value))
	}
	return b.String()
}

// scalar is the text in quotes, so that no reader of YAML takes it for anything else than text.
func scalar(text string) string {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	_ = enc.Encode(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text, Style: yaml.DoubleQuotedStyle}) // a scalar can be written
	return strings.TrimSuffix(b.String(), "\n")
}
