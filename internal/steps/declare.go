package steps

import (
	"errors"
	"slices"
	"strings"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/report"
	"github.com/stepseal/stepseal/internal/sbom"
	"github.com/stepseal/stepseal/internal/signing"
	"github.com/stepseal/stepseal/internal/step"
)

// required is the input, which this step cannot do without.
func required[T any](in *step.In[T]) step.Input { return in.AsRequired() }

func concat(lists ...[]step.Output) []step.Output { return slices.Concat(lists...) }

// named puts the name of the input before what is wrong with its value.
func named(what string, err error) error {
	var known *outcome.Error
	if !errors.As(err, &known) {
		return err
	}
	renamed := *known
	renamed.Message = what + ": " + known.Message
	return &renamed
}

func tallies(edges []sbom.EdgeCoverage) []report.Tally {
	list := make([]report.Tally, len(edges))
	for i, of := range edges {
		list[i] = report.Tally{Type: of.Type, Packages: of.Packages, Edges: of.String()}
	}
	return list
}

func requirementRows(v signing.Verification) []report.Requirement {
	var rows []report.Requirement
	add := func(platform string, requirements []signing.Requirement) {
		for _, r := range requirements {
			name := strings.TrimSpace(platform + " " + r.Name)
			notes := strings.Join(append([]string{r.Message}, r.Notes...), "; ")
			rows = append(rows, report.Requirement{Name: name, Result: string(r.Result), Reason: string(r.Reason), Notes: notes})
		}
	}
	add("", v.Requirements)
	for _, p := range v.Platforms {
		add(p.Platform, p.Requirements)
	}
	return rows
}
