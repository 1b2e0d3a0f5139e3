package signing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
	cosign "github.com/sigstore/cosign/v2/pkg/types"
	"golang.org/x/sync/semaphore"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
)

// Limits on what is read about one image.
const (
	maxDocument  = 64 << 20  // one bundle, envelope or payload, as package image bounds it
	maxDocuments = 512 << 20 // all of them
	maxLayers    = 1000      // of a .sig or .att, as cosign bounds it
	readers      = 6         // documents read at a time
)

// document is one thing that was found and that may be signed. Nothing about it is verified yet.
type document struct {
	store     Format  // Bundle or Legacy
	at        v1.Hash // the manifest that holds it
	mediaType types.MediaType
	content   []byte
	claim     string // predicate type by annotation, which nothing signs
	// Of a layer under cosign's tags: its signature and what vouches for it.
	annotations map[string]string
}

// shelf is one place where documents lie: the referrers, the .sig tag, the .att tag.
type shelf struct {
	documents []document
	findings  []finding // instead of documents, where an examiner looks at each as it comes
	notes     []string  // about what was passed over
	doubts    []string  // about what could not be read: there may be more than was found
}

func (s *shelf) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}
func (s *shelf) doubt(format string, args ...any) {
	s.doubts = append(s.doubts, fmt.Sprintf(format, args...))
}

// take adds what another shelf holds.
func (s *shelf) take(other shelf) {
	s.documents = append(s.documents, other.documents...)
	s.findings = append(s.findings, other.findings...)
	s.notes = append(s.notes, other.notes...)
	s.doubts = append(s.doubts, other.doubts...)
}

// store reads what is stored about one image.
type store struct {
	registry *image.Registry
	subject  name.Digest
	left     atomic.Int64        // bytes that may still be read
	held     *semaphore.Weighted // bytes that are in memory
	// Looks at each document as soon as it is read, so that no more than a few of them are held at a time; nil: nobody.
	examiner *examiner
	turn     sync.Mutex // of the examiner
}

// examinedBy lets an examiner look at each document.
func (s *store) examinedBy(e *examiner) *store {
	s.examiner = e
	return s
}

func newStore(registry *image.Registry, subject name.Digest) *store {
	s := &store{registry: registry, subject: subject, held: semaphore.NewWeighted(maxDocument)}
	s.left.Store(maxDocuments)
	return s
}

// bundles reads the Sigstore bundles among the referrers. The list is the registry's word, so an entry is passed over
// only where it clearly is of another kind; whether it is ours, its own manifest says.
func (s *store) bundles(ctx context.Context) (shelf, error) {
	listed, err := s.registry.Referrers(ctx, s.subject)
	if err != nil {
		return shelf{}, err
	}
	var found shelf
	var wanted []image.Referrer
	other := 0
	for _, r := range listed {
		switch {
		case mayBeBundle(r.ArtifactType):
			wanted = append(wanted, r)
		case r.ArtifactType != evidence.ArtefactType: // what steps hand each other is nothing to be told of
			other++
		}
	}
	if other > 0 {
		found.note("%d referrers of other kinds", other)
	}
	for _, one := range inParallel(wanted, func(r image.Referrer) shelf { return s.bundle(ctx, r) }) {
		found.take(one)
	}
	return found, ctx.Err()
}

// mayBeBundle also takes the types that writers of fallback indexes put in place of the real one.
func mayBeBundle(artifactType string) bool {
	switch artifactType {
	case "", "application/vnd.oci.empty.v1+json", string(types.OCIConfigJSON), string(types.DockerConfigJSON):
		return true
	}
	return strings.HasPrefix(artifactType, bundleTypePrefix)
}

func (s *store) bundle(ctx context.Context, listed image.Referrer) (found shelf) {
	what := "referrer " + listed.Digest.String()
	m, _, err := s.manifest(ctx, s.subject.Context().Digest(listed.Digest.String()))
	switch {
	case err != nil && errors.Is(err, errNotManifest):
		found.note("%s: %s", what, err)
	case err != nil:
		found.doubt("%s: %s", what, said(err))
	case !s.isReferredToBy(m):
		found.note("%s refers to another subject", what)
	case len(m.Layers) != 1 || !strings.HasPrefix(string(m.Layers[0].MediaType), bundleTypePrefix):
		found.note("%s holds no Sigstore bundle", what)
	default:
		d := document{store: Bundle, at: listed.Digest, claim: shortType(m.Annotations[annotationPredicate])}
		found = s.read(ctx, what, m.Layers[0], d)
	}
	return found
}

