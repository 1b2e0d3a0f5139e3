package steps

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/step"
)

// rulesOf are the rules that a run was given.
func rulesOf(r *step.Run) policy.Rules {
	return policy.Rules{
		FailOn:               failOnInput.Of(r),
		FailOnKnownExploited: exploitedInput.Of(r),
		FailOnEPSS:           epssInput.Of(r),
		OnlyFixed:            onlyFixedInput.Of(r),
		Grace:                graceInput.Of(r),
		Scope:                scopeInput.Of(r),
		NewOnly:              newOnlyInput.Of(r),
		Exceptions:           exceptionsStructure.Of(r),
		DeniedPackages:       deniedPackagesInput.Of(r),
		DeniedLicenses:       deniedLicensesInput.Of(r),
		RequiredLicenses:     requiredLicensesInput.Of(r),
		MinimumElements:      minimumElementsInput.Of(r),
		AllowEmpty:           allowEmptyInput.Of(r),
		AllowUncovered:       allowUncoveredInput.Of(r),
	}
}

// policyBase is what the file of the policy base says; nil where none was named.
func policyBase(r *step.Run) (*step.Run, error) {
	if file := policyBaseInput.Of(r); file != "" {
		return r.Under(file, "gate", "waivers")
	}
	return nil, nil
}

// policies are the run's own rules and, besides, those of the policy base. What the base says nothing about it does not
// forbid; what excuses findings under the run's own rules excuses them under the base's only as far as it delegates that.
func policies(r, base *step.Run) (all []policy.Policy, delegated map[string]bool, err error) {
	own := policy.Policy{Rules: rulesOf(r), Waivers: waiversStructure.Of(r)}
	if own.Statements, err = vexFiles(r); err != nil {
		return nil, nil, err
	}
	if base == nil {
		return []policy.Policy{own}, nil, nil
	}
	file := policyBaseInput.Of(r)
	own.Name = "repository"
	floor := policy.Policy{Name: "policy base " + file, Rules: rulesOf(base), Waivers: waiversStructure.Of(base)}
	if !base.Given(failOnInput) {
		floor.Rules.FailOn = policy.Never
	}
	if !base.Given(allowEmptyInput) {
		floor.Rules.AllowEmpty = true
	}
	if !base.Given(allowUncoveredInput) {
		floor.Rules.AllowUncovered = []string{policy.Anything}
	}
	delegated = map[string]bool{}
	for _, what := range delegateStructure.Of(base) {
		delegated[what] = true
	}
	if floor.Rules.Scope == policy.OwnLayers && !delegated[delegateBaseImage] {
		return nil, nil, outcome.New(outcome.InvalidConfig, "config file %s: gate.scope is own, and the repository names the base image: any image that it begins with", file).
			Hint("leave that to the repository with gate.delegate: [base-image], or leave scope out")
	}
	if slices.Contains(vexInput.Of(base), attestedVEX) {
		return nil, nil, outcome.New(outcome.InvalidConfig, "config file %s: gate.vex names files in a policy base, and attested is none", file).
			Hint("leave VEX documents to the repository with gate.delegate: [vex]")
	}
	if floor.Statements, err = vexFiles(base); err != nil {
		return nil, nil, err
	}
	if delegated[delegateVEX] {
		floor.Statements = append(floor.Statements, own.Statements...)
	}
	if delegated[delegateWaivers] {
		floor.Waivers = append(slices.Clone(floor.Waivers), own.Waivers...)
	}
	for _, in := range []step.Input{reportOnInput, reportsInput, baseImageInput, baselineInput, baselineImageInput} {
		if base.Given(in) {
			return nil, nil, outcome.New(outcome.InvalidConfig, "config file %s: gate.%s says nothing about what is accepted, and has no place in a policy base", file, in.Declaration().Name)
		}
	}
	return []policy.Policy{own, floor}, delegated, nil
}

// rule makes sure of the rules before anything is contacted.
func (c *chain) rule() (err error) {
	if err := checkRules(c.Run); err != nil {
		return err
	}
	if c.base, err = policyBase(c.Run); err != nil {
		return err
	}
	c.ruled, c.delegated, err = policies(c.Run, c.base)
	return err
}

// checkRules finds what is wrong with the rules together, before anything is contacted.
func checkRules(r *step.Run) error {
	rules := rulesOf(r)
	switch {
	case rules.Scope == policy.OwnLayers && baseImageInput.Of(r) == "":
		return outcome.New(outcome.InvalidInput, "--scope own without --base-image").Hint("name the image that this one was built from with --base-image")
	case rules.NewOnly && baselineInput.Of(r) == "" && baselineImageInput.Of(r) == "":
		return outcome.New(outcome.InvalidInput, "--new-only without a baseline").Hint("name one with --baseline or --baseline-image")
	case baselineInput.Of(r) != "" && baselineImageInput.Of(r) != "":
		return outcome.New(outcome.InvalidInput, "--baseline and --baseline-image are both given, and there is one baseline")
	case (asksForAttestedVEX(r) || strings.HasPrefix(baselineInput.Of(r), attestedPrefix)) && !namesTrust(r):
		return outcome.New(outcome.InvalidInput, "attested documents are asked for without --public-key").Hint("name the public key that must have signed them")
	case len(delegateStructure.Of(r)) > 0:
		return outcome.New(outcome.InvalidInput, "gate.delegate is for a policy base").Hint("name the file with --policy-base")
	}
	return nil
}

// setting is a rule, its value, and where that comes from.
type setting struct{ name, value, from string }

// settings are the rules that somebody set, and those that hold by default; then those of the policy base that hold besides.
func settings(r, base *step.Run) []setting {
	all := set(r, func(in step.Input) bool { return r.Text(in) != "" })
	if base != nil {
		for _, s := range set(base, base.Given) {
			s.from = "policy base " + s.from
			all = append(all, s)
		}
	}
	return all
}

func set(r *step.Run, shown func(step.Input) bool) []setting {
	var all []setting
	for _, in := range ruling {
		if shown(in) {
			all = append(all, setting{in.Declaration().Name, r.Text(in), r.Origin(in)})
		}
	}
	if n := len(exceptionsStructure.Of(r)); n > 0 {
		all = append(all, setting{"exceptions", fmt.Sprint(n), r.ConfigName()})
	}
	if n := len(waiversStructure.Of(r)); n > 0 {
		all = append(all, setting{"waivers", fmt.Sprint(n), r.ConfigName()})
	}
	if words := delegateStructure.Of(r); len(words) > 0 {
		all = append(all, setting{"delegate", strings.Join(words, ","), r.ConfigName()})
	}
	return all
}
