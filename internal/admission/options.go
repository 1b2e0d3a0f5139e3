package admission

import (
	"regexp"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/trust"
)

// Options say where the policy applies. Only Images has no default.
type Options struct {
	Name       string   // of the policy; empty: stepseal
	Images     []string // which images it is about: names with * for any text, such as registry.example.com/team/*
	Namespaces []string // where pods are looked at; empty: everywhere
	Audit      bool     // report, and let in
	Format     string   // how what is read is stored: bundle, legacy or both; empty: as the section says
}

const (
	maxImages     = 100
	maxNamespaces = 100
	maxName       = 40 // policy-controller's names get a suffix, and 63 are allowed
)

// label is a DNS label, which names of policies, namespaces, signers and authorities are.
// https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names
var label = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func (o Options) name() string {
	if o.Name == "" {
		return "stepseal"
	}
	return o.Name
}

func (o Options) check() ([]glob, error) {
	switch {
	case !label.MatchString(o.name()) || len(o.name()) > maxName:
		return nil, outcome.New(outcome.InvalidInput, "%.60q is no name for a policy: lower-case letters, digits and hyphens, at most %d", o.Name, maxName)
	case len(o.Images) == 0:
		return nil, outcome.New(outcome.InvalidInput, "no images are named").Hint("name the images that the policy is about, such as registry.example.com/team/*")
	case len(o.Images) > maxImages:
		return nil, outcome.New(outcome.InvalidInput, "%d image names, more than the %d allowed", len(o.Images), maxImages)
	case len(o.Namespaces) > maxNamespaces:
		return nil, outcome.New(outcome.InvalidInput, "%d namespaces, more than the %d allowed", len(o.Namespaces), maxNamespaces)
	}
	for _, n := range o.Namespaces {
		if !label.MatchString(n) {
			return nil, outcome.New(outcome.InvalidInput, "%.80q is no namespace", n)
		}
	}
	var globs []glob
	for _, text := range o.Images {
		g, err := parseGlob(text)
		if err != nil {
			return nil, outcome.New(outcome.InvalidInput, "images").Because(err)
		}
		globs = append(globs, g)
	}
	return globs, nil
}

// format is how signatures and attestations are stored, as sign-attest writes them.
type format string

const (
	bundle format = "bundle"
	legacy format = "legacy"
	both   format = "both"
)

func formatOf(section trust.Section, o Options) (format, error) {
	text := o.Format
	if text == "" {
		text = section.Format
	}
	switch f := format(text); f {
	case bundle, legacy, both:
		return f, nil
	case "":
		return both, nil // sign-attest's default
	}
	return "", outcome.New(outcome.InvalidInput, "%.40q is none of bundle, legacy and both", text)
}
