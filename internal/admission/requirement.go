package admission

import (
	"bytes"
	"fmt"
	"regexp/syntax"
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

// signer is somebody who may sign, and who vouches for that.
type signer struct {
	trust.Signer
	authority trust.Authority
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
	return all, notes, nil
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

// check looks again at what trust.Read has looked at: a name goes into comments and expressions, and a keyless signer
// without an identity would be anybody.
func (s signer) check() error {
	if !label.MatchString(s.Name) || !label.MatchString(s.authority.Name) {
		return fmt.Errorf("%.40q is no name: lower-case letters, digits and hyphens", s.Name)
	}
	if err := plain(s.authority.Value); err != nil {
		return fmt.Errorf("the authority %s: %w", s.authority.Name, err)
	}
	for _, p := range []trust.Pattern{s.Issuer, s.Subject, s.CallerWorkflow, s.SourceRepository, s.SourceRef} {
		if err := plain(p.Exact() + p.Expression()); err != nil {
			return fmt.Errorf("the signer %s: %w", s.Name, err)
		}
		if e := p.Expression(); e != "" && !anchored(e) {
			return fmt.Errorf("the signer %s: the expression %.60q is not anchored at both ends", s.Name, e)
		}
	}
	if s.authority.Source.Keyless() && !(s.Issuer.Given() && s.Subject.Given()) {
		return fmt.Errorf("the signer %s has no issuer and subject", s.Name)
	}
	return nil
}

// anchored: engines look for an expression anywhere in a text, and ^a|b$ fits much.
func anchored(expression string) bool {
	tree, err := syntax.Parse(expression, syntax.Perl)
	return err == nil && tree.Op == syntax.OpConcat && tree.Sub[0].Op == syntax.OpBeginText && tree.Sub[len(tree.Sub)-1].Op == syntax.OpEndText
}

// same: two names for one key, or one identity, are one signer. They must not meet a threshold of two.
func (s signer) same(other signer, material Material) bool {
	if !s.sameAuthority(other, material) {
		return false
	}
	return s.Issuer.String() == other.Issuer.String() && s.Subject.String() == other.Subject.String() && s.CallerWorkflow.String() == other.CallerWorkflow.String() &&
		s.SourceRepository.String() == other.SourceRepository.String() && s.SourceRef.String() == other.SourceRef.String()
}

func (s signer) sameAuthority(other signer, material Material) bool {
	a, b := s.authority, other.authority
	switch {
	case a.Source != b.Source:
		return false
	case a.Name == b.Name, a.Value == b.Value:
		return true
	}
	mine, ok := material.Sources[a.Name]
	return ok && bytes.Equal(mine, material.Sources[b.Name])
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

type likelihood int

const (
	never likelihood = iota
	possible
	certain
)

func overlap(a, b signer, material Material) likelihood {
	if !a.authority.Source.Keyless() || !a.sameAuthority(b, material) {
		return never
	}
	return min(meet(a.Issuer, b.Issuer), meet(a.Subject, b.Subject))
}

// meet says whether one text can fit both.
func meet(a, b trust.Pattern) likelihood {
	switch {
	case a.Exact() != "" && b.Fits(a.Exact()), b.Exact() != "" && a.Fits(b.Exact()):
		return certain
	case a.Exact() != "" || b.Exact() != "":
		return never
	case a.Expression() == b.Expression():
		return certain
	}
	return possible
}
