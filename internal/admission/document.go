package admission

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// rendering is what an engine's renderer made, before it is written.
type rendering struct {
	documents []*yaml.Node
	notes     []string
}

func (r rendering) encode(kind Kind) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("# Rendered by `stepseal policy render " + string(kind) + "` from the trust section of the config file: change that, and render again.\n")
	if len(r.notes) > 0 {
		b.WriteString("#\n# What this policy does not notice, or says otherwise than `stepseal verify`:\n")
	}
	for _, note := range r.notes {
		b.WriteString("# - " + note + "\n")
	}
	for _, d := range r.documents {
		b.WriteString("---\n")
		enc := yaml.NewEncoder(&b)
		enc.SetIndent(2)
		if err := enc.Encode(d); err != nil {
			return nil, err
		}
		if err := enc.Close(); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// member is one key with its value; a member without a value is left out.
type member struct {
	key     string
	value   *yaml.Node
	comment string
}

func at(key string, value *yaml.Node) member { return member{key: key, value: value} }

// said has a comment above it, of lines that are ours.
func (m member) said(comment string) member {
	m.comment = comment
	return m
}

func object(members ...member) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, m := range members {
		if m.value == nil {
			continue
		}
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: m.key, HeadComment: m.comment}, m.value)
	}
	return n
}

func list(items ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: items}
}

func texts(all []string) *yaml.Node {
	n := list()
	for _, t := range all {
		n.Content = append(n.Content, text(t))
	}
	return n
}

var (
	bare = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9./-]*$`)
	// https://yaml.org/type/bool.html
	word = regexp.MustCompile(`(?i)^(y|n|yes|no|on|off|true|false|null)$`)
)

// text quotes whatever could be read as something else than a string: Kubernetes reads YAML 1.1, where `no` is a boolean.
func text(value string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value, Style: yaml.SingleQuotedStyle}
	switch {
	case bare.MatchString(value) && !word.MatchString(value):
		n.Style = 0
	case strings.HasSuffix(value, "\n"):
		n.Style = yaml.LiteralStyle
	}
	return n
}

// textIf is nil where there is no text.
func textIf(value string) *yaml.Node {
	if value == "" {
		return nil
	}
	return text(value)
}

func flag(value bool) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(value)}
}

// flagIf is nil where the value is the default.
func flagIf(value bool) *yaml.Node {
	if !value {
		return nil
	}
	return flag(true)
}

func number(value int) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.Itoa(value)}
}

// objectIf is nil where none of the members has a value.
func objectIf(members ...member) *yaml.Node {
	if n := object(members...); len(n.Content) > 0 {
		return n
	}
	return nil
}

// header is what every Kubernetes object begins with.
func header(apiVersion, kind, name string, spec *yaml.Node) *yaml.Node {
	return object(
		at("apiVersion", text(apiVersion)),
		at("kind", text(kind)),
		at("metadata", object(at("name", text(name)))),
		at("spec", spec),
	)
}
