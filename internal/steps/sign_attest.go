package steps

import (
	"context"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/markdown"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/report"
	"github.com/stepseal/stepseal/internal/signing"
	"github.com/stepseal/stepseal/internal/step"
)

var signOutputs = []step.Output{
	{Name: "signature-digest", Usage: "the digest of the manifest that holds the signature"},
	{Name: "sbom-attestation-digest", Usage: "the digest of the manifest that holds the SBOM attestation"},
	{Name: "scan-attestation-digest", Usage: "the digest of the manifest that holds the scan attestation"},
}

// SignAttest signs an image that the gate accepted, and attests what was found out about it.
func SignAttest() *step.Spec {
	return &step.Spec{
		Name:    "sign-attest",
		Summary: "Sign an image that the gate accepted, and attest its SBOM and scan",
		Prose: `Signs the manifest digest and attaches the CycloneDX SBOM and the scan as signed attestations. An image whose scan does not say accepted, for this very digest, is not signed.

Everything is read back and verified after it was written. Running the step again adds nothing.`,
		Examples: []step.Example{
			{Text: "what scan-gate accepted", Command: "stepseal sign-attest --evidence stepseal-out --key cosign.key"},
			{Text: "for tools that read .sig and .att tags only", Command: "stepseal sign-attest --evidence stepseal-out --key cosign.key --signature-format legacy"},
		},
		Inputs:      inputs([]step.Input{registryImageInput, sbomFileInput, scanFileInput}, handOver, signingIn, reaching, limitingManifests, reporting, speaking),
		Outputs:     concat(imageOutputs, signOutputs),
		Needs:       []step.Need{step.Pull, step.Push, step.Workspace},
		LocalConfig: true,
		Run: func(ctx context.Context, r *step.Run) error {
			key, err := loadKey(r)
			if err != nil {
				return err
			}
			c, err := newChain(r)
			if err != nil {
				return err
			}
			if err := c.readNamed(); err != nil {
				return err
			}
			if err := c.found(ctx); err != nil {
				return err
			}
			if err := c.signAttest(ctx, key); err != nil {
				return err
			}
			return c.stillThere(ctx)
		},
	}
}

func loadKey(r *step.Run) (*signing.Key, error) {
	file := keyInput.Of(r)
	pem, err := evidence.ReadFile(file, maxKey)
	if err != nil {
		return nil, outcome.New(outcome.KeyUnusable, "--key").Because(err)
	}
	key, err := signing.LoadKey(pem, keyPasswordInput.Of(r).Reveal())
	if err != nil {
		return nil, named("--key "+file, err)
	}
	return key, nil
}

// maxKey bounds a key file.
const maxKey = 1 << 20

// found opens the image that --image or the evidence names, in its registry.
func (c *chain) found(ctx context.Context) error {
	ref := registryImageInput.Of(c.Run)
	if ref.IsZero() && evidenceInput.Of(c.Run) == "" {
		return outcome.New(outcome.InvalidInput, "no image").Hint("name it with --image, or hand on the evidence of an earlier step with --evidence")
	}
	if err := c.prepareOutput(); err != nil {
		return err
	}
	if err := c.takeEvidence(); err != nil {
		return err
	}
	if ref.IsZero() {
		var err error
		if ref, err = parseRegistryReference(c.record.Image); err != nil {
			return err
		}
	}
	return c.open(ctx, ref)
}

// signAttest signs the open image and attests the documents of the record.
func (c *chain) signAttest(ctx context.Context, key *signing.Key) error {
	statements, err := c.statements()
	if err != nil {
		return err
	}
	subject, err := c.subject()
	if err != nil {
		return err
	}
	format := signatureFormatInput.Of(c.Run)
	all := make([]evidence.Statement, len(statements))
	for i, s := range statements {
		all[i] = s.statement
	}
	written, err := signing.AttestAll(ctx, c.registry, subject, key, all, format, c.Now())
	if err != nil {
		return err
	}
	added := 0
	for i, s := range statements {
		c.Set(s.output, written[i].Digest.String())
		if written[i].Added {
			added++
			c.Note("sign-attest: %s of %s written (%s)", s.what, c.name(), format)
		} else {
			c.Note("sign-attest: %s of %s was there already", s.what, c.name())
		}
	}
	c.Summarize(report.Signed(c.name(), key.Signer(), string(format), added, len(statements)))
	if len(c.platform.Documents) == 0 {
		return nil // nothing was handed on, and a record of nothing would take the place of one that lies there
	}
	return c.handOn()
}

type attestation struct {
	what, output string
	statement    evidence.Statement
}

