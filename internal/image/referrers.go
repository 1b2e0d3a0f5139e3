package image

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Limits on what refers to an image.
const (
	maxReferrers     = 1000
	maxReferrerPages = 50
	maxArtifactBytes = 64 << 20
	attachAttempts   = 5
)

// settle, and twice as long as reading and writing took, is waited before a fallback index is read back. Another writer may
// have read it before us, and write it after us without our entry.
const settle = 20 * time.Millisecond

// Referrer is one manifest that names an image as its subject, as the registry lists it. ArtifactType and Annotations
// are the registry's word: nothing signed them.
type Referrer struct {
	Digest       v1.Hash           `json:"digest"`
	MediaType    types.MediaType   `json:"mediaType"`
	Size         int64             `json:"size"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

// Artifact is one document attached to an image.
type Artifact struct {
	Type        string            // artifactType
	MediaType   string            // of the document; the same as Type for Sigstore bundles
	Content     []byte            // the document
	Annotations map[string]string // of the manifest
}

// artifactManifest is an OCI 1.1 image manifest without a config.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidelines-for-artifact-usage
type artifactManifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     types.MediaType   `json:"mediaType"`
	ArtifactType  string            `json:"artifactType"`
	Config        v1.Descriptor     `json:"config"`
	Layers        []v1.Descriptor   `json:"layers"`
	Subject       *v1.Descriptor    `json:"subject,omitempty"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

// Referrers lists what refers to the subject: by the referrers API, or by the fallback tag where the registry answers
// 404 to the API. Any other answer is an error, never an empty list.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers
func (r *Registry) Referrers(ctx context.Context, subject name.Digest) ([]Referrer, error) {
	found, supported, err := r.referrersAPI(ctx, subject)
	if err != nil || supported {
		return found, err
	}
	index, err := r.fallbackIndex(ctx, subject)
	return index.Manifests, err
}

func (r *Registry) referrersAPI(ctx context.Context, subject name.Digest) (found []Referrer, supported bool, err error) {
	path := fmt.Sprintf("/v2/%s/referrers/%s", subject.RepositoryStr(), subject.DigestStr())
	for page := 0; path != ""; page++ {
		if page == maxReferrerPages {
			return nil, true, outcome.New(outcome.TooLarge, "%s has more than %d pages of referrers", subject, maxReferrerPages)
		}
		answer, err := r.ask(ctx, subject.Repository, transport.PullScope, http.MethodGet, path, string(types.OCIImageIndex), nil)
		if status := statusOf(err); status == http.StatusNotFound && page == 0 {
			return nil, false, nil
		}
		if err != nil {
			return nil, true, unreadable(subject, err)
		}
		list, err := parseReferrers(answer.body)
		if err != nil {
			return nil, true, outcome.New(outcome.ReferrersUnreadable, "%s: the registry's list of referrers", subject).Because(err)
		}
		if found = append(found, list.Manifests...); len(found) > maxReferrers {
			return nil, true, outcome.New(outcome.TooLarge, "%s has more than %d referrers", subject, maxReferrers)
		}
		if path, err = nextPage(answer.header.Values("Link"), path, subject.RegistryStr()); err != nil {
			return nil, true, outcome.New(outcome.ReferrersUnreadable, "%s: the rest of the registry's list of referrers", subject).Because(err)
		}
	}
	return found, true, nil
}

// unreadable keeps the registry's own reason in the words, under the reason that a verifier needs: not known is not none.
func unreadable(subject name.Digest, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return outcome.New(outcome.ReferrersUnreadable, "%s", fault(fmt.Sprintf("referrers of %s", subject), err))
}

func fallbackTag(subject name.Digest) name.Tag {
	return subject.Tag(strings.Replace(subject.DigestStr(), ":", "-", 1))
}

func (r *Registry) fallbackIndex(ctx context.Context, subject name.Digest) (referrerIndex, error) {
	tag := fallbackTag(subject)
	path := fmt.Sprintf("/v2/%s/manifests/%s", tag.RepositoryStr(), tag.TagStr())
	answer, err := r.ask(ctx, tag.Repository, transport.PullScope, http.MethodGet, path, string(types.OCIImageIndex), nil)
	if statusOf(err) == http.StatusNotFound {
		return referrerIndex{}, nil
	}
	if err != nil {
		return referrerIndex{}, unreadable(subject, err)
	}
	index, err := parseReferrers(answer.body)
	if err != nil {
		return index, outcome.New(outcome.ReferrersUnreadable, "%s", tag).Because(err)
	}
	if len(index.Manifests) > maxReferrers {
		return index, outcome.New(outcome.TooLarge, "%s has more than %d referrers", subject, maxReferrers)
	}
	return index, nil
}

// Artifact reads a referrer: its manifest must name the subject, and hold one document.
func (r *Registry) Artifact(ctx context.Context, subject name.Digest, at v1.Hash) (Artifact, error) {
	ref := subject.Context().Digest(at.String())
	desc, err := r.puller.Get(ctx, ref)
	if err != nil {
		return Artifact{}, faultOfManifest(ref, err)
	}
	var m artifactManifest
	if err := json.Unmarshal(desc.Manifest, &m); err != nil {
		return Artifact{}, outcome.New(outcome.ContentDamaged, "%s is not a manifest", ref).Because(err)
	}
	if m.Subject == nil || m.Subject.Digest.String() != subject.DigestStr() {
		return Artifact{}, outcome.New(outcome.ContentDamaged, "%s refers to another subject", ref)
	}
	if len(m.Layers) != 1 {
		return Artifact{}, outcome.New(outcome.ContentDamaged, "%s holds %d documents instead of one", ref, len(m.Layers))
	}
	content, err := r.Blob(ctx, subject.Repository, m.Layers[0])
	if err != nil {
		return Artifact{}, err
	}
	kind := m.ArtifactType
	if kind == "" {
		kind = string(m.Config.MediaType)
	}
	return Artifact{Type: kind, MediaType: string(m.Layers[0].MediaType), Content: content, Annotations: m.Annotations}, nil
}

// Blob reads one small document of a repository, whole, checked against its descriptor.
func (r *Registry) Blob(ctx context.Context, repo name.Repository, desc v1.Descriptor) ([]byte, error) {
	what := fmt.Sprintf("%s@%s", repo, desc.Digest)
	if desc.Size < 0 || desc.Size > maxArtifactBytes {
		return nil, outcome.New(outcome.TooLarge, "%s claims %d bytes, more than the %d allowed", what, desc.Size, maxArtifactBytes)
	}
	layer, err := r.puller.Layer(ctx, repo.Digest(desc.Digest.String()))
	if err != nil {
		return nil, fault(what, err)
	}
	body, err := layer.Compressed()
	if err != nil {
		return nil, faultOfContent(what, err)
	}
	defer body.Close()
	raw, err := io.ReadAll(io.LimitReader(body, desc.Size+1))
	if err != nil {
		return nil, faultOfContent(what, err)
	}
	if int64(len(raw)) != desc.Size || digestOf(raw) != desc.Digest {
		return nil, outcome.New(outcome.ContentDamaged, "%s is not what its descriptor says", what)
	}
	return raw, nil
}

// Attach pushes the artefact as a referrer of the subject and returns the digest of its manifest. Where the registry
// has no referrers API it also writes the fallback index, and makes sure that no other writer has undone that.
func (r *Registry) Attach(ctx context.Context, subject name.Digest, artifact Artifact) (v1.Hash, error) {
	target, err := r.puller.Head(ctx, subject)
	if err != nil {
		return v1.Hash{}, fault(subject.String(), err)
	}
	empty := emptyConfig()
	document := static.NewLayer(artifact.Content, types.MediaType(artifact.MediaType))
	m := artifactManifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: artifact.Type, Annotations: artifact.Annotations,
		Subject: &v1.Descriptor{MediaType: target.MediaType, Digest: target.Digest, Size: target.Size}}
	for _, layer := range []v1.Layer{empty, document} {
		if err := r.pusher.Upload(ctx, subject.Repository, layer); err != nil {
			return v1.Hash{}, refusedWrite(subject, err)
		}
	}
	m.Config = describe(empty)
	m.Layers = []v1.Descriptor{describe(document)}
	raw, err := json.Marshal(m)
	if err != nil {
		return v1.Hash{}, err
	}
	digest := digestOf(raw)
	path := fmt.Sprintf("/v2/%s/manifests/%s", subject.RepositoryStr(), digest)
	put := func() error {
		_, err := r.ask(ctx, subject.Repository, transport.PushScope, http.MethodPut, path, string(m.MediaType), raw)
		if err != nil {
			return refusedWrite(subject, err)
		}
		return nil
	}
	if err := put(); err != nil {
		return v1.Hash{}, err
	}
	entry := Referrer{Digest: digest, MediaType: m.MediaType, Size: int64(len(raw)), ArtifactType: artifact.Type, Annotations: artifact.Annotations}
	return digest, r.list(ctx, subject, entry, put)
}

