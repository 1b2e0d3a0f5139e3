package steps

import (
	"context"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/step"
)

// evidenceRepository is where evidence is put besides the output directory. The zero value is nowhere.
type evidenceRepository struct {
	imagesOwn bool
	name      string
}

// imagesOwn is the word for the repository that the image lies in.
const imagesOwn = "image"

func parseEvidenceRepository(text string) (evidenceRepository, error) {
	if text == imagesOwn {
		return evidenceRepository{imagesOwn: true}, nil
	}
	name, err := image.ParseRepository(text)
	return evidenceRepository{name: name}, err
}

func (r evidenceRepository) isZero() bool { return r == evidenceRepository{} }

// onChain is the run of a step that works on a chain: what the work handed on is put into the registry at its end,
// whatever the ending, for a refusal is evidence too.
func onChain(work func(context.Context, *chain) error) func(context.Context, *step.Run) error {
	return func(ctx context.Context, r *step.Run) error {
		c, err := newChain(r)
		if err != nil {
			return err
		}
		return c.deliver(ctx, work(ctx, c))
	}
}

// deliver pushes what was handed on, once all of it is there. Evidence that did not get where it was to go leaves an
// accepted run undecided; any other ending stands.
func (c *chain) deliver(ctx context.Context, ended error) error {
	to := evidenceRepositoryInput.Of(c.Run)
	switch {
	case to.isZero() || ctx.Err() != nil || outcome.Verdict(ended) == outcome.Internal:
		return ended
	case c.handed == nil:
		if ended == nil {
			c.Warn("there is no evidence to hand on, and nothing was put into a registry")
		}
		return ended
	case c.Change.Fork:
		c.Note("the change comes from a fork, so that this run may not write: the evidence was not put into a registry")
		return ended
	}
	reference, err := c.push(ctx, to)
	if err == nil {
		c.Set("evidence-reference", reference)
		c.Note("evidence %s", reference)
		return ended
	}
	lost := outcome.Of(err)
	if ended == nil {
		failed := outcome.New(lost.Reason, "the evidence was not handed on: %s", lost).With(lost.Evidence...)
		failed.Hints = lost.Hints
		return failed
	}
	c.Warn("the evidence was not handed on: %s [%s]", lost, lost.Reason)
	return ended
}

// push puts evidence.json and its documents into a repository. In the image's own it names what it is about as its
// subject, so that it can be found from there.
func (c *chain) push(ctx context.Context, to evidenceRepository) (string, error) {
	repository, subject := to.name, ""
	if to.imagesOwn {
		if evidence.Undigested(c.record.Image) {
			return "", noRegistry(c.record.Image)
		}
		var err error
		if repository, err = image.ParseRepository(c.repository()); err != nil {
			return "", noRegistry(c.record.Image)
		}
	}
	if repository == c.repository() {
		subject = c.record.Digest
	}
	if err := c.record.Artefact(c.handed).Check(); err != nil {
		return "", outcome.New(outcome.TooLarge, "the evidence of %s", c.name()).Because(err)
	}
	documents := []image.Document{{Title: evidence.RecordFile, MediaType: evidence.ArtefactType, Read: func() ([]byte, error) { return c.handed, nil }}}
	for _, d := range c.record.Files() {
		documents = append(documents, image.Document{Title: d.Path, MediaType: d.MediaType, Read: func() ([]byte, error) { return c.record.Read(d) }})
	}
	digest, err := c.registry.Publish(ctx, repository, subject, evidence.ArtefactType, documents)
	return artefactScheme + repository + "@" + digest, err
}

func noRegistry(name string) error {
	return outcome.New(outcome.UnsupportedSource, "%s is not in a registry, whose repository could take its evidence", name).
		Hint("name a repository with --evidence-repository")
}
