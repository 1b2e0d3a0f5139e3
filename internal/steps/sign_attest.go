package steps

import (
	"context"
	"slices"
	"time"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/markdown"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/report"
	"github.com/stepseal/stepseal/internal/signing"
	"github.com/stepseal/stepseal/internal/step"
	"github.com/stepseal/stepseal/internal/trust"
)

var signOutputs = []step.Output{
	{Name: "signature-digest", Usage: "the digest of the manifest that holds the signature"},
	{Name: "sbom-attestation-digest", Usage: "the digest of the manifest that holds the SBOM attestation"},
	{Name: "scan-attestation-digest", Usage: "the digest of the manifest that holds the scan attestation"},
	{Name: "provenance-attestation-digest", Usage: "the digest of the manifest that holds the provenance attestation"},
}

// SignAttest signs an image that the gate accepted, and attests what was found out about it.
func SignAttest() *step.Spec {
	return &step.Spec{
		Name:    "sign-attest",
		Summary: "Sign an image that the gate accepted, and attest its SBOM and scan",
		Prose: `Signs the manifest digest and attaches the CycloneDX SBOM and the scan as signed attestations, and where the CI system says what it builds, SLSA provenance; --attest says what else. An image whose scan does not say accepted, for this very digest, is not signed.

Of an index every platform is signed and attested, and then the index itself; the attestations of a platform name both, and are attached to both. With --platform the index is left alone.

With --attest-refused a scan that refuses the image is attested all the same, and nothing is signed: that revokes what was accepted before, for all who go by the newest scan. docs/admission.md says who does not.

Everything is read back and verified after it was written. Running the step again adds nothing.`,
		Examples: []step.Example{
			{Text: "what scan-gate accepted", Command: "stepseal sign-attest --evidence stepseal-out --key cosign.key"},
			{Text: "without a key, as the identity of this run, by the trust section's sign-with", Command: "stepseal sign-attest --evidence stepseal-out --config trust.yaml"},
			{Text: "for tools that read .sig and .att tags only", Command: "stepseal sign-attest --evidence stepseal-out --key cosign.key --signature-format legacy"},
		},
		Inputs:      inputs([]step.Input{registryImageInput, sbomFileInput, scanFileInput}, handOver, signingIn, attestingIn, []step.Input{attestRefusedInput, offlineInput}, reaching, limitingManifests, reporting, speaking),
		Outputs:     concat(imageOutputs, signOutputs),
		Needs:       []step.Need{step.Pull, step.Push, step.Identity, step.Workspace},
		Structures:  []step.Declaration{trustStructure.Declaration()},
		LocalConfig: true,
		Run: onChain(func(ctx context.Context, c *chain) error {
			if c.Change.Fork {
				return outcome.New(outcome.NoWritePermission, "sign-attest: a run for a change from a fork has no key and may not write").
					Hint("sign after the change is merged; secure-image gates such a change and ends there")
			}
			by, err := newSignatory(ctx, c)
			if err != nil {
				return err
			}
			if err := c.chooseAttestations(); err != nil {
				return err
			}
			if err := c.readNamed(); err != nil {
				return err
			}
			if err := by.ready(ctx, c.Run); err != nil {
				return err
			}
			if err := c.found(ctx); err != nil {
				return err
			}
			if len(c.parts) > 1 && (c.sbomNamed != nil || c.scanNamed != nil) {
				return outcome.New(outcome.PlatformUnnamed, "--sbom and --scan are one platform's, and %s has %d", c.name(), len(c.parts)).Hint("name the platform with --platform, or hand on evidence of all")
			}
			if err := c.signAttest(ctx, by); err != nil {
				return err
			}
			return c.stillThere(ctx)
		}),
	}
}

func loadKey(r *step.Run) (*signing.Key, error) {
	pem := keyInput.Of(r)
	key, err := signing.LoadKey(pem.Content, keyPasswordInput.Of(r).Reveal())
	if err != nil {
		return nil, named(pem.In("--key"), err)
	}
	return key, nil
}

