package steps

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/markdown"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/sbom"
	"github.com/stepseal/stepseal/internal/step"
)

// chain is what one process already knows about one image. Each step of it finds what the earlier ones left: one
// resolution, one pull, one catalogue, one database.
type chain struct {
	*step.Run
	registry  *image.Registry
	img       *image.Image // nil while the image is known from evidence only
	catalogue *sbom.Catalogue
	record    *evidence.Record
	platform  *evidence.Platform // the record's entry for the image
	epoch     time.Time          // SOURCE_DATE_EPOCH

	// Documents that were named instead of the evidence's.
	sbomNamed, scanNamed []byte
}

func newChain(r *step.Run) (*chain, error) {
	epoch, err := r.Epoch()
	if err != nil {
		return nil, err
	}
	registry, err := newRegistry(r)
	return &chain{Run: r, registry: registry, epoch: epoch}, err
}

func newRegistry(r *step.Run) (*image.Registry, error) {
	access := image.Access{
		Insecure:  insecureInput.Of(r),
		UserAgent: "stepseal/" + r.Version,
		Notice:    func(text string) { r.Note("%s", text) },
		Limits:    limits(r),
	}
	if r.Anonymous {
		access.Keychain = image.Anonymous()
	}
	if file := authorityInput.Of(r); file != "" {
		pem, err := evidence.ReadFile(file, maxAuthority)
		if err != nil {
			return nil, outcome.New(outcome.InvalidInput, "--certificate-authority %s", file).Because(err)
		}
		access.CertificateAuthority = pem
	}
	return image.NewRegistry(access)
}

// maxAuthority bounds a file of certificates.
const maxAuthority = 16 << 20

// open resolves the image once and begins the record, or joins it to the evidence that was handed on.
func (c *chain) open(ctx context.Context, ref image.Reference) error {
	if c.img != nil {
		return nil
	}
	img, err := c.registry.Open(ctx, ref, platformInput.Of(c.Run), func(done, total int64) { c.Progress("reading layers", done, total) })
	if err != nil {
		return err
	}
	c.img = img
	c.Note("image %s is %s for %s", ref, img.Name(), img.Platform)
	if len(img.LeftOut) > 0 {
		c.Warn("the index holds other platforms, which were left out: %s", strings.Join(img.LeftOut, ", "))
		c.Summarize(markdown.Note("Other platforms of the index were left out: " + strings.Join(img.LeftOut, ", ")))
	}
	if c.record == nil {
		index := ""
		if img.Index.Hex != "" {
			index = img.Index.String()
		}
		c.begin(evidence.NewRecord(img.Name(), img.Digest.String(), index, img.Platform))
	}
	return c.choose(img.Digest.String())
}

// join goes on with the record that an earlier step left in the output directory, if it is about the open image: who
// verifies an image beside its evidence does not mean to lose that.
func (c *chain) join() {
	if evidenceInput.Of(c.Run) != "" || c.img == nil {
		return
	}
	record, err := evidence.ReadRecord(outputDirectoryInput.Of(c.Run), "")
	if err != nil || record.Image != c.record.Image {
		return
	}
	if p, ok := record.Of(c.platform.Digest); ok {
		c.record, c.platform = record, p
	}
}

// begin starts a record of this run's own, whose documents lie in the output directory.
func (c *chain) begin(record *evidence.Record) {
	record.MoveTo(outputDirectoryInput.Of(c.Run))
	c.record = record
}

// choose finds the image in the record.
func (c *chain) choose(digest string) error {
	p, ok := c.record.Of(digest)
	if !ok {
		return outcome.New(outcome.EvidenceOtherImage, "the evidence is about %s, and the image is %s", c.record.Image, digest)
	}
	c.platform = p
	c.record.Image = c.repository() + "@" + c.record.Digest
	c.Set("image", c.name())
	c.Set("image-digest", digest)
	known := []string{}
	if p.Platform != "" {
		known = append(known, p.Platform)
	}
	platforms, err := evidence.Encode(known)
	if err != nil {
		return err
	}
	c.Set("platforms", string(platforms))
	if c.img != nil {
		c.Set("image-id", c.img.ID.String())
	}
	return nil
}

