// Package admission renders a trust section as policies for a cluster's admission engine, so that what may run is what
// `stepseal verify` would trust.
//
// It reads no file and contacts nobody: Material holds what the caller read. Each engine can say less than the trust
// section. What it cannot say and what it does not notice stands in the notes, which head the document too; where leaving
// it out would let images in that verify refuses and nothing else stops, rendering is refused. Text from the section is
// only ever a YAML scalar or an escaped string in an expression.
package admission

import (
	"fmt"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/trust"
)

// Kind is the engine, and the kind of policy, that is rendered for.
type Kind string

// The kinds.
const (
	Kyverno                   Kind = "kyverno"                     // ClusterPolicy, kyverno.io/v1
	KyvernoImageValidating    Kind = "kyverno-image-validating"    // ImageValidatingPolicy, policies.kyverno.io/v1
	PolicyController          Kind = "policy-controller"           // ClusterImagePolicy, policy.sigstore.dev/v1beta1
	ValidatingAdmissionPolicy Kind = "validating-admission-policy" // of Kubernetes itself, which reads no registry
)

// Kinds are all kinds, in the order in which they are told.
var Kinds = []Kind{Kyverno, KyvernoImageValidating, PolicyController, ValidatingAdmissionPolicy}

// ParseKind reads a kind as users write it.
func ParseKind(text string) (Kind, error) {
	for _, k := range Kinds {
		if text == string(k) {
			return k, nil
		}
	}
	return "", fmt.Errorf("%.40q is none of kyverno, kyverno-image-validating, policy-controller and validating-admission-policy", text)
}

// Material is what lies in the files that the section's authorities name, by the authority's name.
type Material struct {
	Sources              map[string][]byte // the public key in PEM, trusted_root.json, or the CA's chain in PEM
	TimestampAuthorities map[string][]byte // of an authority with certificates: the timestamp authority's chain in PEM
}

// Policy is what was rendered.
type Policy struct {
	Document []byte   // YAML, of one or more documents
	Notes    []string // what the engine does not notice, or says otherwise than verify; each a sentence
}

// Render writes the section as a policy of the kind. It gives the same bytes for the same input.
func Render(kind Kind, section trust.Section, material Material, options Options) (Policy, error) {
	render, ok := map[Kind]func(request) (rendering, error){
		Kyverno:                   clusterPolicy,
		KyvernoImageValidating:    imageValidatingPolicy,
		PolicyController:          clusterImagePolicies,
		ValidatingAdmissionPolicy: validatingPolicy,
	}[kind]
	if !ok {
		return Policy{}, outcome.New(outcome.InvalidInput, "no policy is rendered for %.40q", string(kind))
	}
	images, err := options.check()
	if err != nil {
		return Policy{}, err
	}
	requirements, notes, err := requirementsOf(section, material)
	if err != nil {
		return Policy{}, err
	}
	format, err := formatOf(section, options)
	if err != nil {
		return Policy{}, err
	}
	made, err := render(request{options: options, images: images, format: format, requirements: requirements, material: material})
	if err != nil {
		return Policy{}, err
	}
	made.notes = append(made.notes, notes...)
	document, err := made.encode(kind)
	return Policy{Document: document, Notes: made.notes}, err
}

// request is what every engine renders, checked.
type request struct {
	options      Options
	images       []glob
	format       format
	requirements []requirement
	material     Material
}

// inexpressible refuses what the engine cannot say and what must not be left out.
func inexpressible(engine, what string, args ...any) *outcome.Error {
	return outcome.New(outcome.InvalidInput, "%s cannot express %s", engine, fmt.Sprintf(what, args...))
}
