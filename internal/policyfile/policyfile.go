// Package policyfile reads what the config file says about findings in forms of its own, waivers and exceptions, and
// adds waivers to it. It is strict: a waiver that lacks something, or an unknown key, is a mistake with its line and
// column, never ignored.
package policyfile

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/stepseal/stepseal/internal/policy"
)

// maxEntries bounds each list.
const maxEntries = 10_000

// Waivers reads the list of waivers.
func Waivers(node *yaml.Node) ([]policy.Waiver, []string) {
	r := &reader{}
	var all []policy.Waiver
	for item := range r.items(node, "waivers") {
		var w policy.Waiver
		before := len(r.mistakes)
		r.fields(item, "a waiver", map[string]func(*yaml.Node) error{
			"id":      text(&w.ID),
			"package": parsed(&w.Package, policy.ParsePattern),
			"image":   text(&w.Images),
			"path":    text(&w.Path),
			"reason":  text(&w.Reason),
			"owner":   text(&w.Owner),
			"expires": parsed(&w.Expires, policy.ParseDay),
		})
		err := w.Check()
		if err != nil && len(r.mistakes) == before {
			r.wrong(item, "the waiver %s", strings.ReplaceAll(err.Error(), "\n", ", and "))
		}
		if len(r.mistakes) == before {
			all = append(all, w)
		}
	}
	return all, r.mistakes
}

// Exceptions reads the list of exceptions from the rules.
func Exceptions(node *yaml.Node) ([]policy.Exception, []string) {
	r := &reader{}
	var all []policy.Exception
	for item := range r.items(node, "exceptions") {
		var e policy.Exception
		before := len(r.mistakes)
		r.fields(item, "an exception", map[string]func(*yaml.Node) error{
			"ecosystem":               text(&e.Ecosystem),
			"path":                    text(&e.Path),
			"package":                 parsed(&e.Package, policy.ParsePattern),
			"fail-on":                 given(&e.FailOn, policy.ParseLimit),
			"fail-on-known-exploited": given(&e.FailOnKnownExploited, boolean),
			"fail-on-epss":            given(&e.FailOnEPSS, policy.ParseProbability),
			"only-fixed":              given(&e.OnlyFixed, boolean),
			"grace":                   parsed(&e.Grace, policy.ParseGrace),
		})
		switch {
		case len(r.mistakes) > before:
		case e.Ecosystem == "" && e.Path == "" && e.Package.String() == "":
			r.wrong(item, "an exception names an ecosystem, a path or a package")
		case e.FailOn == nil && e.FailOnKnownExploited == nil && e.FailOnEPSS == nil && e.OnlyFixed == nil && e.Grace == nil:
			r.wrong(item, "an exception says what holds instead: fail-on, fail-on-known-exploited, fail-on-epss, only-fixed or grace")
		}
		if len(r.mistakes) == before {
			all = append(all, e)
		}
	}
	return all, r.mistakes
}

// Words reads a list of words, each of them one of those that are known.
func Words(known ...string) func(*yaml.Node) ([]string, []string) {
	return func(node *yaml.Node) ([]string, []string) {
		r := &reader{}
		var all []string
		for item := range r.items(node, "it") {
			if item.Kind != yaml.ScalarNode || !slices.Contains(known, item.Value) {
				r.wrong(item, "%.40q is none of %s", item.Value, strings.Join(known, ", "))
			}
			all = append(all, item.Value)
		}
		return all, r.mistakes
	}
}

type reader struct{ mistakes []string }

func (r *reader) wrong(at *yaml.Node, format string, args ...any) {
	r.mistakes = append(r.mistakes, fmt.Sprintf("line %d, column %d: ", at.Line, at.Column)+fmt.Sprintf(format, args...))
}

func (r *reader) items(node *yaml.Node, what string) func(func(*yaml.Node) bool) {
	return func(yield func(*yaml.Node) bool) {
		switch {
		case node.Kind == yaml.ScalarNode && node.Tag == "!!null":
		case node.Kind != yaml.SequenceNode:
			r.wrong(node, "%s is not a list", what)
		case len(node.Content) > maxEntries:
			r.wrong(node, "%s has %d entries, and at most %d are read", what, len(node.Content), maxEntries)
		default:
			for _, item := range node.Content {
				if !yield(item) {
					return
				}
			}
		}
	}
}

// fields reads a mapping whose keys are all known and stand once.
func (r *reader) fields(node *yaml.Node, what string, known map[string]func(*yaml.Node) error) {
	if node.Kind != yaml.MappingNode {
		r.wrong(node, "%s is not a mapping", what)
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		read, ok := known[key.Value]
		switch {
		case seen[key.Value]:
			r.wrong(key, "%.64q stands twice", key.Value)
		case !ok:
			r.wrong(key, "%s has no %.64q; it has %s", what, key.Value, strings.Join(names(known), ", "))
		case value.Kind != yaml.ScalarNode || value.Tag == "!!null":
			r.wrong(value, "%s takes one value", key.Value)
		default:
			if err := read(value); err != nil {
				r.wrong(value, "%s: %v", key.Value, err)
			}
		}
		seen[key.Value] = true
	}
}

func names[V any](of map[string]V) []string {
	var all []string
	for name := range of {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func text(to *string) func(*yaml.Node) error {
	return func(node *yaml.Node) error {
		*to = node.Value
		return nil
	}
}

func parsed[T any](to *T, parse func(string) (T, error)) func(*yaml.Node) error {
	return func(node *yaml.Node) (err error) {
		*to, err = parse(node.Value)
		return err
	}
}

func given[T any](to **T, parse func(string) (T, error)) func(*yaml.Node) error {
	return func(node *yaml.Node) error {
		value, err := parse(node.Value)
		*to = &value
		return err
	}
}

func boolean(text string) (bool, error) {
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%.40q is neither true nor false", text)
}
