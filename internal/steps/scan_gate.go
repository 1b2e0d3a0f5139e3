package steps

import (
	"context"
	"slices"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/sbom"
	"github.com/stepseal/stepseal/internal/scan"
	"github.com/stepseal/stepseal/internal/step"
)

var scanOutputs = []step.Output{
	{Name: "scan", Usage: "the path of scan.json; empty for several platforms, whose documents evidence.json names"},
	{Name: "scan-digest", Usage: "the digest of scan.json; empty for several platforms"},
	{Name: "critical", Usage: "how many findings are critical, on all platforms together"},
	{Name: "high", Usage: "how many findings are high"},
	{Name: "medium", Usage: "how many findings are medium"},
	{Name: "low", Usage: "how many findings are low"},
	{Name: "negligible", Usage: "how many findings are negligible"},
	{Name: "unknown", Usage: "how many findings nobody has rated"},
	{Name: "fixable", Usage: "how many findings have a fix"},
	{Name: "database-date", Usage: "the date of the advisory data: the older of the build and the newest advisory"},
	{Name: "policy-digest", Usage: "the digest of the rules and waivers that decided"},
	{Name: "sarif", Usage: "the path of scan.sarif where --reports asks for it; empty for several platforms, which have one each in the output directory"},
	{Name: "waived", Usage: "how many findings waivers accept"},
	{Name: "not-affected", Usage: "how many findings VEX statements rule out"},
	{Name: "new", Usage: "how many findings the baseline does not have; empty without one"},
}

const scanMediaType = "application/vnd.stepseal.scan.v1+json"

// ScanGate decides whether what an image contains is acceptable.
func ScanGate() *step.Spec {
	return &step.Spec{
		Name:    "scan-gate",
		Summary: "Refuse an image with vulnerabilities at or above a limit",
		Prose: `Looks up every package of the image in Grype's advisory database and decides. The content comes from the image, from the evidence of generate-sbom, or from an SBOM file.

The answer is yes only if it can be: the data must be fresh, and for every distribution release and ecosystem in the image the database must know anything at all. What it does not cover leaves the answer undecided, unless --allow-uncovered names it.`,
		Examples: []step.Example{
			{Text: "an image, with the limit at critical", Command: "stepseal scan-gate --image registry.example.com/team/app:1.0 --fail-on critical"},
			{Text: "what generate-sbom found, with a database of your own", Command: "stepseal scan-gate --evidence stepseal-out --database advisories.tar.zst"},
			{Text: "only what the base image does not have already", Command: "stepseal scan-gate --image registry.example.com/team/app:1.0 --baseline-image registry.example.com/base:12 --new-only"},
			{Text: "whatever is known to be exploited, and of the rest what has had a fix for two weeks", Command: "stepseal scan-gate --image registry.example.com/team/app:1.0 --fail-on-known-exploited --only-fixed --grace 14d"},
			{Text: "an SBOM alone, of Trivy's making or anybody's", Command: "stepseal scan-gate --sbom trivy.cdx.json"},
			{Text: "the SBOM that was attested on an image", Command: "stepseal scan-gate --image registry.example.com/team/app:1.0 --sbom from-attestation --public-key cosign.pub"},
		},
		Inputs:      inputs([]step.Input{imageInput, scannedSBOMInput, publicKeyInput}, handOver, gating, reaching, []step.Input{allowForeignInput}, limitingManifests, limitingLayers, reporting, speaking),
		Outputs:     concat(imageOutputs, scanOutputs),
		Needs:       []step.Need{step.Pull, step.Internet, step.Workspace},
		Structures:  append(slices.Clone(structures), trustStructure.Declaration()),
		LocalConfig: true,
		Run: onChain(func(ctx context.Context, c *chain) error {
			if err := c.rule(); err != nil {
				return err
			}
			if err := c.source(ctx); err != nil {
				return err
			}
			defer c.closeDatabase()
			decided := c.each(ctx, func(ctx context.Context, p *part) error {
				defer p.forget()
				return p.scanGate(ctx)
			})
			if err := c.tellGate(decided); err != nil {
				return err
			}
			return c.stillThere(ctx)
		}),
	}
}

// scanGate looks the part's catalogue up, decides, and writes scan.json.
func (p *part) scanGate(ctx context.Context) error {
	db, err := p.openDatabase(ctx)
	if err != nil {
		return err
	}
	if err := p.contents(ctx); err != nil {
		return err
	}
	found, err := scan.Match(ctx, db, p.catalogue)
	if err != nil {
		return err
	}
	if err := p.decide(ctx, db, &found); err != nil {
		return err
	}
	subject := scan.Subject{Image: p.name(), Digest: p.platform.Digest, ImageID: p.platform.ID, Platform: p.platform.Platform}
	doc := scan.NewReport(subject, p.Version, db.Info(), found, p.decided, p.policies...)
	content, err := doc.Marshal()
	if err != nil {
		return err
	}
	if err := p.put(evidence.RoleScan, scanFile, scanMediaType, "scan", content, p.Now()); err != nil {
		return err
	}
	p.setAlone("scan-digest", evidence.Digest(content))
	p.platform.Drop(evidence.RoleVEX) // an earlier scan's
	if err := p.writeReports(doc, found); err != nil {
		return err
	}
	p.found = &doc
	if p.decided.Ending != outcome.Accepted {
		return gateError(p.label(), p.decided)
	}
	return nil
}

// decide holds what was found against the policies.
func (p *part) decide(ctx context.Context, db *scan.Database, found *scan.Result) (err error) {
	found.Image, found.Subject = p.name(), p.vexSubject()
	if found.BaseLayers, err = p.baseLayers(ctx); err != nil {
		return err
	}
	if slices.ContainsFunc(p.ruled, asksForPackages) {
		found.Components, found.Versions = scan.Components(p.catalogue), scan.Satisfies
	}
	baseline, err := p.baseline(ctx, db)
	if err != nil {
		return err
	}
	attested, err := p.vexAttested(ctx)
	if err != nil {
		return err
	}
	if found.Lacking, err = p.lacking(); err != nil {
		return err
	}
	p.policies = slices.Clone(p.ruled)
	for i := range p.policies {
		if i == 0 || p.delegated[delegateBaseline] {
			p.policies[i].Baseline = baseline
		}
		if i == 0 || p.delegated[delegateVEX] {
			p.policies[i].Statements = append(slices.Clone(p.policies[i].Statements), attested...)
		}
	}
	p.decided = policy.Decide(found.Found, policy.DayOf(p.Now()), p.policies...)
	return nil
}

func asksForPackages(p policy.Policy) bool {
	return len(p.Rules.DeniedPackages)+len(p.Rules.DeniedLicenses)+len(p.Rules.RequiredLicenses) > 0
}

// lacking are the minimum elements, of each standard that one of the policies demands, that the SBOM does not have: the one
// that was named, or else the one that would be written of the image.
func (p *part) lacking() (map[string][]string, error) {
	lacking := map[string][]string{}
	for _, of := range p.ruled {
		standard := of.Rules.MinimumElements
		if standard == "" {
			continue
		}
		quality, err := p.catalogue.Assess(p.epoch, sbom.Standard(standard))
		if err != nil {
			return nil, err
		}
		lacking[standard] = quality[0].Missing()
	}
	return lacking, nil
}
