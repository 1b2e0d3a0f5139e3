package signing

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"math/rand/v2"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
)

const writeAttempts = 5

// settle, and twice as long as writing took, is waited before what was written under cosign's tags is read back. Another
// writer may have read the tag before, and write it after us without what we wrote.
const settle = 20 * time.Millisecond

// Written says where a statement is stored now.
type Written struct {
	Digest v1.Hash // of the bundle's manifest; of the .sig or .att manifest where only that was asked for
	Added  bool    // something was written; false where everything was there already
	Bundle Stored
	Legacy Stored
	// Content is the bundle where it was made now; nil where it was there already or is not asked for.
	Content []byte
}

// Stored is one store's part of Written; its digest is zero where the format does not ask for that store.
type Stored struct {
	Digest v1.Hash
	Added  bool
}

// Attest signs the statement and attaches it to the subject, which must be among the statement's subjects. It adds
// nothing where the same statement by the same author is stored already. What it wrote is read back and verified. now
// becomes the creation date of a bundle's manifest.
func Attest(ctx context.Context, registry *image.Registry, subject name.Digest, author Author, statement evidence.Statement, format Format, now time.Time) (Written, error) {
	written, err := AttestAll(ctx, registry, subject, author, []evidence.Statement{statement}, format, now)
	if err != nil {
		return Written{}, err
	}
	return written[0], nil
}

// AttestAll is Attest for several statements about one subject: what is stored is read once before and once after. The
// results are in the order of the statements.
func AttestAll(ctx context.Context, registry *image.Registry, subject name.Digest, author Author, statements []evidence.Statement, format Format, now time.Time) ([]Written, error) {
	if _, err := ParseFormat(string(format)); err != nil {
		return nil, outcome.New(outcome.InvalidInput, "signature format").Because(err)
	}
	w, err := newWriter(registry, subject, author, format, now)
	if err != nil {
		return nil, err
	}
	for _, s := range statements {
		if err := w.plan(s); err != nil {
			return nil, err
		}
	}
	if err := w.write(ctx); err != nil {
		return nil, err
	}
	results := make([]Written, len(w.items))
	for i, it := range w.items {
		results[i] = it.written()
	}
	return results, nil
}

type writer struct {
	registry *image.Registry
	subject  name.Digest
	author   Author
	format   Format
	now      time.Time
	examiner *examiner
	items    []*item
}

// item is one statement on its way into the stores. What is signed once is written again as it is, so that a second
// attempt adds nothing new.
type item struct {
	statement evidence.Statement
	payload   []byte
	bundle    Stored
	legacy    Stored
	artifact  *image.Artifact
	layer     *layer
	format    Format
}

func (it *item) isSignature() bool { return it.statement.PredicateType == evidence.SignaturePredicate }

func (it *item) written() Written {
	w := Written{Bundle: it.bundle, Legacy: it.legacy, Digest: it.bundle.Digest, Added: it.bundle.Added || it.legacy.Added}
	if !it.format.bundle() {
		w.Digest = it.legacy.Digest
	}
	if it.artifact != nil {
		w.Content = it.artifact.Content
	}
	return w
}

func newWriter(registry *image.Registry, subject name.Digest, author Author, format Format, now time.Time) (*writer, error) {
	e, err := newExaminer(author.own())
	return &writer{registry: registry, subject: subject, author: author, format: format, now: now, examiner: e}, err
}

func (w *writer) plan(s evidence.Statement) error {
	if !names(s, w.subject.DigestStr()) {
		return outcome.New(outcome.Unexpected, "the statement %s is not about %s", s.PredicateType, w.subject)
	}
	payload, err := s.Marshal()
	if err != nil {
		return err
	}
	if encoded := base64.StdEncoding.EncodedLen(len(payload)) + 4<<10; encoded > maxDocument {
		return outcome.New(outcome.TooLarge, "the statement %s about %s is %d bytes signed, more than the %d that verifiers read",
			s.PredicateType, w.subject, encoded, maxDocument)
	}
	// Reading it now finds out before anything is written that no verifier would take it, and spares reading it back.
	if read := w.examiner.parse(sha256.Sum256(payload), payload); read.err != nil {
		return outcome.New(outcome.Unexpected, "the statement %s about %s is none", s.PredicateType, w.subject).Because(read.err)
	}
	w.items = append(w.items, &item{statement: s, payload: payload, format: w.format})
	return nil
}

// names reports whether the digest is any of the subjects.
func names(s evidence.Statement, digest string) bool {
	for _, subject := range s.Subject {
		if "sha256:"+subject.Digest["sha256"] == digest {
			return true
		}
	}
	return false
}

