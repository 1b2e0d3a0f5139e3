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
		{Name: "image", Usage: "the image by digest: repository@sha256:..."},
		{Name: "image-digest", Usage: "the digest of the image's manifest"},
		{Name: "evidence", Usage: "the path of evidence.json, which the next step takes"},
		{Name: "evidence-digest", Usage: "the digest of evidence.json"},
		{Name: "image-id", Usage: "the digest of the image's config"},
		{Name: "platforms", Usage: "the platforms that were worked on, as a JSON list"},
	}
	sbomOutputs = []step.Output{
		{Name: "sbom", Usage: "the path of the CycloneDX document"},
		{Name: "sbom-digest", Usage: "the digest of the CycloneDX document"},
		{Name: "sbom-spdx", Usage: "the path of the SPDX document"},
		{Name: "packages", Usage: "how many packages were found"},
	}
)

// GenerateSBOM writes what an image contains.
func GenerateSBOM() *step.Spec {
	return &step.Spec{
		Name:    "generate-sbom",
		Summary: "Write what an image contains: CycloneDX 1.6, SPDX 2.3 and syft JSON",
		Prose: `Reads the image once, finds the packages in it with Syft, and writes three documents and evidence.json into the output directory. The same image gives the same bytes: ids are made from the manifest digest, and the documents carry SOURCE_DATE_EPOCH or the image's creation time.

The root component of each document names the manifest digest, so that a later step can tell whose SBOM it is.`,
		Examples: []step.Example{
			{Text: "of an image in a registry", Command: "stepseal generate-sbom --image registry.example.com/team/app:1.0"},
			{Text: "of an OCI layout on disk, for another platform", Command: "stepseal generate-sbom --image oci-layout:build/app --platform linux/arm64"},
		},
		Inputs:      inputs([]step.Input{required(imageInput)}, reaching, reporting, speaking),
		Outputs:     concat(imageOutputs, sbomOutputs),
		Needs:       []step.Need{step.Pull, step.Workspace},
		LocalConfig: true,
		Run: func(ctx context.Context, r *step.Run) error {
			c, err := newChain(r)
			if err != nil {
				return err
			}
			if err := c.prepareOutput(); err != nil {
				return err
			}
			if err := c.open(ctx, imageInput.Of(r)); err != nil {
				return err
			}
			if err := c.generateSBOM(ctx); err != nil {
				return err
			}
			return c.stillThere(ctx)
		},
	}
}

// generateSBOM catalogues the open image and writes the documents.
func (c *chain) generateSBOM(ctx context.Context) error {
	if err := c.needCatalogue(ctx); err != nil {
		return err
	}
	for _, doc := range []struct {
		role         evidence.Role
		file, media  string
		pathOutput   string
		digestOutput string
		write        func(time.Time) ([]byte, error)
	}{
		{evidence.RoleSBOM, cycloneDXFile, sbom.CycloneDXMediaType, "sbom", "sbom-digest", c.catalogue.CycloneDX},
		{evidence.RoleSBOMSPDX, spdxFile, sbom.SPDXMediaType, "sbom-spdx", "", c.catalogue.SPDX},
		{evidence.RoleSBOMSyft, syftFile, sbom.SyftMediaType, "", "", func(time.Time) ([]byte, error) { return c.catalogue.Syft() }},
	} {
		content, err := doc.write(c.epoch)
		if err != nil {
			return outcome.New(outcome.CatalogueFailed, "%s: write %s", c.name(), doc.file).Because(err)
		}
		if err := c.put(doc.role, doc.file, doc.media, doc.pathOutput, content, time.Time{}); err != nil {
			return err
		}
		if doc.digestOutput != "" {
			c.Set(doc.digestOutput, evidence.Digest(content))
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	types := c.catalogue.Types()
	c.Set("packages", strconv.Itoa(c.catalogue.Packages()))
	c.Note("generate-sbom: %s: %s", c.name(), packagesText(types, c.catalogue.Packages()))
	edges := c.catalogue.Edges()
	c.Note("generate-sbom: dependencies: %s", edgesText(edges))
	c.Summarize(report.SBOM(c.name(), c.platform.Platform, tallies(edges)))
	return c.handOn()
}

// needCatalogue reads the layers, once.
func (c *chain) needCatalogue(ctx context.Context) error {
	if c.catalogue != nil {
		return nil
	}
	c.Note("reading the layers and finding packages")
	var err error
	c.catalogue, err = sbom.Create(ctx, c.img, sbom.Tool{Name: "stepseal", Version: c.Version}, c.Scratch)
	return err
}

func edgesText(edges []sbom.EdgeCoverage) string {
	var parts []string
	for _, of := range edges {
		parts = append(parts, of.Type+": "+of.String())
	}
	return cmp.Or(strings.Join(parts, "; "), "none, for there is no package")
}

func packagesText(types []sbom.Count, total int) string {
	text := fmt.Sprintf("%d packages", total)
	for i, t := range types {
		separator := ", "
		if i == 0 {
			separator = ": "
		}
		text += fmt.Sprintf("%s%d %s", separator, t.Packages, t.Type)
	}
	return text
}