func describe(layer v1.Layer) v1.Descriptor {
	digest, _ := layer.Digest()
	size, _ := layer.Size()
	mediaType, _ := layer.MediaType()
	return v1.Descriptor{MediaType: mediaType, Digest: digest, Size: size}
}

// list makes sure that the subject's referrers name the entry. The fallback index is read, changed and written without
// a lock, so a second writer may undo the first: whoever finds its entry missing writes again. A registry may also say
// that it took a manifest and lose it: put writes that once more.
func (r *Registry) list(ctx context.Context, subject name.Digest, entry Referrer, put func() error) error {
	pause := 50 * time.Millisecond
	for range attachAttempts {
		found, supported, err := r.referrersAPI(ctx, subject)
		if err != nil {
			return err
		}
		if !supported {
			if found, err = r.addToFallback(ctx, subject, entry); err != nil {
				return err
			}
		}
		if lists(found, entry.Digest) {
			return nil
		}
		if err := sleep(ctx, pause+rand.N(pause)); err != nil {
			return err
		}
		if err := put(); err != nil {
			return err
		}
		pause *= 2
	}
	return outcome.New(outcome.WriteLost, "%s: the registry does not list %s", subject, entry.Digest)
}

func (r *Registry) addToFallback(ctx context.Context, subject name.Digest, entry Referrer) ([]Referrer, error) {
	began := time.Now()
	index, err := r.fallbackIndex(ctx, subject)
	if err != nil {
		return nil, err
	}
	if !lists(index.Manifests, entry.Digest) {
		raw, err := index.with(entry)
		if err != nil {
			return nil, err
		}
		tag := fallbackTag(subject)
		path := fmt.Sprintf("/v2/%s/manifests/%s", tag.RepositoryStr(), tag.TagStr())
		if _, err := r.ask(ctx, tag.Repository, transport.PushScope, http.MethodPut, path, string(types.OCIImageIndex), raw); err != nil {
			return nil, refusedWrite(subject, err)
		}
		if err := sleep(ctx, settle+2*time.Since(began)); err != nil {
			return nil, err
		}
		if index, err = r.fallbackIndex(ctx, subject); err != nil {
			return nil, err
		}
	}
	return index.Manifests, nil
}