// signatures reads the .sig tag.
func (s *store) signatures(ctx context.Context) (shelf, error) {
	return s.tagged(ctx, signatureTag(s.subject), cosign.SimpleSigningMediaType)
}

// attestations reads the .att tag.
func (s *store) attestations(ctx context.Context) (shelf, error) {
	return s.tagged(ctx, attestationTag(s.subject), cosign.DssePayloadType)
}

func (s *store) tagged(ctx context.Context, tag name.Tag, mediaType types.MediaType) (shelf, error) {
	m, at, err := s.manifest(ctx, tag)
	if status(err) == http.StatusNotFound {
		return shelf{}, nil
	}
	if ctx.Err() != nil {
		return shelf{}, ctx.Err()
	}
	if err != nil {
		return shelf{}, outcome.New(outcome.ReferrersUnreadable, "%s: %s", tag, said(err))
	}
	if len(m.Layers) > maxLayers {
		return shelf{}, outcome.New(outcome.ReferrersUnreadable, "%s holds %d layers, more than the %d allowed", tag, len(m.Layers), maxLayers)
	}
	parts := inParallel(m.Layers, func(layer v1.Descriptor) (found shelf) {
		what := fmt.Sprintf("%s, layer %s", tag.TagStr(), layer.Digest)
		if layer.MediaType != mediaType {
			found.note("%s is %.80q", what, layer.MediaType)
			return found
		}
		d := document{store: Legacy, at: at, annotations: layer.Annotations, claim: shortType(layer.Annotations["predicateType"])}
		return s.read(ctx, what, layer, d)
	})
	var found shelf
	for _, one := range parts {
		found.take(one)
	}
	return found, ctx.Err()
}

// read fetches the content of d.
func (s *store) read(ctx context.Context, what string, layer v1.Descriptor, d document) (found shelf) {
	room := min(max(layer.Size, 0), maxDocument)
	if s.held.Acquire(ctx, room) != nil {
		return found // the run has ended
	}
	defer s.held.Release(room)
	if s.left.Add(-max(layer.Size, 0)) < 0 {
		found.doubt("%s: more than %d MiB are stored about this image", what, maxDocuments>>20)
		return found
	}
	content, err := s.registry.Blob(ctx, s.subject.Context(), layer)
	if err != nil {
		found.doubt("%s: %s", what, said(err))
		return found
	}
	d.mediaType, d.content = layer.MediaType, content
	if s.examiner == nil {
		found.documents = []document{d}
		return found
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	found.findings = s.examiner.examine([]document{d})
	return found
}

var errNotManifest = errors.New("not an image manifest")

// manifest reads one manifest; the registry's transport bounds its size.
func (s *store) manifest(ctx context.Context, ref name.Reference) (v1.Manifest, v1.Hash, error) {
	var m v1.Manifest
	got, err := remote.Get(ref, s.registry.Options(ctx)...)
	if err != nil {
		return m, v1.Hash{}, err
	}
	if !got.MediaType.IsImage() || json.Unmarshal(got.Manifest, &m) != nil {
		return m, v1.Hash{}, errNotManifest
	}
	return m, got.Digest, nil
}

func signatureTag(subject name.Digest) name.Tag   { return cosignTag(subject, ".sig") }
func attestationTag(subject name.Digest) name.Tag { return cosignTag(subject, ".att") }

func cosignTag(subject name.Digest, suffix string) name.Tag {
	return subject.Context().Tag(strings.Replace(subject.DigestStr(), ":", "-", 1) + suffix)
}

func status(err error) int {
	var answer *transport.Error
	if errors.As(err, &answer) {
		return answer.StatusCode
	}
	return 0
}

// said is what went wrong, without the prose of the registry.
func said(err error) string {
	if code := status(err); code != 0 {
		return fmt.Sprintf("the registry answers %d %s", code, http.StatusText(code))
	}
	var known *outcome.Error
	if errors.As(err, &known) {
		return known.Error()
	}
	return fmt.Sprintf("%.200s", err)
}

// inParallel keeps the order.
func inParallel[T, R any](of []T, do func(T) R) []R {
	results := make([]R, len(of))
	var running sync.WaitGroup
	slots := make(chan struct{}, readers)
	for i := range of {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			results[i] = do(of[i])
		})
	}
	running.Wait()
	return results
}
