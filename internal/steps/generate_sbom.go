package steps

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/report"
	"github.com/stepseal/stepseal/internal/sbom"
	"github.com/stepseal/stepseal/internal/step"
)

// The names of the documents in the output directory.
const (
	cycloneDXFile    = "sbom.cdx.json"
	spdxFile         = "sbom.spdx.json"
	syftFile         = "sbom.syft.json"
	scanFile         = "scan.json"
	verificationFile = "verification.json"
)

// The outputs that several steps share.
var (
	imageOutputs = []step.Output{
		{Name: "image", Usage: "the image, or the index as a whole, by digest: repository@sha256:..."},
		{Name: "image-digest", Usage: "the digest of the image's manifest, or of the index"},
		{Name: "evidence", Usage: "the path of evidence.json, which the next step takes"},
		{Name: "evidence-digest", Usage: "the digest of evidence.json"},
		{Name: "evidence-reference", Usage: "the evidence in a registry, oci:repository@sha256:..., which the next step takes on another machine; empty without --evidence-repository"},
		{Name: "image-id", Usage: "the digest of the image's config; empty for several platforms"},
		{Name: "platforms", Usage: "the platforms that were worked on, as a JSON list"},
	}
	sbomOutputs = []step.Output{
		{Name: "sbom", Usage: "the path of the CycloneDX document; empty for several platforms, whose documents evidence.json names"},
		{Name: "sbom-digest", Usage: "the digest of the CycloneDX document; empty for several platforms"},
		{Name: "sbom-spdx", Usage: "the path of the SPDX document; empty for several platforms"},
		{Name: "packages", Usage: "how many packages were found, on all platforms together"},
	}
)

// GenerateSBOM writes what an image contains.
func GenerateSBOM() *step.Spec {
	return &step.Spec{
		Name:    "generate-sbom",
		Summary: "Write what an image contains: CycloneDX 1.6, SPDX 2.3 and syft JSON",
		Prose: `Reads the image once, finds the packages in it with Syft, and writes three documents and evidence.json into the output directory. The same image gives the same bytes: ids are made from the manifest digest (of an image without one, from its id), and the documents carry SOURCE_DATE_EPOCH or the image's creation time.

The root component of each document names the manifest digest, so that a later step can tell whose SBOM it is. An image of a Docker daemon or of an archive has none; its id takes the place.

A folder (dir:PATH) with an unpacked root file system is read as an image is; of any other folder the lock files and manifests count.`,
		Examples: []step.Example{
			{Text: "of an image in a registry", Command: "stepseal generate-sbom --image registry.example.com/team/app:1.0"},
			{Text: "of every platform of an index", Command: "stepseal generate-sbom --image registry.example.com/team/app:1.0 --output-directory sboms"},
			{Text: "of an image that docker build made", Command: "stepseal generate-sbom --image docker:team/app:1.0"},
			{Text: "of what docker save wrote", Command: "stepseal generate-sbom --image docker-archive:app.tar"},
			{Text: "of a folder", Command: "stepseal generate-sbom --image dir:."},
			{Text: "of an OCI layout on disk, for one platform", Command: "stepseal generate-sbom --image oci-layout:build/app --platform linux/arm64"},
		},
		Inputs:      inputs([]step.Input{required(imageInput)}, reaching, []step.Input{allowForeignInput}, limitingManifests, limitingLayers, reporting, speaking),
		Outputs:     concat(imageOutputs, sbomOutputs),
		Needs:       []step.Need{step.Pull, step.Workspace},
		LocalConfig: true,
		Run: onChain(func(ctx context.Context, c *chain) error {
			if err := c.prepareOutput(); err != nil {
				return err
			}
			if err := c.open(ctx, imageInput.Of(c.Run)); err != nil {
				return err
			}
			if err := c.each(ctx, func(ctx context.Context, p *part) error {
				defer p.forget()
				return p.generateSBOM(ctx)
			}); err != nil {
				return err
			}
			if err := c.tellSBOM(); err != nil {
				return err
			}
			return c.stillThere(ctx)
		}),
	}
}

