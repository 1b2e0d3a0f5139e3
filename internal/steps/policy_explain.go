package steps

import (
	"context"
	"fmt"
	"strings"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/scan"
	"github.com/stepseal/stepseal/internal/step"
)

var explainedInput = step.Text(step.Declaration{Name: "finding", Placeholder: "ID",
	Usage: "the finding: CVE, GHSA or another name of the vulnerability; or denied-package, denied-license, missing-license, minimum-elements"})

// PolicyExplain says why a finding did or did not count.
func PolicyExplain() *step.Spec {
	what := explainedInput.AsRequired()
	return &step.Spec{
		Name:    "policy explain",
		Summary: "Say why a finding did, or did not, count against an image",
		Prose: `Looks the finding up in scan.json of the evidence and says for each package that has it what became of it, by which rule and of whose. Nothing is contacted but the registry of evidence that lies in one (oci:).

That there is no such finding is an answer, and ends as accepted (--format json says "found": false).`,
		Examples: []step.Example{
			{Text: "by any name of the vulnerability", Command: "stepseal policy explain CVE-2021-44228 --evidence stepseal-out"},
		},
		Inputs:   inputs([]step.Input{what, required(evidenceInput), evidenceDigestInput, insecureInput, authorityInput, maxManifestSizeInput, stallTimeoutInput, answerFormatInput}, speaking),
		Argument: what,
		Run: func(ctx context.Context, r *step.Run) error {
			record, err := readEvidence(ctx, r)
			if err != nil {
				return err
			}
			a, err := accountOf(record, explainedInput.Of(r))
			if err != nil {
				return err
			}
			return say(r, a.text(), a)
		},
	}
}

// account is what policy explain says; its JSON form is for programs.
type account struct {
	Schema  string    `json:"schema"`
	ID      string    `json:"id"`
	Image   string    `json:"image"`
	Found   bool      `json:"found"`
	Entries []audited `json:"entries"`
}

// audited is one finding or violation on one platform.
type audited struct {
	Platform  string           `json:"platform,omitempty"`
	ID        string           `json:"id"`
	Aliases   []string         `json:"aliases,omitempty"`
	Package   policy.Package   `json:"package"`
	Where     string           `json:"where,omitempty"`
	Facts     string           `json:"facts,omitempty"` // what the rules went by
	Judgement policy.Judgement `json:"judgement"`
}

func accountOf(record *evidence.Record, id string) (account, error) {
	a := account{Schema: "stepseal.explanation/v1", ID: id, Image: record.Image, Entries: []audited{}}
	scans := 0
	for i := range record.Platforms {
		p := &record.Platforms[i]
		d, ok := p.Document(evidence.RoleScan)
		if !ok {
			continue
		}
		scans++
		content, err := record.Read(d)
		if err != nil {
			return account{}, err
		}
		doc, err := scan.ParseReport(content)
		if err != nil {
			return account{}, outcome.New(outcome.EvidenceUnusable, "evidence document %s", d.Path).Because(err)
		}
		a.add(doc, p.Platform, id)
	}
	if scans == 0 {
		return account{}, outcome.New(outcome.EvidenceUnusable, "the evidence holds no scan of %s", record.Image).Hint("run scan-gate on this evidence first")
	}
	a.Found = len(a.Entries) > 0
	return a, nil
}

func (a *account) add(doc scan.Report, platform, id string) {
	for _, f := range doc.Findings {
		if names(f.Finding, id) {
			a.Entries = append(a.Entries, audited{Platform: platform, ID: f.ID, Aliases: f.Aliases, Package: f.Package, Where: f.Where(), Facts: facts(f.Finding), Judgement: f.Judgement})
		}
	}
	for _, v := range doc.Violations {
		if strings.EqualFold(v.ID, id) {
			one := audited{Platform: platform, ID: v.ID, Package: v.Package, Judgement: v.Judgement}
			if len(v.Locations) > 0 {
				one.Where = v.Locations[0].Path
			}
			a.Entries = append(a.Entries, one)
		}
	}
}

func facts(f policy.Finding) string {
	parts := []string{f.Severity.String(), f.Fix.String()}
	if f.Fix.Since != "" {
		parts = append(parts, "fix out since "+string(f.Fix.Since))
	}
	if f.KnownExploited {
		parts = append(parts, "known to be exploited")
	}
	if f.EPSS > 0 {
		parts = append(parts, fmt.Sprintf("EPSS %.3g", f.EPSS))
	}
	return strings.Join(parts, ", ")
}

func (a account) text() string {
	if !a.Found {
		return fmt.Sprintf("%s: no finding is called %s\n", plain(a.Image), plain(a.ID))
	}
	var b strings.Builder
	for _, e := range a.Entries {
		fmt.Fprintf(&b, "%s in %s %s", plain(e.ID), plain(e.Package.Name), plain(e.Package.Version))
		if e.Platform != "" {
			fmt.Fprintf(&b, " (%s)", plain(e.Platform))
		}
		fmt.Fprintf(&b, ": %s, by %s\n", plain(string(e.Judgement.Status)), plain(e.Judgement.Rule))
		fmt.Fprintf(&b, "  why    %s\n", plain(e.Judgement.Why))
		for _, row := range []struct{ name, text string }{{"facts ", e.Facts}, {"where ", e.Where}, {"policy", e.Judgement.Policy}} {
			if row.text != "" {
				fmt.Fprintf(&b, "  %s %s\n", row.name, plain(row.text))
			}
		}
		if v := e.Judgement.VEX; v != nil && v.Signer != "" {
			fmt.Fprintf(&b, "  vex    %s, signed by %s\n", plain(v.Document), plain(v.Signer))
		}
	}
	return b.String()
}