func lists(found []Referrer, digest v1.Hash) bool {
	for _, entry := range found {
		if entry.Digest == digest {
			return true
		}
	}
	return false
}

// refusedWrite is fault for writing, where 401, 403 and 405 mean that the login may not push.
func refusedWrite(subject name.Digest, err error) error {
	switch status := statusOf(err); status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusMethodNotAllowed:
		return outcome.New(outcome.NoWritePermission, "%s: the registry answers %d to a write", subject.Context(), status)
	}
	return fault(subject.Context().String(), err)
}

func statusOf(err error) int {
	var status *transport.Error
	if errors.As(err, &status) {
		return status.StatusCode
	}
	return 0
}

type answered struct {
	body   []byte
	header http.Header
}

// ask sends one request that go-containerregistry has no call for, and reads the answer.
func (r *Registry) ask(ctx context.Context, repo name.Repository, scope, method, path, mediaType string, body []byte) (answered, error) {
	resp, err := r.open(ctx, repo, scope, method, path, mediaType, body)
	if err != nil {
		return answered{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return answered{body: raw, header: resp.Header}, err
}

// open sends a request with go-containerregistry's authentication, and leaves it to the caller to read the answer.
func (r *Registry) open(ctx context.Context, repo name.Repository, scope, method, path, mediaType string, body []byte) (*http.Response, error) {
	rt, err := r.session(ctx, repo, scope)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, repo.Scheme()+"://"+repo.RegistryStr()+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", mediaType)
	if body != nil {
		req.Header.Set("Content-Type", mediaType)
	}
	resp, err := (&http.Client{Transport: rt}).Do(req)
	if err != nil {
		return nil, err
	}
	if err := transport.CheckError(resp, http.StatusOK, http.StatusCreated, http.StatusAccepted); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return resp, nil
}
