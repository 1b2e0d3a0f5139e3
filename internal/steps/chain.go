package steps

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/markdown"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/step"
)

// chain is what one process already knows about what --image names: a single image, or an index with an image for every
// platform. Each step of it finds what the earlier ones left: one resolution, one pull, one catalogue, one database.
type chain struct {
	summarizer *signatory // of what was verified; nil: nobody
	*step.Run
	registry *image.Registry
	set      *image.Set // nil while the image is known from evidence only
	record   *evidence.Record
	parts    []*part   // what is worked on, one a platform
	epoch    time.Time // SOURCE_DATE_EPOCH
	database database
	base     *step.Run       // the policy base; nil where none was named
	ruled    []policy.Policy // as the run and the policy base have it, without what belongs to one image
	// delegated is what the policy base leaves to the repository.
	delegated map[string]bool
	content   content
	attesting attesting
	resolving sync.Once
	resolved  *resolver
	handed    []byte // evidence.json as it was written for the next step; nil while there is none

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
		Daemon:    daemon(r),
		Scratch:   r.Scratch,
		Limits:    limits(r),
	}
	if !r.Anonymous {
		access.Keychain = logins(r)
	}
	access.CertificateAuthority = authorityInput.Of(r).Content
	return image.NewRegistry(access)
}

// open resolves the image once and begins the record, or joins it to the evidence that was handed on.
func (c *chain) open(ctx context.Context, ref image.Reference) error {
	if c.set != nil {
		return nil
	}
	if evidenceRepositoryInput.Of(c.Run).imagesOwn && !ref.InRegistry() {
		return noRegistry(ref.String())
	}
	set, err := c.registry.Open(ctx, ref, platformInput.Of(c.Run), c.reading)
	if err != nil {
		return err
	}
	c.set = set
	c.tellImage(set)
	if len(set.LeftOut) > 0 {
		text := "the index lists more, which was left out: " + strings.Join(set.LeftOut, ", ")
		if set.Whole() {
			c.Note("%s", text) // nothing that runs
		} else {
			c.Warn("%s", text)
		}
		c.Summarize(markdown.Note(text))
	}
	if c.record == nil {
		c.begin(recordOf(set))
	}
	return c.choose()
}

// tellImage says what the reference came to; of a folder there is nothing to say yet.
func (c *chain) tellImage(set *image.Set) {
	switch only := set.Images[0]; {
	case set.Reference.Folder() != "":
	case only.Digest.Hex == "":
		c.Note("image %s has the id %s, for %s", set.Reference, only.ID, only.Platform)
	default:
		c.Note("image %s is %s for %s", set.Reference, set.Name(), strings.Join(set.Platforms(), ", "))
	}
}

func (c *chain) reading(platform string, done, total int64) {
	label := "reading layers"
	if len(c.parts) > 1 {
		label += " of " + platform
	}
	if platform == "" {
		label = "copying the image from the daemon"
	}
	c.Progress(label, done, total)
}

func recordOf(set *image.Set) *evidence.Record {
	if only := set.Images[0]; only.Digest.Hex == "" {
		record := evidence.NewRecord(set.Name(), "", "")
		record.AddUndigested(only.Platform, only.Subject())
		return record
	}
	index := ""
	if set.Index.Hex != "" {
		index = set.Index.String()
	}
	record := evidence.NewRecord(set.Reference.Repository()+"@"+set.Digest().String(), set.Digest().String(), index)
	for _, img := range set.Images {
		record.Add(img.Platform, img.Digest.String())
	}
	return record
}

// join goes on with the record that an earlier step left in the output directory, if it is about the open image: who
// verifies an image beside its evidence does not mean to lose that.
func (c *chain) join() {
	if !evidenceInput.Of(c.Run).IsZero() || c.set == nil {
		return
	}
	record, err := evidence.ReadRecord(outputDirectoryInput.Of(c.Run), "")
	if err != nil || record.Image != c.record.Image {
		return
	}
	mine := c.record
	c.record = record
	if c.choose() != nil {
		c.record = mine
	}
}

// begin starts a record of this run's own, whose documents lie in the output directory.
func (c *chain) begin(record *evidence.Record) {
	record.MoveTo(outputDirectoryInput.Of(c.Run))
	c.record = record
}

// choose finds what is worked on in the record: the open images, or the platforms that evidence alone speaks of.
func (c *chain) choose() error {
	parts, err := c.chosen()
	if err != nil {
		return err
	}
	c.parts = parts
	c.record.Image = atDigest(c.repository(), c.record.Digest)
	c.Set("image", c.name())
	c.Set("image-digest", c.digest())
	known := []string{}
	for _, p := range c.parts {
		if p.platform.Platform != "" {
			known = append(known, p.platform.Platform)
		}
	}
	platforms, err := evidence.Encode(known)
	if err != nil {
		return err
	}
	c.Set("platforms", string(platforms))
	if id := c.imageID(); id != "" {
		c.Set("image-id", id)
	}
	return nil
}

