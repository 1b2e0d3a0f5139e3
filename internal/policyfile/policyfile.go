// Package policyfile reads what the config file says about findings in forms of its own, waivers and exceptions, and
// adds waivers to it. It is strict: a waiver that lacks something, or an unknown key, is a mistake with its line and
// column, never ignored.
package policyfile

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/strictyaml"
)

// maxEntries bounds each list.
const maxEntries = 10_000

// Waivers reads the list of waivers.
func Waivers(node *yaml.Node) ([]policy.Waiver, []string) {
	r := &strictyaml.Reader{}
	var all []policy.Waiver
	for item := range r.Items(node, "waivers", maxEntries) {
		var w policy.Waiver
		before := r.Found()
		r.Fields(item, "a waiver", strictyaml.Fields{
			"id":      strictyaml.Text(&w.ID),
			"package": strictyaml.Parsed(&w.Package, policy.ParsePattern),
			"image":   strictyaml.Text(&w.Images),
			"path":    strictyaml.Text(&w.Path),
			"reason":  strictyaml.Text(&w.Reason),
			"owner":   strictyaml.Text(&w.Owner),
			"expires": strictyaml.Parsed(&w.Expires, policy.ParseDay),
		})
		err := w.Check()
		if err != nil && r.Found() == before {
			r.Wrong(item, "the waiver %s", strings.ReplaceAll(err.Error(), "\n", ", and "))
		}
		if r.Found() == before {
			all = append(all, w)
		}
	}
	return all, r.Mistakes()
}

// Exceptions reads the list of exceptions from the rules. One for an ecosystem that is not among the known would never fit,
// and say so to nobody.
func Exceptions(known ...string) func(*yaml.Node) ([]policy.Exception, []string) {
	return func(node *yaml.Node) ([]policy.Exception, []string) { return exceptions(node, known) }
}

func exceptions(node *yaml.Node, known []string) ([]policy.Exception, []string) {
	r := &strictyaml.Reader{}
	var all []policy.Exception
	for item := range r.Items(node, "exceptions", maxEntries) {
		var e policy.Exception
		before := r.Found()
		r.Fields(item, "an exception", strictyaml.Fields{
			"ecosystem":               strictyaml.Text(&e.Ecosystem),
			"path":                    strictyaml.Text(&e.Path),
			"package":                 strictyaml.Parsed(&e.Package, policy.ParsePattern),
			"fail-on":                 strictyaml.Given(&e.FailOn, policy.ParseLimit),
			"fail-on-known-exploited": strictyaml.Given(&e.FailOnKnownExploited, strictyaml.Boolean),
			"fail-on-epss":            strictyaml.Given(&e.FailOnEPSS, policy.ParseProbability),
			"only-fixed":              strictyaml.Given(&e.OnlyFixed, strictyaml.Boolean),
			"grace":                   strictyaml.Parsed(&e.Grace, policy.ParseGrace),
		})
		switch {
		case r.Found() > before:
		case e.Ecosystem == "" && e.Path == "" && e.Package.String() == "":
			r.Wrong(item, "an exception names an ecosystem, a path or a package")
		case e.Ecosystem != "" && !slices.ContainsFunc(known, func(name string) bool { return strings.EqualFold(name, e.Ecosystem) }):
			r.Wrong(item, "ecosystem: %.40q is none of %s", e.Ecosystem, strings.Join(known, ", "))
		case e.FailOn == nil && e.FailOnKnownExploited == nil && e.FailOnEPSS == nil && e.OnlyFixed == nil && e.Grace == nil:
			r.Wrong(item, "an exception says what holds instead: fail-on, fail-on-known-exploited, fail-on-epss, only-fixed or grace")
		}
		if r.Found() == before {
			all = append(all, e)
		}
	}
	return all, r.Mistakes()
}

// Words reads a list of words, each of them one of those that are known.
func Words(known ...string) func(*yaml.Node) ([]string, []string) {
	return func(node *yaml.Node) ([]string, []string) {
		r := &strictyaml.Reader{}
		var all []string
		for item := range r.Items(node, "it", maxEntries) {
			if item.Kind != yaml.ScalarNode || !slices.Contains(known, item.Value) {
				r.Wrong(item, "%.40q is none of %s", item.Value, strings.Join(known, ", "))
			}
			all = append(all, item.Value)
		}
		return all, r.Mistakes()
	}
}
