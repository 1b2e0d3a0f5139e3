package steps

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/step"
)

// PolicyCheck reads the rules and says what they are.
func PolicyCheck() *step.Spec {
	return &step.Spec{
		Name:    "policy check",
		Summary: "Check the rules of the gate, and say what they are and where each comes from",
		Prose: `Reads .stepseal.yaml, or the file that --config names, and the policy base as scan-gate would, and prints every rule with its value and where that comes from, the waivers with the days they have left, and the digest of it all. A mistake is named by its line and column, and ends as misused; waivers that have expired are told. Nothing is contacted.

docs/stepseal.schema.json is a JSON Schema of the file for editors.`,
		Examples: []step.Example{
			{Text: "of the repository", Command: "stepseal policy check"},
			{Text: "with the rules of the company", Command: "stepseal policy check --policy-base policy.yaml"},
		},
		Inputs:      inputs(ruling, []step.Input{configInput}, speaking),
		Structures:  structures,
		LocalConfig: true,
		Run: func(_ context.Context, r *step.Run) error {
			if err := checkRules(r); err != nil {
				return err
			}
			base, err := policyBase(r)
			if err != nil {
				return err
			}
			all, _, err := policies(r, base)
			if err != nil {
				return err
			}
			text := policyText(r, base, all)
			if _, err := r.Stdout.Write([]byte(text)); err != nil {
				return outcome.New(outcome.OutputUnwritable, "standard output").Because(err)
			}
			return nil
		},
	}
}

func policyText(r, base *step.Run, all []policy.Policy) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "rule\tvalue\tfrom\n")
	for _, s := range settings(r, base) {
		fmt.Fprintf(w, "%s\t%s\t%s\n", s.name, line(s.value), s.from)
	}
	w.Flush()
	today := policy.DayOf(r.Now())
	told := map[policy.Waiver]bool{}
	for _, p := range all {
		for _, waiver := range p.Waivers {
			if told[waiver] {
				continue // the repository's, which a base takes too
			}
			told[waiver] = true
			fmt.Fprintf(&b, "waiver  %s in %s: %s, by %s (%s)\n", waiver.ID, waiver.Package, left(waiver, today), line(waiver.Owner), cmp.Or(p.Name, r.ConfigName()))
		}
	}
	fmt.Fprintf(&b, "policy-digest  %s\n", policy.Digest(all...))
	return b.String()
}

func line(text string) string { return strings.Join(strings.Fields(text), " ") }

func left(w policy.Waiver, today policy.Day) string {
	switch days := today.Until(w.Expires); {
	case days < 0:
		return "EXPIRED on " + string(w.Expires)
	case days == 0:
		return "expires today"
	default:
		return fmt.Sprintf("expires in %d days, on %s", days, w.Expires)
	}
}