// imageID is the digest of the one image's config, empty where it is not known; a folder has none.
func (c *chain) imageID() string {
	switch {
	case len(c.parts) > 1:
		return ""
	case c.set != nil && c.parts[0].img.ID.Hex != "":
		return c.parts[0].img.ID.String()
	}
	return c.parts[0].platform.ID
}

func (c *chain) chosen() ([]*part, error) {
	if c.set == nil {
		return c.selected()
	}
	if c.set.Whole() && !c.record.Whole() {
		return nil, outcome.New(outcome.EvidenceOtherImage, "the evidence is about %s, and the image is the index %s", c.record.Image, c.set.Digest()).
			Hint("name the platform with --platform, or begin with generate-sbom on the whole index")
	}
	var parts []*part
	for _, img := range c.set.Images {
		p, ok := c.record.Of(img.Subject())
		if !ok || evidence.Undigested(c.record.Image) != (img.Digest.Hex == "") {
			return nil, outcome.New(outcome.EvidenceOtherImage, "the evidence is about %s, and the image is %s", c.record.Image, cmp.Or(img.Subject(), img.Name()))
		}
		parts = append(parts, &part{chain: c, img: img, platform: p})
	}
	return parts, nil
}

// selected are the platforms of evidence that no image is named beside.
func (c *chain) selected() ([]*part, error) {
	var parts []*part
	wanted := ""
	if named := platformInput.Of(c.Run); named.OS != "" {
		wanted = named.String()
	}
	var held []string
	for i := range c.record.Platforms {
		p := &c.record.Platforms[i]
		held = append(held, p.Platform)
		if wanted == "" || p.Platform == wanted || len(c.record.Platforms) == 1 {
			parts = append(parts, &part{chain: c, platform: p})
		}
	}
	if len(parts) == 0 {
		return nil, outcome.New(outcome.PlatformNotFound, "the evidence holds nothing for %s", wanted).With("it holds " + strings.Join(held, ", "))
	}
	return parts, nil
}

func (c *chain) place(name string) string {
	return filepath.Join(outputDirectoryInput.Of(c.Run), filepath.FromSlash(name))
}

// shown is a document's path as outputs give it: relative to the working directory, with slashes.
func (c *chain) shown(name string) string {
	return path.Join(filepath.ToSlash(outputDirectoryInput.Of(c.Run)), name)
}

// handOn writes evidence.json for the next step.
func (c *chain) handOn() error {
	if c.record.Digest == "" && !evidence.Undigested(c.record.Image) {
		return nil // it would be evidence about nothing
	}
	raw, err := c.record.Marshal()
	if err != nil {
		return err
	}
	if err := c.WriteFile(c.place(evidence.RecordFile), raw); err != nil {
		return err
	}
	c.handed = raw
	c.Set("evidence", c.shown(evidence.RecordFile))
	c.Set("evidence-digest", evidence.Digest(raw))
	return nil
}

// stillThere names a tag that moved while the run worked by digest.
func (c *chain) stillThere(ctx context.Context) error {
	if c.set == nil {
		return nil
	}
	now, moved, err := c.registry.Moved(ctx, c.set)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.Warn("whether the tag still points at the image could not be checked: %s", err)
		return nil
	}
	if moved {
		was := c.set.Index
		if was.Hex == "" {
			was = c.set.Digest()
		}
		text := fmt.Sprintf("the tag %s has moved: it now points at %s; this run worked on %s", c.set.Reference.Tag(), now, was)
		c.Warn("%s", text)
		c.Summarize(markdown.Note(text))
	}
	return nil
}

// repository, digest and name tell what the run is about, whether it was opened or handed on.
func (c *chain) repository() string {
	if c.set != nil {
		return c.set.Reference.Repository()
	}
	return strings.TrimSuffix(c.record.Image, "@"+c.record.Digest)
}

// whole reports whether the run is about an index, and not about one platform of it.
func (c *chain) whole() bool {
	if c.set != nil {
		return c.set.Whole()
	}
	return c.record.Whole() && platformInput.Of(c.Run).OS == ""
}

func (c *chain) digest() string {
	if c.whole() {
		return c.record.Digest
	}
	return c.parts[0].platform.Digest
}

func (c *chain) name() string { return atDigest(c.repository(), c.digest()) }

// atDigest is repository@digest, or the source as it was written where it gives no digest.
func atDigest(repository, digest string) string {
	if digest == "" {
		return repository
	}
	return repository + "@" + digest
}

// prepareOutput makes sure that there will be a place for the documents before anything is contacted.
func (c *chain) prepareOutput() error {
	dir := outputDirectoryInput.Of(c.Run)
	if err := step.MakeFolder(dir); err != nil {
		return outcome.New(outcome.OutputUnwritable, "the output directory %s", dir).Because(step.Bare(err))
	}
	return c.clearReports(dir)
}
