package steps

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/step"
)

// evidenceSource is where --evidence leads: to a file or the folder with it, or to an artefact in a registry. The zero
// value leads nowhere.
type evidenceSource struct {
	file               string
	repository, digest string
}

// artefactScheme is in front of evidence that lies in a registry.
const artefactScheme = "oci:"

func parseEvidence(text string) (evidenceSource, error) {
	if rest, ok := strings.CutPrefix(text, artefactScheme); ok {
		return parseEvidenceReference(rest)
	}
	if _, err := os.Stat(text); err != nil {
		return evidenceSource{}, outcome.New(outcome.EvidenceUnusable, "%s", text).Because(step.Bare(err))
	}
	return evidenceSource{file: text}, nil
}

// parseEvidenceReference insists on a digest: what a tag names can be changed between one job and the next.
func parseEvidenceReference(text string) (evidenceSource, error) {
	named, digest, _ := strings.Cut(text, "@")
	repository, err := image.ParseRepository(named)
	if err == nil && digest == "" {
		err = errors.New("names no digest")
	}
	if err == nil {
		digest, err = parseDigest(digest)
	}
	if err != nil {
		return evidenceSource{}, outcome.New(outcome.InvalidInput, "%s%s", artefactScheme, text).Because(err).
			Hint("evidence in a registry is taken by digest only, oci:REPOSITORY@sha256:...: the output evidence-reference of the earlier step")
	}
	return evidenceSource{repository: repository, digest: digest}, nil
}

// IsZero reports whether no evidence is named.
func (s evidenceSource) IsZero() bool { return s == evidenceSource{} }

func (s evidenceSource) String() string {
	if s.repository == "" {
		return s.file
	}
	return artefactScheme + s.repository + "@" + s.digest
}

// takeEvidence reads what was handed on, if anything was, and brings its documents into this run's folder.
func (c *chain) takeEvidence(ctx context.Context) error {
	from, digest := evidenceInput.Of(c.Run), evidenceDigestInput.Of(c.Run)
	var err error
	switch {
	case from.IsZero() && digest != "":
		return outcome.New(outcome.InvalidInput, "--evidence-digest without --evidence").Hint("name the evidence that is to have it")
	case from.IsZero():
		return nil
	case from.repository == "":
		if c.record, err = evidence.ReadRecord(from.file, digest); err != nil {
			return err
		}
		return c.adopt()
	}
	c.record, err = fetchEvidence(ctx, c.registry, from, digest, outputDirectoryInput.Of(c.Run), c.WriteFile)
	if err == nil {
		c.Note("evidence %s is about %s", from, c.record.Image)
	}
	return err
}

// readEvidence reads what was handed on without a chain. What lies in a registry comes into the folder for what is
// temporary.
func readEvidence(ctx context.Context, r *step.Run) (*evidence.Record, error) {
	from, digest := evidenceInput.Of(r), evidenceDigestInput.Of(r)
	if from.repository == "" {
		return evidence.ReadRecord(from.file, digest)
	}
	registry, err := newRegistry(r)
	if err != nil {
		return nil, err
	}
	return fetchEvidence(ctx, registry, from, digest, filepath.Join(r.Scratch, "evidence"), r.WriteFile)
}

// adopt copies the record's documents, checked, where they do not lie in the output directory already.
func (c *chain) adopt() error {
	if c.record.In(outputDirectoryInput.Of(c.Run)) {
		return nil
	}
	for _, d := range c.record.Files() {
		content, err := c.record.Read(d)
		if err != nil {
			return err
		}
		if err := c.WriteFile(c.place(d.Path), content); err != nil {
			return err
		}
	}
	c.record.MoveTo(outputDirectoryInput.Of(c.Run))
	return nil
}

// fetchEvidence brings evidence from a registry into a folder, evidence.json last. Nothing is fetched whose size is not
// known to be within bounds, and nothing is kept whose digest is not the one that the artefact's own digest leads to.
func fetchEvidence(ctx context.Context, registry *image.Registry, from evidenceSource, digest, folder string, write func(string, []byte) error) (*evidence.Record, error) {
	artefact, err := openArtefact(ctx, registry, from)
	if err != nil {
		return nil, err
	}
	if got := artefact.Record().Digest; digest != "" && got != digest {
		return nil, outcome.New(outcome.EvidenceChanged, "%s in evidence %s has the digest %s, and %s was handed on", evidence.RecordFile, from, got, digest)
	}
	raw, err := fetchLayer(ctx, registry, from, artefact.Record())
	if err != nil {
		return nil, err
	}
	record, err := evidence.ParseRecord(raw)
	if err != nil {
		return nil, outcome.New(outcome.EvidenceUnusable, "%s in evidence %s", evidence.RecordFile, from).Because(err)
	}
	layers, err := artefact.Of(record)
	if err != nil {
		return nil, outcome.New(outcome.EvidenceUnusable, "evidence %s", from).Because(err)
	}
	for i, d := range record.Files() {
		content, err := fetchLayer(ctx, registry, from, layers[i])
		if err != nil {
			return nil, err
		}
		if err := write(filepath.Join(folder, filepath.FromSlash(d.Path)), content); err != nil {
			return nil, err
		}
	}
	if err := write(filepath.Join(folder, evidence.RecordFile), raw); err != nil {
		return nil, err
	}
	record.MoveTo(folder)
	return record, nil
}

func openArtefact(ctx context.Context, registry *image.Registry, from evidenceSource) (evidence.Artefact, error) {
	manifest, err := registry.FetchManifest(ctx, from.repository, from.digest)
	if err != nil {
		return evidence.Artefact{}, ofEvidence(from, err)
	}
	artefact, err := evidence.ParseArtefact(manifest)
	if err != nil {
		return evidence.Artefact{}, outcome.New(outcome.EvidenceUnusable, "evidence %s", from).Because(err).
			Hint("name what the earlier step pushed: its output evidence-reference, and not the image")
	}
	if err := artefact.Check(); err != nil {
		return evidence.Artefact{}, outcome.New(outcome.TooLarge, "evidence %s", from).Because(err)
	}
	return artefact, nil
}

func fetchLayer(ctx context.Context, registry *image.Registry, from evidenceSource, layer evidence.Layer) ([]byte, error) {
	content, err := registry.FetchBlob(ctx, from.repository, layer.Digest, layer.Size)
	if err != nil {
		return nil, ofEvidence(from, err)
	}
	return content, nil
}

// ofEvidence says of a registry's fault what it means for evidence: other content in its place is no accident.
func ofEvidence(from evidenceSource, err error) error {
	known := outcome.Of(err)
	switch {
	case errors.Is(err, image.ErrOtherContent):
		return outcome.New(outcome.EvidenceChanged, "evidence %s", from).Because(err)
	case known.Reason == outcome.ImageNotFound:
		return outcome.New(outcome.EvidenceNotFound, "evidence %s", from).Because(err)
	}
	return err
}