// found opens the image that --image or the evidence names, in its registry.
func (c *chain) found(ctx context.Context) error {
	ref := registryImageInput.Of(c.Run)
	if ref.IsZero() && evidenceInput.Of(c.Run).IsZero() {
		return outcome.New(outcome.InvalidInput, "no image").Hint("name it with --image, or hand on the evidence of an earlier step with --evidence")
	}
	if err := c.prepareOutput(); err != nil {
		return err
	}
	if err := c.takeEvidence(ctx); err != nil {
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

// signAttest signs what is open and attests the documents of the record: nothing is written before it is known that every
// platform may be signed, and an index is signed last.
func (c *chain) signAttest(ctx context.Context, by signatory) error {
	if refused, err := c.refusals(); err != nil || len(refused) > 0 {
		if err != nil {
			return err
		}
		return c.attestRefusals(ctx, by, refused)
	}
	subjects, err := c.subjects()
	if err != nil {
		return err
	}
	author, err := by.author(ctx, c, kindsOf(subjects))
	if err != nil {
		return err
	}
	if err := c.byReference(ctx, subjects, by.logsWhole()); err != nil {
		return err
	}
	if err := c.attestAll(ctx, author, by.format, subjects); err != nil {
		return err
	}
	if !slices.ContainsFunc(c.parts, func(p *part) bool { return len(p.platform.Documents) > 0 }) {
		return nil // nothing was handed on, and a record of nothing would take the place of one that lies there
	}
	return c.handOn()
}

// attested is one manifest, and what is to be said of it.
type attested struct {
	digest       string
	attestations []attestation
}

type attestation struct {
	what, output string // output is empty where another manifest's is the one to name
	statement    evidence.Statement
}

// kindsOf are the kinds of evidence that are going to be signed.
func kindsOf(subjects []attested) []trust.Kind {
	var list []trust.Kind
	for _, kind := range trust.Kinds {
		for _, s := range subjects {
			if slices.ContainsFunc(s.attestations, func(a attestation) bool { return signing.KindOf(a.statement.PredicateType) == kind }) {
				list = append(list, kind)
				break
			}
		}
	}
	return list
}

// subjects are the platforms, and behind them the index. What is said of a platform's content names the index too, and is
// attached to both: whoever resolves a tag finds it there.
func (c *chain) subjects() ([]attested, error) {
	var list []attested
	index := attested{digest: c.record.Index, attestations: c.said(c.record.Index, true)}
	for _, p := range c.parts {
		documents, err := p.documents()
		if err != nil {
			return nil, err
		}
		own := attested{digest: p.platform.Digest, attestations: c.said(p.platform.Digest, !c.whole())}
		for _, d := range documents {
			if !c.whole() {
				own.attestations = append(own.attestations, d)
				continue
			}
			if len(c.parts) > 1 {
				d.output = ""
				d.what += " of " + p.platform.Platform
			}
			index.attestations = append(index.attestations, d)
			d.output = ""
			own.attestations = append(own.attestations, d)
		}
		list = append(list, own)
	}
	if c.whole() {
		list = append(list, index)
	}
	return list, nil
}

func (c *chain) signature(of string, named bool) attestation {
	s := attestation{what: "signature", statement: evidence.NewStatement(evidence.SignaturePredicate, []byte("{}"), c.repository(), of)}
	if named {
		s.output = "signature-digest"
	}
	return s
}

// attestAll writes what is missing of all, and tells of it.
func (c *chain) attestAll(ctx context.Context, author signing.Author, format signing.Format, subjects []attested) error {
	added, all := 0, 0
	for _, s := range subjects {
		n, err := c.attest(ctx, author, format, s)
		if err != nil {
			return err
		}
		added += n
		all += len(s.attestations)
	}
	c.Summarize(report.Signed(c.name(), author.Signer(), string(format), added, all))
	return nil
}

// attest writes what is missing of one manifest's statements, and counts it.
func (c *chain) attest(ctx context.Context, author signing.Author, format signing.Format, about attested) (added int, err error) {
	subject, err := c.registry.Digest(c.repository(), about.digest)
	if err != nil {
		return 0, err
	}
	all := make([]evidence.Statement, len(about.attestations))
	for i, a := range about.attestations {
		all[i] = a.statement
	}
	written, err := signing.AttestAll(ctx, c.registry, subject, author, all, format, c.Now())
	if err != nil {
		return 0, err
	}
	name := c.repository() + "@" + about.digest
	for i, a := range about.attestations {
		if a.output != "" {
			c.Set(a.output, written[i].Digest.String())
		}
		if written[i].Added {
			added++
			c.Note("sign-attest: %s of %s written (%s)", a.what, name, format)
		} else {
			c.Note("sign-attest: %s of %s was there already", a.what, name)
		}
	}
	return added, nil
}

// sbomDocument is the CycloneDX document that was named or handed on, checked to be about this image; nil if there is none.
func (p *part) sbomDocument() ([]byte, error) {
	doc := p.sbomNamed
	if d, ok := p.platform.Document(evidence.RoleSBOM); ok && doc == nil {
		var err error
		if doc, err = p.record.Read(d); err != nil {
			return nil, err
		}
		if err := evidence.CheckCycloneDX(doc); err != nil {
			return nil, outcome.New(outcome.SBOMUnreadable, "SBOM of %s", p.name()).Because(err)
		}
	}
	if doc == nil {
		return nil, nil
	}
	return doc, p.describesThis(doc)
}

// describesThis refuses an SBOM of another image.
func (p *part) describesThis(doc []byte) error {
	subject, err := evidence.SBOMSubject(doc)
	switch {
	case err != nil:
		return outcome.New(outcome.SBOMUnreadable, "SBOM of %s", p.name()).Because(err)
	case subject == "":
		p.unbound()
	case subject != p.platform.Digest:
		return outcome.New(outcome.SBOMOtherImage, "the SBOM describes %s, and the image is %s", subject, p.platform.Digest)
	}
	return nil
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

// acceptedScan is the scan that was named or handed on, nil where there need be none. The scan must say accepted, of this very
// digest; without --require-scan an image may be signed that was not scanned, but a refusal is never attested.
func (p *part) acceptedScan() (*evidence.Scan, error) {
	report, finished, err := p.scanReport()
	if err != nil {
		return nil, err
	}
	if report == nil {
		return nil, p.unscanned(outcome.New(outcome.ScanMissing, "there is no scan of %s", p.name()))
	}
	verdict, ok := evidence.ParseVerdict(report)
	switch {
	case !ok:
		return nil, p.unscanned(outcome.New(outcome.ScanWithoutVerdict, "the scan of %s is no scan.json of stepseal", p.name()))
	case verdict.Image.Digest != p.platform.Digest:
		return nil, p.unscanned(outcome.New(outcome.ScanOtherImage, "the scan is of %.80q, and the image is %s", verdict.Image.Digest, p.platform.Digest))
	case verdict.Verdict != outcome.Accepted.String():
		return nil, p.unscanned(outcome.New(outcome.ScanRefused, "the scan of %s says %.20s (%.40s)", p.name(), verdict.Verdict, verdict.Reason))
	}
	return scanFrom(report, finished, verdict), nil
}

func scanFrom(report []byte, finished time.Time, verdict evidence.Verdict) *evidence.Scan {
	if finished.IsZero() {
		// Nobody said when; it cannot have been before the database was built, and that is the age that harms nobody.
		finished = verdict.Database.Built
	}
	return &evidence.Scan{Report: report, Version: verdict.Tools.Stepseal, Database: verdict.Database.SHA256,
		DataDate: verdict.DataDate(), Finished: finished}
}

func (p *part) unscanned(no *outcome.Error) error {
	if requireScanInput.Of(p.Run) {
		return no
	}
	p.Warn("signing without an accepted scan, as --require-scan=false asks: %s", no)
	p.Summarize(markdown.Note("Signed without an accepted scan, as require-scan=false asks: " + no.Error()))
	return nil
}

// scanReport is the scan.json with when it was finished, as far as anybody said.
func (p *part) scanReport() ([]byte, time.Time, error) {
	if p.scanNamed != nil {
		return p.scanNamed, time.Time{}, nil
	}
	d, ok := p.platform.Document(evidence.RoleScan)
	if !ok {
		return nil, time.Time{}, nil
	}
	doc, err := p.record.Read(d)
	if err != nil {
		return nil, time.Time{}, err
	}
	finished, _ := time.Parse(time.RFC3339, d.Finished)
	return doc, finished, nil
}
