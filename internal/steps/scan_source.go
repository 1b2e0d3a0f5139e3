package steps

import (
	"cmp"
	"context"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/sbom"
)

// source finds what is to be scanned: the SBOM that was named, else what the evidence holds, else the image itself.
func (c *chain) source(ctx context.Context) error {
	ref, sbomFile := imageInput.Of(c.Run), scannedSBOMInput.Of(c.Run)
	if ref.IsZero() && sbomFile == "" && evidenceInput.Of(c.Run).IsZero() {
		return outcome.New(outcome.InvalidInput, "nothing to scan").
			Hint("name an image with --image, the output of generate-sbom with --evidence, or a document with --sbom")
	}
	var named *sbom.Catalogue
	var of trusted
	var err error
	switch {
	case besideImage(sbomFile):
		if of, err = c.askedBeside(ctx, sbomFile); err != nil {
			return err
		}
	case sbomFile != "":
		if named, err = c.readSBOM(sbomFile); err != nil {
			return err
		}
	}
	if err := c.prepareOutput(); err != nil {
		return err
	}
	if err := c.takeEvidence(ctx); err != nil {
		return err
	}
	switch {
	case !ref.IsZero():
		if err := c.open(ctx, ref); err != nil {
			return err
		}
		c.join()
	case c.record != nil:
		if err := c.choose(); err != nil {
			return err
		}
	default:
		if err := c.nameBySBOM(named, sbomFile); err != nil {
			return err
		}
	}
	if besideImage(sbomFile) {
		return c.takeBeside(ctx, sbomFile, of)
	}
	return c.take(named)
}

// take makes the SBOM that was named the content of the one part.
func (c *chain) take(named *sbom.Catalogue) error {
	switch {
	case named == nil:
		return nil
	case len(c.parts) > 1:
		return outcome.New(outcome.PlatformUnnamed, "--sbom is one platform's, and %s has %d", c.name(), len(c.parts))
	}
	c.parts[0].catalogue = named
	return c.parts[0].belongs()
}

func (c *chain) readSBOM(file string) (*sbom.Catalogue, error) {
	doc, err := evidence.ReadFile(file, maxDocument)
	if err != nil {
		return nil, outcome.New(outcome.SBOMUnreadable, "SBOM %s", file).Because(err)
	}
	return c.readSource(file, doc)
}

// contents makes sure that there is a catalogue: the evidence's, or the image's own.
func (p *part) contents(ctx context.Context) error {
	if p.catalogue != nil {
		return nil
	}
	// Syft's document comes first: it loses nothing.
	for _, role := range []evidence.Role{evidence.RoleSBOMSyft, evidence.RoleSBOM, evidence.RoleSBOMSPDX} {
		if d, ok := p.platform.Document(role); ok {
			return p.readDocument(d)
		}
	}
	if p.img == nil {
		return outcome.New(outcome.EvidenceUnusable, "the evidence holds no SBOM of %s", p.name()).Hint("run generate-sbom first, or name the image with --image")
	}
	return p.needCatalogue(ctx)
}

func (p *part) readDocument(d evidence.Document) error {
	content, err := p.record.Read(d)
	if err != nil {
		return err
	}
	if err := p.readCatalogue(d.Path, content); err != nil {
		return err
	}
	return p.belongs()
}

// belongs makes sure that an SBOM which was handed in is about the image.
func (p *part) belongs() error {
	switch subject := p.catalogue.Subject(); subject {
	case p.platform.Subject():
	case "":
		p.unbound()
	case p.index():
		p.Warn("the SBOM names the index %s, and not the image of a platform in it; Trivy does so", subject)
	default:
		return outcome.New(outcome.SBOMOtherImage, "the SBOM describes %s, and the image is %s", subject, cmp.Or(p.platform.Subject(), p.name()))
	}
	return nil
}

// nameBySBOM names the image as its SBOM does where nothing else names it.
func (c *chain) nameBySBOM(named *sbom.Catalogue, file string) error {
	subject := named.Subject()
	if subject == "" {
		c.aboutDocument(file)
		return nil
	}
	if named.Name() == "" {
		return outcome.New(outcome.SBOMUnbound, "the SBOM %s does not name its image", file).Hint("name the image with --image")
	}
	record := evidence.NewRecord(named.Name()+"@"+subject, subject, "")
	if evidence.Undigested(named.Name()) {
		record = evidence.NewRecord(named.Name(), "", "")
		record.AddUndigested(named.Platform(), subject)
	} else {
		record.Add(named.Platform(), subject)
	}
	c.begin(record)
	return c.choose()
}
