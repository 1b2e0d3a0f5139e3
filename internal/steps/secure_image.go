package steps

import (
	"context"
	"slices"

	"github.com/stepseal/stepseal/internal/markdown"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/signing"
	"github.com/stepseal/stepseal/internal/step"
)

// SecureImage runs the four steps as a sequence in one process.
func SecureImage() *step.Spec {
	return &step.Spec{
		Name:    "secure-image",
		Summary: "The whole chain in one process: SBOM, gate, sign, attest, verify",
		Prose: `Runs generate-sbom, scan-gate, sign-attest and verify on one image, or on every platform of an index: one resolution, one pull, one catalogue each, one database. It stops before signing when the gate does not accept the image, or one platform of it.

What was signed is verified with --public-key, or with the public half of --key; with a trust section in the file that --config names, by that.`,
		Examples: []step.Example{
			{Text: "an image, with a key pair made by stepseal keys generate", Command: "stepseal secure-image --image registry.example.com/team/app:1.0 --key cosign.key"},
		},
		Inputs: inputs([]step.Input{required(registryImageInput)}, gating, signingIn, attestingIn, []step.Input{attestRefusedInput}, []step.Input{publicKeyInput}, verifying, reaching, []step.Input{allowForeignInput}, limitingManifests, limitingLayers, reporting, speaking),
		// The order is that of usefulness: a dotenv file for GitLab has room for twenty.
		Outputs: concat([]step.Output{
			{Name: "gate-verdict", Usage: "how the gate ended"},
			{Name: "verify-verdict", Usage: "how the verification ended"},
			{Name: "stopped-at", Usage: "the part that did not end as accepted: sbom, gate, sign or verify"},
		}, imageOutputs[:5], signOutputs, verifyOutputs, scanOutputs[:4], sbomOutputs, scanOutputs[4:], imageOutputs[5:]),
		Needs:       []step.Need{step.Pull, step.Push, step.Identity, step.Internet, step.Workspace},
		Structures:  append(slices.Clone(structures), trustStructure.Declaration()),
		LocalConfig: true,
		Run:         onChain(secureImage),
	}
}

func secureImage(ctx context.Context, c *chain) error {
	seal, err := sealing(ctx, c)
	if err != nil {
		return err
	}
	if !c.Change.Fork {
		if err := c.chooseAttestations(); err != nil {
			return err
		}
	}
	if err := c.rule(); err != nil {
		return err
	}
	if !c.Change.Fork {
		if err := seal.by.ready(ctx, c.Run); err != nil {
			return err
		}
	}
	if err := c.prepareOutput(); err != nil {
		return err
	}
	c.Set("stopped-at", "sbom")
	c.Group("SBOM and gate")
	if err := c.open(ctx, registryImageInput.Of(c.Run)); err != nil {
		return err
	}
	if !c.Change.Fork {
		// Before work is done that would be lost.
		if err := c.registry.MayPush(ctx, c.set.Reference); err != nil {
			return err
		}
	}
	if err := c.judge(ctx); err != nil {
		return c.revoke(ctx, seal, err)
	}
	if c.Change.Fork {
		text := "the change comes from a fork, so that this run may not write: the image was gated, and not signed"
		c.Note("secure-image: %s", text)
		c.Summarize(markdown.Note(text))
		return c.stillThere(ctx)
	}
	if err := c.seal(ctx, seal); err != nil {
		return err
	}
	return c.stillThere(ctx)
}

// revoke attests the refusal where that is asked for; the refusal stays the ending, unless it could not be attested.
func (c *chain) revoke(ctx context.Context, with seals, no error) error {
	if c.Change.Fork || outcome.Verdict(no) != outcome.Refused {
		return no
	}
	refused, err := c.refusals()
	if err == nil && len(refused) > 0 {
		err = c.attestRefusals(ctx, with.by, refused)
	}
	if err != nil {
		return err
	}
	return no
}

// seals are what an image is signed with, and what the signature is checked against.
type seals struct {
	by    signatory
	trust trusted
}

// sealing reads keys and trust; a run for a change from a fork has neither, and does not sign.
func sealing(ctx context.Context, c *chain) (seals, error) {
	r := c.Run
	if r.Change.Fork {
		return seals{}, nil
	}
	by, err := newSignatory(ctx, c)
	if err != nil {
		return seals{}, err
	}
	if !namesTrust(r) {
		return seals{by, trusted{signing.ByKeys(by.key.Public()), demanded(r)}}, nil
	}
	of, err := whomToTrust(ctx, c)
	return seals{by, of}, err
}

// seal signs and attests, and then verifies as anybody would.
func (c *chain) seal(ctx context.Context, with seals) error {
	c.Set("stopped-at", "sign")
	c.Group("Sign and attest")
	if err := c.signAttest(ctx, with.by); err != nil {
		return err
	}
	c.Set("stopped-at", "verify")
	c.Group("Verify")
	err := c.verify(ctx, with.trust)
	c.Set("verify-verdict", outcome.Verdict(err).String())
	if err == nil {
		c.Set("stopped-at", "")
	}
	return err
}

// judge catalogues and gates each platform in one go, so that no more catalogues are in memory than are worked on.
func (c *chain) judge(ctx context.Context) error {
	defer c.closeDatabase()
	err := c.each(ctx, func(ctx context.Context, p *part) error {
		defer p.forget()
		if p.sbomErr = p.generateSBOM(ctx); p.sbomErr != nil {
			return p.sbomErr
		}
		return p.scanGate(ctx)
	})
	if ctx.Err() != nil || slices.ContainsFunc(c.parts, func(p *part) bool { return p.sbomErr != nil }) {
		return err
	}
	c.Set("stopped-at", "gate") // whatever stops it
	if failed := c.tellSBOM(); failed != nil {
		return failed
	}
	err = c.tellGate(err)
	c.Set("gate-verdict", outcome.Verdict(err).String())
	if err != nil {
		c.Summarize(markdown.Note("The image was not signed."))
	}
	return err
}
