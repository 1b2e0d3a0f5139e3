package admission

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/trust"
)

const (
	maxSigners  = 50
	maxAccepted = 200 // builders, verifiers or policies of one demand
)

// requirement is one demand of the section with all that it leads to.
type requirement struct {
	trust.Demand
	predicateType string
	conditions    []condition
	signers       []signer // as many as can be told apart
}

// word is the kind in a sentence, and noun has its article.
func (r requirement) word() string {
	switch r.Kind {
	case trust.SBOM:
		return "SBOM"
	case trust.VerificationSummary:
		return "verification summary"
	}
	return string(r.Kind)
}

func (r requirement) noun() string {
	switch r.Kind {
	case trust.SBOM:
		return "an " + r.word()
	case trust.Provenance:
		return r.word()
	}
	return "a " + r.word()
}

// told is what the requirement demands, for the comment above it.
func (r requirement) told() string {
	names := make([]string, len(r.signers))
	for i, s := range r.signers {
		names[i] = s.Name
	}
	by := fmt.Sprintf("%d of: %s", r.Threshold, strings.Join(names, ", "))
	if len(names) == 1 {
		by = names[0]
	}
	noun := r.noun()
	return strings.ToUpper(noun[:1]) + noun[1:] + " by " + by + "."
}

func requirementsOf(section trust.Section, material Material) ([]requirement, []string, error) {
	if len(section.Evidence) == 0 {
		return nil, nil, outcome.New(outcome.InvalidInput, "the trust section demands no evidence").Hint("say under trust, evidence what an image must have")
	}
	var all []requirement
	var notes []string
	for _, demand := range section.Evidence {
		r, err := requirementOf(section, material, demand)
		if err != nil {
			return nil, nil, outcome.New(outcome.InvalidInput, "trust, evidence, %.40s", demand.Kind).Because(err)
		}
		more, err := r.countable(material)
		if err != nil {
			return nil, nil, outcome.New(outcome.InvalidInput, "trust, evidence, %.40s", demand.Kind).Because(err)
		}
		all, notes = append(all, r), append(notes, more...)
	}
	return all, append(notes, keyNotes(all)...), nil
}

func requirementOf(section trust.Section, material Material, demand trust.Demand) (requirement, error) {
	r := requirement{Demand: demand}
	var err error
	if r.predicateType, r.conditions, err = conditionsOf(demand); err != nil {
		return r, err
	}
	for _, s := range section.Of(demand) {
		authority, ok := section.Authority(s.Authority)
		if !ok {
			return r, fmt.Errorf("the signer %.40q has an authority that is not there", s.Name)
		}
		one := signer{s, authority}
		if err := one.check(); err != nil {
			return r, err
		}
		if !slices.ContainsFunc(r.signers, func(other signer) bool { return one.same(other, material) }) {
			r.signers = append(r.signers, one)
		}
	}
	switch {
	case len(r.signers) == 0:
		return r, fmt.Errorf("nobody may sign it")
	case len(r.signers) > maxSigners:
		return r, fmt.Errorf("%d signers, more than the %d allowed", len(r.signers), maxSigners)
	case r.Threshold < 1 || r.Threshold > len(r.signers):
		return r, fmt.Errorf("the threshold is %d, of %d signers with keys or identities of their own", r.Threshold, len(r.signers))
	}
	return r, nil
}

// countable refuses a threshold that one signature could meet twice: engines count the entries that a signature fits.
func (r requirement) countable(material Material) (notes []string, err error) {
	if r.Threshold == 1 {
		return nil, nil
	}
	for i, a := range r.signers {
		for _, b := range r.signers[:i] {
			switch overlap(a, b, material) {
			case certain:
				return nil, fmt.Errorf("one signature would fit the signers %s and %s, and count twice", b.Name, a.Name)
			case possible:
				notes = append(notes, fmt.Sprintf("A signature that fits the patterns of both %s and %s counts twice towards the threshold of %s.", b.Name, a.Name, r.Kind))
			}
		}
	}
	return notes, nil
}