// write looks what is stored, writes what is missing, and looks again, until nothing is missing.
func (w *writer) write(ctx context.Context) error {
	pause := 50 * time.Millisecond
	for attempt := 0; ; attempt++ {
		doubts, err := w.look(ctx)
		if err != nil || !w.missing() {
			return err
		}
		if attempt == writeAttempts {
			return w.lost(doubts)
		}
		if attempt > 0 {
			if err := sleep(ctx, pause+rand.N(pause)); err != nil {
				return err
			}
			pause *= 2
		}
		if err := w.add(ctx); err != nil {
			return err
		}
	}
}

func (w *writer) missing() bool {
	for _, it := range w.items {
		if w.lacksBundle(it) || w.lacksLegacy(it) {
			return true
		}
	}
	return false
}

func (w *writer) lacksBundle(it *item) bool {
	return w.format.bundle() && it.bundle.Digest == v1.Hash{}
}
func (w *writer) lacksLegacy(it *item) bool {
	return w.format.legacy() && it.legacy.Digest == v1.Hash{}
}

// lost ends a run whose writes somebody else undid: what was written is told only once it was read back.
// Attack 32.
func (w *writer) lost(doubts []string) error {
	if len(doubts) > 0 {
		return outcome.New(outcome.ReferrersUnreadable, "%s: what was written cannot be read back", w.subject).With(doubts...)
	}
	return outcome.New(outcome.WriteLost, "%s: what was written is not there when read back", w.subject)
}

// look reads the stores that the format asks for and notes where each statement is.
func (w *writer) look(ctx context.Context) (doubts []string, err error) {
	s := newStore(w.registry, w.subject).examinedBy(w.examiner)
	var all shelf
	places := []struct {
		wanted bool
		read   func(context.Context) (shelf, error)
	}{
		{w.format.bundle(), s.bundles},
		{w.format.legacy() && w.any((*item).isSignature), s.signatures},
		{w.format.legacy() && w.any(func(it *item) bool { return !it.isSignature() }), s.attestations},
	}
	for _, place := range places {
		if !place.wanted {
			continue
		}
		found, err := place.read(ctx)
		if err != nil {
			return nil, err
		}
		all.take(found)
	}
	for _, it := range w.items {
		it.bundle.Digest, it.legacy.Digest = v1.Hash{}, v1.Hash{}
		for _, f := range all.findings {
			it.recognize(f, w.subject.DigestStr())
		}
	}
	return all.doubts, nil
}

func (w *writer) any(is func(*item) bool) bool {
	for _, it := range w.items {
		if is(it) {
			return true
		}
	}
	return false
}

// recognize takes the first finding that says the same of the same things.
func (it *item) recognize(f finding, subject string) {
	if f.err != nil || !it.says(f, subject) {
		return
	}
	stored := &it.bundle
	if f.store == Legacy {
		stored = &it.legacy
	}
	if (stored.Digest == v1.Hash{}) {
		stored.Digest = f.at
	}
}

// says compares a signature by what it signs: cosign writes it with and without a predicate, and in the legacy store it
// is about one digest.
func (it *item) says(f finding, subject string) bool {
	switch {
	case f.statement.PredicateType != it.statement.PredicateType:
		return false
	case it.isSignature() && f.store == Legacy:
		return f.isSignature() && f.statement.Names(subject)
	case it.isSignature():
		return sameSubjects(f.statement, it.statement)
	}
	return sameSubjects(f.statement, it.statement) && bytes.Equal(f.statement.Predicate, it.statement.Predicate)
}

func sameSubjects(a, b evidence.Statement) bool {
	if len(a.Subject) != len(b.Subject) {
		return false
	}
	for i := range a.Subject {
		if a.Subject[i].Digest["sha256"] != b.Subject[i].Digest["sha256"] {
			return false
		}
	}
	return true
}

// add writes what is missing.
func (w *writer) add(ctx context.Context) error {
	var signatures, attestations []layer
	for _, it := range w.items {
		if w.lacksBundle(it) {
			if err := w.addBundle(ctx, it); err != nil {
				return err
			}
		}
		if !w.lacksLegacy(it) {
			continue
		}
		if err := w.makeLayer(ctx, it); err != nil {
			return err
		}
		it.legacy.Added = true
		if it.isSignature() {
			signatures = append(signatures, *it.layer)
		} else {
			attestations = append(attestations, *it.layer)
		}
	}
	began := time.Now()
	if err := w.appendTo(ctx, signatureTag(w.subject), signatures); err != nil {
		return err
	}
	if err := w.appendTo(ctx, attestationTag(w.subject), attestations); err != nil {
		return err
	}
	if len(signatures)+len(attestations) == 0 {
		return nil
	}
	return sleep(ctx, settle+2*time.Since(began))
}

func (w *writer) addBundle(ctx context.Context, it *item) error {
	if it.artifact == nil {
		content, err := w.author.bundle(ctx, it.payload)
		if err != nil {
			return err
		}
		artifact := bundleArtifact(content, it.statement.PredicateType, w.now)
		it.artifact = &artifact
	}
	it.bundle.Added = true
	_, err := w.registry.Attach(ctx, w.subject, *it.artifact)
	return err
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