// generateSBOM catalogues the part's image and writes the documents.
func (p *part) generateSBOM(ctx context.Context) error {
	if err := p.needCatalogue(ctx); err != nil {
		return err
	}
	for _, doc := range []struct {
		role         evidence.Role
		file, media  string
		pathOutput   string
		digestOutput string
		write        func(time.Time) ([]byte, error)
	}{
		{evidence.RoleSBOM, cycloneDXFile, sbom.CycloneDXMediaType, "sbom", "sbom-digest", func(time.Time) ([]byte, error) { return p.cycloneDX() }},
		{evidence.RoleSBOMSPDX, spdxFile, sbom.SPDXMediaType, "sbom-spdx", "", p.catalogue.SPDX},
		{evidence.RoleSBOMSyft, syftFile, sbom.SyftMediaType, "", "", func(time.Time) ([]byte, error) { return p.catalogue.Syft() }},
	} {
		content, err := doc.write(p.epoch)
		if err != nil {
			return outcome.New(outcome.CatalogueFailed, "%s: write %s", p.name(), doc.file).Because(err)
		}
		if err := p.put(doc.role, doc.file, doc.media, doc.pathOutput, content, time.Time{}); err != nil {
			return err
		}
		if doc.digestOutput != "" {
			p.setAlone(doc.digestOutput, evidence.Digest(content))
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	p.types, p.edges = p.catalogue.Types(), p.catalogue.Edges()
	p.Note("generate-sbom: %s: %s", p.label(), packagesText(p.types))
	p.Note("generate-sbom: %s: dependencies: %s", p.label(), edgesText(p.edges))
	return nil
}

// tellSBOM publishes what the parts' catalogues hold, once all of them are written.
func (c *chain) tellSBOM() error {
	total := 0
	for _, p := range c.parts {
		total += sum(p.types)
		p.flushNotes()
		c.Summarize(report.SBOM(p.name(), p.platform.Platform, tallies(p.edges)))
	}
	c.Set("packages", strconv.Itoa(total))
	return c.handOn()
}

func sum(counts []sbom.Count) (total int) {
	for _, c := range counts {
		total += c.Packages
	}
	return total
}

// forget lets the catalogue and the layers go: those of all platforms of an index together need more room than there
// may be.
func (p *part) forget() {
	p.catalogue, p.written = nil, nil
	p.done.Store(true)
	p.letGo(p)
}

// needCatalogue reads the layers, once.
func (p *part) needCatalogue(ctx context.Context) error {
	if p.catalogue != nil {
		return nil
	}
	if err := p.foreign(); err != nil {
		return err
	}
	pool, err := p.openPool()
	if err != nil {
		return err
	}
	if p.img.Reference.Folder() == "" {
		p.Note("reading the layers of %s and finding packages", p.label())
	}
	p.catalogue, err = sbom.Create(ctx, p.img, sbom.Tool{Name: "stepseal", Version: p.Version}, sbom.Place{Pool: pool, Scratch: p.Scratch, Texts: &p.content.texts}, p.bounds())
	if err == nil && p.catalogue.ReadAs() != "" {
		p.Note("%s was read as %s", p.label(), p.catalogue.ReadAs())
	}
	return err
}

// foreign lets nobody take what was not looked at for nothing.
func (p *part) foreign() error {
	if len(p.img.Foreign) == 0 {
		return nil
	}
	left := strings.Join(p.img.Foreign, ", ")
	if !allowForeignInput.Of(p.Run) {
		return outcome.New(outcome.ForeignLayers, "%s has layers that registries do not hand on: %s", p.label(), left)
	}
	text := "what these layers hold is not known, for registries do not hand them on: " + left
	p.Warn("%s: %s", p.label(), text)
	p.notes = append(p.notes, text)
	return nil
}

func edgesText(edges []sbom.EdgeCoverage) string {
	var parts []string
	for _, of := range edges {
		parts = append(parts, of.Type+": "+of.String())
	}
	return cmp.Or(strings.Join(parts, "; "), "none, for there is no package")
}

func packagesText(types []sbom.Count) string {
	text := fmt.Sprintf("%d packages", sum(types))
	for i, t := range types {
		separator := ", "
		if i == 0 {
			separator = ": "
		}
		text += fmt.Sprintf("%s%d %s", separator, t.Packages, t.Type)
	}
	return text
}