// statements are the signature and the attestations that the record allows.
func (c *chain) statements() ([]attestation, error) {
	about := func(predicateType string, predicate []byte) evidence.Statement {
		return evidence.NewStatement(predicateType, predicate, c.repository(), c.platform.Digest)
	}
	list := []attestation{{"signature", "signature-digest", about(evidence.SignaturePredicate, []byte("{}"))}}
	sbomDoc, err := c.sbomDocument()
	if err != nil {
		return nil, err
	}
	if sbomDoc != nil {
		list = append(list, attestation{"SBOM attestation", "sbom-attestation-digest", about(evidence.SBOMPredicate, sbomDoc)})
	} else {
		c.Warn("no SBOM was handed on: the image is signed without an SBOM attestation")
	}
	scanDoc, err := c.scanDocument()
	if err != nil {
		return nil, err
	}
	if scanDoc != nil {
		list = append(list, attestation{"scan attestation", "scan-attestation-digest", about(evidence.ScanPredicate, scanDoc)})
	}
	return list, nil
}

// sbomDocument is the CycloneDX document that was named or handed on, checked to be about this image; nil if there is none.
func (c *chain) sbomDocument() ([]byte, error) {
	doc := c.sbomNamed
	if d, ok := c.platform.Document(evidence.RoleSBOM); ok && doc == nil {
		var err error
		if doc, err = c.record.Read(d); err != nil {
			return nil, err
		}
		if err := evidence.CheckCycloneDX(doc); err != nil {
			return nil, outcome.New(outcome.SBOMUnreadable, "SBOM of %s", c.name()).Because(err)
		}
	}
	if doc == nil {
		return nil, nil
	}
	subject, err := evidence.SBOMSubject(doc)
	switch {
	case err != nil:
		return nil, outcome.New(outcome.SBOMUnreadable, "SBOM of %s", c.name()).Because(err)
	case subject == "":
		c.unbound()
	case subject != c.platform.Digest:
		return nil, outcome.New(outcome.SBOMOtherImage, "the SBOM describes %s, and the image is %s", subject, c.platform.Digest)
	}
	return doc, nil
}

// readNamed reads the documents that were named, before anything is contacted.
func (c *chain) readNamed() error {
	if file := sbomFileInput.Of(c.Run); file != "" {
		doc, err := evidence.ReadFile(file, maxDocument)
		if err == nil {
			err = evidence.CheckCycloneDX(doc)
		}
		if err != nil {
			return outcome.New(outcome.SBOMUnreadable, "SBOM %s", file).Because(err)
		}
		c.sbomNamed = doc
	}
	if file := scanFileInput.Of(c.Run); file != "" {
		doc, err := evidence.ReadFile(file, maxDocument)
		if err != nil {
			return outcome.New(outcome.EvidenceUnusable, "scan %s", file).Because(err)
		}
		c.scanNamed = doc
	}
	return nil
}

// maxDocument bounds a document that is named by hand.
const maxDocument = 256 << 20

// scanDocument is the predicate of the scan that was named or handed on. The scan must say accepted, of this very
// digest; without --require-scan an image may be signed that was not scanned, but a refusal is never attested.
func (c *chain) scanDocument() ([]byte, error) {
	report, finished, err := c.scanReport()
	if err != nil {
		return nil, err
	}
	if report == nil {
		return nil, c.unscanned(outcome.New(outcome.ScanMissing, "there is no scan of %s", c.name()))
	}
	verdict, ok := evidence.ParseVerdict(report)
	switch {
	case !ok:
		return nil, c.unscanned(outcome.New(outcome.ScanWithoutVerdict, "the scan of %s is no scan.json of stepseal", c.name()))
	case verdict.Image.Digest != c.platform.Digest:
		return nil, c.unscanned(outcome.New(outcome.ScanOtherImage, "the scan is of %.80q, and the image is %s", verdict.Image.Digest, c.platform.Digest))
	case verdict.Verdict != outcome.Accepted.String():
		return nil, c.unscanned(outcome.New(outcome.ScanRefused, "the scan of %s says %.20s (%.40s)", c.name(), verdict.Verdict, verdict.Reason))
	}
	if finished.IsZero() {
		// Nobody said when; it cannot have been before the database was built, and that is the age that harms nobody.
		finished = verdict.Database.Built
	}
	scan := evidence.Scan{Report: report, Version: verdict.Tools.Stepseal, Database: verdict.Database.SHA256,
		DataDate: verdict.DataDate(), Finished: finished}
	return scan.Predicate()
}

func (c *chain) unscanned(no *outcome.Error) error {
	if requireScanInput.Of(c.Run) {
		return no
	}
	c.Warn("signing without an accepted scan, as --require-scan=false asks: %s", no)
	c.Summarize(markdown.Note("Signed without an accepted scan, as require-scan=false asks: " + no.Error()))
	return nil
}

// scanReport is the scan.json with when it was finished, as far as anybody said.
func (c *chain) scanReport() ([]byte, time.Time, error) {
	if c.scanNamed != nil {
		return c.scanNamed, time.Time{}, nil
	}
	d, ok := c.platform.Document(evidence.RoleScan)
	if !ok {
		return nil, time.Time{}, nil
	}
	doc, err := c.record.Read(d)
	if err != nil {
		return nil, time.Time{}, err
	}
	finished, _ := time.Parse(time.RFC3339, d.Finished)
	return doc, finished, nil
}

func (c *chain) subject() (name.Digest, error) {
	return c.registry.Digest(c.repository(), c.platform.Digest)
}
