package steps

import (
	"context"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/step"
	"github.com/stepseal/stepseal/internal/trust"
)

var attestRefusedInput = step.Switch(step.Declaration{Name: "attest-refused", Section: "sign",
	Usage: "attest a scan that refuses the image, and sign nothing: verify, which goes by the newest scan, refuses the image from then on; for scheduled checks of what was released"})

// refusals are the scans that refuse the image, as what is to be attested of each platform and of the index.
func (c *chain) refusals() ([]attested, error) {
	if !attestRefusedInput.Of(c.Run) {
		return nil, nil
	}
	var list []attested
	index := attested{digest: c.record.Index}
	for _, p := range c.parts {
		scan, err := p.refusedScan()
		if err != nil {
			return nil, err
		}
		if scan == nil {
			continue
		}
		predicate, err := scan.Predicate()
		if err != nil {
			return nil, err
		}
		a := attestation{"refusal by the scan", "scan-attestation-digest", p.about(evidence.ScanPredicate, predicate)}
		if len(c.parts) > 1 {
			a.what += " of " + p.platform.Platform
			a.output = ""
		}
		index.attestations = append(index.attestations, a)
		if c.whole() {
			a.output = ""
		}
		list = append(list, attested{digest: p.platform.Digest, attestations: []attestation{a}})
	}
	if c.whole() && len(list) > 0 {
		list = append(list, index)
	}
	return list, nil
}

// refusedScan is the scan of this very digest where it says refused; nil where it says anything else, or is another's.
func (p *part) refusedScan() (*evidence.Scan, error) {
	doc, finished, err := p.scanReport()
	if err != nil || doc == nil {
		return nil, err
	}
	verdict, ok := evidence.ParseVerdict(doc)
	if !ok || verdict.Image.Digest != p.platform.Digest || verdict.Verdict != outcome.Refused.String() {
		return nil, nil
	}
	return scanFrom(doc, finished, verdict), nil
}

// attestRefusals writes them. The image keeps its signatures, and a verifier that looks at nothing else still takes it.
func (c *chain) attestRefusals(ctx context.Context, by signatory, subjects []attested) error {
	author, err := by.author(ctx, c, []trust.Kind{trust.Scan})
	if err != nil {
		return err
	}
	if err := c.attestAll(ctx, author, by.format, subjects); err != nil {
		return err
	}
	c.Warn("%s was not signed: its scan refuses it, and that is attested, as --attest-refused asks", c.name())
	return nil
}