// takeEvidence reads what was handed on, if anything was, and brings its documents into this run's folder.
func (c *chain) takeEvidence() error {
	file := evidenceInput.Of(c.Run)
	if file == "" {
		if evidenceDigestInput.Of(c.Run) != "" {
			return outcome.New(outcome.InvalidInput, "--evidence-digest without --evidence").Hint("name the evidence that is to have it")
		}
		return nil
	}
	record, err := evidence.ReadRecord(file, evidenceDigestInput.Of(c.Run))
	if err != nil {
		return err
	}
	c.record = record
	if c.platform, err = c.only(); err != nil {
		return err
	}
	return c.adopt()
}

// only is the platform of the record that this run is about: the one that there is, or the one that is named.
func (c *chain) only() (*evidence.Platform, error) {
	if len(c.record.Platforms) == 1 {
		return &c.record.Platforms[0], nil
	}
	named := platformInput.Of(c.Run)
	if named.OS == "" {
		named = image.HostPlatform()
	}
	wanted := named.String()
	for i := range c.record.Platforms {
		if p := &c.record.Platforms[i]; p.Platform == wanted {
			return p, nil
		}
	}
	return nil, outcome.New(outcome.PlatformNotFound, "the evidence holds %d platforms, and none is %s", len(c.record.Platforms), wanted)
}

// adopt copies the record's documents, checked, where they do not lie in the output directory already.
func (c *chain) adopt() error {
	if c.record.In(outputDirectoryInput.Of(c.Run)) {
		return nil
	}
	for _, p := range c.record.Platforms {
		for _, d := range p.Documents {
			content, err := c.record.Read(d)
			if err != nil {
				return err
			}
			if err := c.WriteFile(c.place(d.Path), content); err != nil {
				return err
			}
		}
	}
	c.record.MoveTo(outputDirectoryInput.Of(c.Run))
	return nil
}

func (c *chain) place(name string) string {
	return filepath.Join(outputDirectoryInput.Of(c.Run), filepath.FromSlash(name))
}

// put writes a document of the image and sets the outputs that name it.
func (c *chain) put(role evidence.Role, name, mediaType, output string, content []byte, finished time.Time) error {
	if err := c.WriteFile(c.place(name), content); err != nil {
		return err
	}
	c.platform.Put(role, name, mediaType, content, finished)
	if output != "" {
		c.Set(output, c.shown(name))
	}
	return nil
}

// shown is a document's path as outputs give it: relative to the working directory, with slashes.
func (c *chain) shown(name string) string {
	return path.Join(filepath.ToSlash(outputDirectoryInput.Of(c.Run)), name)
}

// handOn writes evidence.json for the next step.
func (c *chain) handOn() error {
	raw, err := c.record.Marshal()
	if err != nil {
		return err
	}
	if err := c.WriteFile(c.place(evidence.RecordFile), raw); err != nil {
		return err
	}
	c.Set("evidence", c.shown(evidence.RecordFile))
	c.Set("evidence-digest", evidence.Digest(raw))
	return nil
}

// stillThere names a tag that moved while the run worked by digest.
func (c *chain) stillThere(ctx context.Context) error {
	if c.img == nil {
		return nil
	}
	now, moved, err := c.registry.Moved(ctx, c.img)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.Warn("whether the tag still points at the image could not be checked: %s", err)
		return nil
	}
	if moved {
		was := c.img.Digest
		if c.img.Index.Hex != "" {
			was = c.img.Index
		}
		text := fmt.Sprintf("the tag %s has moved: it now points at %s; this run worked on %s", c.img.Reference.Tag(), now, was)
		c.Warn("%s", text)
		c.Summarize(markdown.Note(text))
	}
	return nil
}

// unbound says that an SBOM does not name its image.
func (c *chain) unbound() {
	c.Warn("the SBOM does not say which image it describes (sbom-unbound)")
	c.Summarize(markdown.Note("The SBOM does not say which image it describes (sbom-unbound)."))
}

// repository and digest name the image, whether it was opened or handed on.
func (c *chain) repository() string {
	if c.img != nil {
		return c.img.Repository()
	}
	repo, _, _ := strings.Cut(c.record.Image, "@")
	return repo
}

func (c *chain) name() string { return c.repository() + "@" + c.platform.Digest }

// prepareOutput makes sure that there will be a place for the documents before anything is contacted.
func (c *chain) prepareOutput() error {
	dir := outputDirectoryInput.Of(c.Run)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return outcome.New(outcome.OutputUnwritable, "the output directory %s", dir).Because(step.Bare(err))
	}
	return nil
}
