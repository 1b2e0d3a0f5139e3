package steps

import (
	"context"
	"io"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/report"
	"github.com/stepseal/stepseal/internal/signing"
	"github.com/stepseal/stepseal/internal/step"
	"github.com/stepseal/stepseal/internal/trust"
)

var explainInput = step.Switch(step.Declaration{Name: "explain",
	Usage: "print what was asked, what was found, why that is enough or not, and what to do next"})

var verifyOutputs = []step.Output{
	{Name: "signer", Usage: "who signed: the fingerprint of the key, or whom the certificate names"},
	{Name: "verification", Usage: "the path of verification.json: who, what, when, by which rule"},
	{Name: "verification-digest", Usage: "the digest of verification.json"},
}

// Verify says whether an image carries what it must, by a signer that is trusted.
func Verify() *step.Spec {
	return &step.Spec{
		Name:    "verify",
		Summary: "Check the signature, the SBOM attestation and the scan attestation of an image",
		Prose: `Reads Sigstore bundles and .sig/.att tags, and lets neither hide the other. Each requirement is trusted, untrusted or could not be checked, each with its reason; a registry that does not let signatures be listed is never taken for one that has none.

A signature is not an attestation: an attestation never meets the requirement signature. Of several trusted scans the newest counts.

Of an index the index itself must be signed, and every platform must carry all that is required; with --platform only that platform.

With --verifier-id the answer, yes or no, is signed and attached to the image as a SLSA verification summary, which others can demand in the place of everything that was checked here.`,
		Examples: []step.Example{
			{Text: "everything, with a key", Command: "stepseal verify --image registry.example.com/team/app:1.0 --public-key cosign.pub"},
			{Text: "by the trust section of a file, with reasons", Command: "stepseal verify --image registry.example.com/team/app:1.0 --config trust.yaml --explain"},
			{Text: "and attest the answer for others", Command: "stepseal verify --image registry.example.com/team/app:1.0 --config trust.yaml --verifier-id https://verify.example.com --key verifier.key"},
			{Text: "the signature and a scan of the last three days", Command: "stepseal verify --image registry.example.com/team/app:1.0 --public-key cosign.pub --require signature,scan --max-scan-age 3d"},
		},
		Inputs:     inputs([]step.Input{registryImageInput, publicKeyInput}, handOver, verifying, []step.Input{offlineInput, explainInput}, summarizing, reaching, limitingManifests, reporting, speaking),
		Outputs:    concat(imageOutputs, verifyOutputs, summaryOutputs),
		Needs:      []step.Need{step.Pull, step.Workspace},
		Structures: []step.Declaration{trustStructure.Declaration()},
		Run: onChain(func(ctx context.Context, c *chain) error {
			of, err := whomToTrust(ctx, c)
			if err != nil {
				return err
			}
			by, err := summarizer(ctx, c)
			if err != nil {
				return err
			}
			if by != nil {
				if err := by.ready(ctx, c.Run); err != nil {
					return err
				}
			}
			if err := c.found(ctx); err != nil {
				return err
			}
			c.join()
			c.summarizer = by
			if err := c.verify(ctx, of); err != nil {
				return err
			}
			return c.stillThere(ctx)
		}),
	}
}

// verify checks what is open and writes verification.json, whatever it says.
func (c *chain) verify(ctx context.Context, of trusted) error {
	subject, err := c.registry.Digest(c.repository(), c.digest())
	if err != nil {
		return err
	}
	rule := signing.Requirements{Demands: of.demands, Index: c.record.Index}
	var verification signing.Verification
	var verdict error
	if c.whole() {
		verification, verdict = signing.VerifyIndex(ctx, c.registry, subject, c.listed(), of.Trust, rule, c.Now())
	} else {
		verification, verdict = signing.Verify(ctx, c.registry, subject, of.Trust, rule, c.Now())
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := c.putVerification(verification); err != nil {
		return err
	}
	if verdict == nil {
		c.Set("signer", verification.Signer())
	}
	if err := c.attestSummary(ctx, subject, verification); err != nil {
		return err
	}
	if explainInput.Of(c.Run) {
		told := explainedVerification(verification, c.ConfigName(), of.demands, mendingOf(c.Run, verification.Image, of.demands))
		if _, err := io.WriteString(c.Stdout, told); err != nil {
			return outcome.New(outcome.OutputUnwritable, "standard output").Because(err)
		}
	}
	c.Summarize(report.Verified(c.name(), outcome.Verdict(verdict), verification.Signer(), requirementRows(verification)))
	if err := c.handOn(); err != nil {
		return err
	}
	c.warnAboutVerification(verification)
	if verdict != nil {
		return verdict
	}
	c.Note("verify: accepted %s: signed by %s", c.name(), verification.Signer())
	return nil
}

// demanded is what the inputs ask for.
func demanded(r *step.Run) []trust.Demand {
	var list []trust.Demand
	for _, kind := range trust.Kinds {
		if !requireInput.Of(r).has(string(kind)) {
			continue
		}
		d := trust.Demand{Kind: kind, Threshold: 1}
		switch kind {
		case trust.SBOM:
			d.Binding = sbomBindingInput.Of(r)
		case trust.Scan:
			d.MaxAge = maxScanAgeInput.Of(r)
		}
		list = append(list, d)
	}
	return list
}

func (c *chain) listed() []signing.Listed {
	var list []signing.Listed
	for _, p := range c.parts {
		list = append(list, signing.Listed{Platform: p.platform.Platform, Digest: p.platform.Digest})
	}
	return list
}

// putVerification writes the one document, which speaks of all parts, and names it in each of them.
func (c *chain) putVerification(v signing.Verification) error {
	content, err := v.Marshal()
	if err != nil {
		return err
	}
	if err := c.WriteFile(c.place(verificationFile), content); err != nil {
		return err
	}
	for _, p := range c.parts {
		p.platform.Put(evidence.RoleVerification, verificationFile, signing.VerificationMediaType, content, c.Now())
	}
	c.Set("verification", c.shown(verificationFile))
	c.Set("verification-digest", evidence.Digest(content))
	return nil
}

func (c *chain) warnAboutVerification(v signing.Verification) {
	warn := func(of string, requirements []signing.Requirement, notes []string) {
		for _, r := range requirements {
			for _, note := range r.Notes {
				c.Warn("%s%s: %s", of, r.Name, note)
			}
		}
		for _, note := range notes {
			c.Warn("%s%s", of, note)
		}
	}
	warn("", v.Requirements, v.Notes)
	for _, p := range v.Platforms {
		warn(p.Platform+": ", p.Requirements, p.Notes)
	}
}
