package steps

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/scan"
	"github.com/stepseal/stepseal/internal/signing"
)

// attestedPrefix before a reference in --baseline asks for the scan that was attested there.
const attestedPrefix = "attested:"

// baseline is what the part's findings are compared with; nil where nothing was named.
func (p *part) baseline(ctx context.Context, db *scan.Database) (*policy.Baseline, error) {
	source, other := baselineInput.Of(p.Run), baselineImageInput.Of(p.Run)
	attested, isAttested := strings.CutPrefix(source, attestedPrefix)
	switch {
	case other != "":
		return p.scannedBaseline(ctx, db, other)
	case isAttested:
		return p.attestedBaseline(ctx, attested)
	case source != "":
		return p.writtenBaseline(source)
	}
	return nil, nil
}

// beside opens another image, for the part's platform.
func (p *part) beside(ctx context.Context, input, text string) (*image.Image, error) {
	ref, err := image.Parse(text)
	if err != nil {
		return nil, named("--"+input, err)
	}
	platform, err := image.ParsePlatform(strings.Split(p.platform.Platform, ":")[0])
	if err != nil {
		return nil, outcome.New(outcome.PlatformUnnamed, "--%s %s: the platform of %s is not known", input, text, p.label()).Because(err)
	}
	set, err := p.registry.Open(ctx, ref, platform, nil)
	if err != nil {
		return nil, named("--"+input, err)
	}
	return set.Images[0], nil
}

// scannedBaseline catalogues and looks up another image with the same database.
func (p *part) scannedBaseline(ctx context.Context, db *scan.Database, text string) (*policy.Baseline, error) {
	img, err := p.beside(ctx, baselineImageInput.Declaration().Name, text)
	if err != nil {
		return nil, err
	}
	other := &part{chain: p.chain, img: img, platform: &evidence.Platform{Platform: img.Platform, Digest: img.Subject()}}
	defer other.forget()
	if err := other.needCatalogue(ctx); err != nil {
		return nil, err
	}
	found, err := scan.Match(ctx, db, other.catalogue)
	if err != nil {
		return nil, err
	}
	return policy.NewBaseline(img.Name(), found.Findings), nil
}

// attestedBaseline is the newest scan that was attested about an image by the key that is trusted.
func (p *part) attestedBaseline(ctx context.Context, text string) (*policy.Baseline, error) {
	of, err := whomToTrust(ctx, p.chain)
	if err != nil {
		return nil, err
	}
	img, err := p.beside(ctx, baselineInput.Declaration().Name, text)
	if err != nil {
		return nil, err
	}
	subject, err := p.registry.Digest(img.Repository(), img.Digest.String())
	if err != nil {
		return nil, err
	}
	doc, by, err := signing.AttestedScan(ctx, p.registry, subject, of.Trust, p.Now())
	if err != nil {
		return nil, err
	}
	p.Note("the baseline is the scan of %s that %s attested", subject, by)
	return baselineOf(img.Name(), doc)
}

// writtenBaseline is a scan.json, or the one that evidence has of the part's platform.
func (p *part) writtenBaseline(path string) (*policy.Baseline, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, outcome.New(outcome.EvidenceUnusable, "--baseline %s", path).Because(err)
	}
	if info.IsDir() || strings.HasSuffix(path, evidence.RecordFile) {
		record, err := evidence.ReadRecord(path, "")
		if err != nil {
			return nil, named("--baseline", err)
		}
		doc, err := scanOf(record, p.platform.Platform)
		if err != nil {
			return nil, outcome.New(outcome.EvidenceUnusable, "--baseline %s", path).Because(err)
		}
		return baselineOf(path, doc)
	}
	doc, err := evidence.ReadFile(path, maxDocument)
	if err != nil {
		return nil, outcome.New(outcome.EvidenceUnusable, "--baseline %s", path).Because(err)
	}
	return baselineOf(path, doc)
}

func scanOf(record *evidence.Record, platform string) ([]byte, error) {
	for i := range record.Platforms {
		p := &record.Platforms[i]
		d, ok := p.Document(evidence.RoleScan)
		if ok && (p.Platform == platform || len(record.Platforms) == 1) {
			return record.Read(d)
		}
	}
	return nil, errors.New("it holds no scan for " + platform)
}

func baselineOf(name string, doc []byte) (*policy.Baseline, error) {
	report, err := scan.ParseReport(doc)
	if err != nil {
		return nil, outcome.New(outcome.EvidenceUnusable, "the baseline %s", name).Because(err)
	}
	findings := make([]policy.Finding, len(report.Findings))
	for i, f := range report.Findings {
		findings[i] = f.Finding
	}
	return policy.NewBaseline(name, findings), nil
}

// baseLayers are the layers of the image that this one was built from. It is an error if this one does not begin with them.
func (p *part) baseLayers(ctx context.Context) ([]string, error) {
	text := baseImageInput.Of(p.Run)
	if text == "" {
		return nil, nil
	}
	if p.img == nil {
		return nil, outcome.New(outcome.InvalidInput, "--base-image %s: the layers of %s are not known without the image", text, p.label()).Hint("name the image with --image")
	}
	base, err := p.beside(ctx, baseImageInput.Declaration().Name, text)
	if err != nil {
		return nil, err
	}
	layers, own := base.DiffIDs(), p.img.DiffIDs()
	for i, layer := range layers {
		if i >= len(own) || own[i] != layer {
			return nil, outcome.New(outcome.NotBasedOn, "%s was not built from %s: layer %d differs", p.label(), base.Name(), i+1)
		}
	}
	return layers, nil
}
