package steps

import (
	"context"
	"net/url"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/provenance"
	"github.com/stepseal/stepseal/internal/signing"
	"github.com/stepseal/stepseal/internal/step"
	"github.com/stepseal/stepseal/internal/trust"
)

// summaryFile is the signed verification summary as a Sigstore bundle.
const summaryFile = "verification-summary.sigstore.json"

var (
	verifierInput = step.Parsed(step.Declaration{Name: "verifier-id", Placeholder: "URI",
		Usage: "who verifies, such as https://verify.example.com: the answer is then attested as a SLSA verification summary, with --key or as the trust section's sign-with says, and attached to the image"}, parseVerifier)

	summarizing    = []step.Input{verifierInput, keyInput, keyPasswordInput, identityTokenInput, identityTokenPathInput, signatureFormatInput}
	summaryOutputs = []step.Output{
		{Name: "verification-summary", Usage: "the path of the signed verification summary, a Sigstore bundle"},
		{Name: "summary-attestation-digest", Usage: "the digest of the manifest that holds the verification summary"},
	}
)

func parseVerifier(text string) (string, error) { return text, provenance.CheckURI(text) }

// summarizer is who signs the summary; nil where none is asked for.
func summarizer(ctx context.Context, c *chain) (*signatory, error) {
	r := c.Run
	if verifierInput.Of(r) == "" {
		return nil, nil
	}
	if r.Change.Fork {
		return nil, outcome.New(outcome.NoWritePermission, "verify: a run for a change from a fork may not attest what it verified").
			Hint("leave out --verifier-id in such a run")
	}
	by, err := newSignatory(ctx, c)
	return &by, err
}

// attestSummary attests a yes or a no; what could not be checked is neither.
func (c *chain) attestSummary(ctx context.Context, subject name.Digest, v signing.Verification) error {
	if c.summarizer == nil || v.Verdict != outcome.Accepted.String() && v.Verdict != outcome.Refused.String() {
		return nil
	}
	predicate, err := c.summaryOf(v).Predicate()
	if err != nil {
		return outcome.New(outcome.Unexpected, "verification summary of %s", c.name()).Because(err)
	}
	author, err := c.summarizer.author(ctx, c, []trust.Kind{trust.VerificationSummary})
	if err != nil {
		return err
	}
	statement := evidence.NewStatement(evidence.SummaryPredicate, predicate, c.repository(), v.Digest)
	written, err := signing.Attest(ctx, c.registry, subject, author, statement, c.summarizer.format, c.Now())
	if err != nil {
		return err
	}
	c.Set("summary-attestation-digest", written.Digest.String())
	c.Note("verify: the verification summary of %s is attested by %s", c.name(), author.Signer())
	if written.Content == nil {
		return nil
	}
	c.Set("verification-summary", c.shown(summaryFile))
	return c.WriteFile(c.place(summaryFile), written.Content)
}

// summaryOf says in SLSA's words what the verification found. Its levels rest on provenance that was demanded and found.
// https://slsa.dev/spec/v1.1/verification_summary
func (c *chain) summaryOf(v signing.Verification) evidence.VerificationSummary {
	s := evidence.VerificationSummary{Verifier: verifierInput.Of(c.Run), Time: c.Now(), Resource: evidence.ImageURI(c.repository(), v.Digest),
		Policy: c.verifiedBy(v.Rule), Passed: v.Verdict == outcome.Accepted.String()}
	level := "SLSA_BUILD_LEVEL_0"
	for _, manifest := range v.Attestations() {
		s.Inputs = append(s.Inputs, evidence.Evidence{URI: evidence.ImageURI(c.repository(), manifest), Digest: manifest})
	}
	for _, r := range v.All() {
		if r.Result == signing.Trusted && r.Name == string(trust.Provenance) {
			level = "SLSA_BUILD_LEVEL_1" // the most that a step in the build's own job can say
		}
	}
	if s.Passed {
		s.Levels = []string{level}
	}
	return s
}

// verifiedBy is the config file where its trust section ruled, and otherwise the rule that the inputs made up.
func (c *chain) verifiedBy(rule signing.Rule) evidence.Evidence {
	if digest := c.ConfigDigest(); digest != "" && namesSection(c.Run) {
		return evidence.Evidence{URI: "file:" + url.PathEscape(c.ConfigBase()), Digest: digest}
	}
	text, _ := evidence.Encode(rule) // texts and numbers can be encoded
	return evidence.Evidence{URI: "urn:stepseal:inputs", Digest: evidence.Digest(text)}
}
