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

// ErrOtherContent says that a registry sent something else, whole, than what the digest stands for.
var ErrOtherContent = errors.New("is not what its digest says")

// ParseRepository reads the name of a repository, without a tag or a digest.
func ParseRepository(text string) (string, error) {
	if err := plain(text); err != nil {
		return "", err
	}
	repo, err := name.NewRepository(text)
	if err != nil || strings.Contains(text, "@") {
		return "", fmt.Errorf("%q is no repository, such as registry.example.com/team/app, without a tag and a digest", text)
	}
	return repo.Name(), nil
}

// Document is one document of an artefact that is pushed. Read gives it when its turn comes, so that they are not all in
// memory at once.
type Document struct {
	Title, MediaType string
	Read             func() ([]byte, error)
}

// titleAnnotation names the file that a layer is.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md#pre-defined-annotation-keys
const titleAnnotation = "org.opencontainers.image.title"

// Publish pushes documents as one artefact and returns the digest of its manifest: the documents first, the manifest
// last, and all is looked for afterwards. The same documents give the same digest. A subject, the digest of a manifest
// in the same repository, is what the artefact is about, and then lists it among its referrers.
func (r *Registry) Publish(ctx context.Context, repository, subject, kind string, documents []Document) (string, error) {
	repo, err := name.NewRepository(repository, r.nameOptions(repository)...)
	if err != nil {
		return "", outcome.New(outcome.InvalidInput, "%s", repository).Because(err)
	}
	m := artifactManifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: kind}
	if subject != "" {
		target, err := r.puller.Head(ctx, repo.Digest(subject))
		if err != nil {
			return "", fault(repository+"@"+subject, err)
		}
		m.Subject = &v1.Descriptor{MediaType: target.MediaType, Digest: target.Digest, Size: target.Size}
	}
	if m.Config, err = r.upload(ctx, repo, emptyConfig()); err != nil {
		return "", err
	}
	for _, d := range documents {
		content, err := d.Read()
		if err != nil {
			return "", err
		}
		layer, err := r.upload(ctx, repo, static.NewLayer(content, types.MediaType(d.MediaType)))
		if err != nil {
			return "", err
		}
		layer.Annotations = map[string]string{titleAnnotation: d.Title}
		m.Layers = append(m.Layers, layer)
	}
	return r.publishManifest(ctx, repo, m)
}

// emptyConfig is the config of what needs none.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidance-for-an-empty-descriptor
func emptyConfig() v1.Layer {
	return static.NewLayer([]byte("{}"), "application/vnd.oci.empty.v1+json")
}

// upload pushes one blob, and makes sure that the registry has it.
func (r *Registry) upload(ctx context.Context, repo name.Repository, blob v1.Layer) (v1.Descriptor, error) {
	described := describe(blob)
	if err := r.pusher.Upload(ctx, repo, blob); err != nil {
		return described, refusedWrite(repo.Digest(described.Digest.String()), err)
	}
	path := fmt.Sprintf("/v2/%s/blobs/%s", repo.RepositoryStr(), described.Digest)
	resp, err := r.open(ctx, repo, transport.PullScope, http.MethodHead, path, "*/*", nil)
	if statusOf(err) == http.StatusNotFound {
		return described, outcome.New(outcome.WriteLost, "%s: the registry took %s and does not have it", repo, described.Digest)
	}
	if err != nil {
		return described, fault(repo.String(), err)
	}
	return described, resp.Body.Close()
}

// publishManifest writes the manifest until the registry gives it back.
func (r *Registry) publishManifest(ctx context.Context, repo name.Repository, m artifactManifest) (string, error) {
	raw, err := json.Marshal(m)
	if err != nil {
		return "", err
	}
	at := repo.Digest(digestOf(raw).String())
	path := fmt.Sprintf("/v2/%s/manifests/%s", repo.RepositoryStr(), at.DigestStr())
	put := func() error {
		if _, err := r.ask(ctx, repo, transport.PushScope, http.MethodPut, path, string(m.MediaType), raw); err != nil {
			return refusedWrite(at, err)
		}
		return nil
	}
	if err := r.keep(ctx, at, put); err != nil || m.Subject == nil {
		return at.DigestStr(), err
	}
	entry := Referrer{Digest: digestOf(raw), MediaType: m.MediaType, Size: int64(len(raw)), ArtifactType: m.ArtifactType}
	return at.DigestStr(), r.list(ctx, repo.Digest(m.Subject.Digest.String()), entry, put)
}

// keep writes a manifest, reads it back, and writes it again where the registry has lost it.
func (r *Registry) keep(ctx context.Context, at name.Digest, put func() error) error {
	pause := 50 * time.Millisecond
	for range attachAttempts {
		if err := put(); err != nil {
			return err
		}
		_, err := r.FetchManifest(ctx, at.Context().Name(), at.DigestStr())
		if known := outcome.Of(err); known == nil || known.Reason != outcome.ImageNotFound {
			return err
		}
		if err := sleep(ctx, pause+rand.N(pause)); err != nil {
			return err
		}
		pause *= 2
	}
	return outcome.New(outcome.WriteLost, "%s: the registry took the manifest and does not have it", at)
}

// FetchManifest reads the manifest with the digest; what is sent in its place is ErrOtherContent.
func (r *Registry) FetchManifest(ctx context.Context, repository, digest string) ([]byte, error) {
	return r.fetch(ctx, repository, "manifests", digest, string(types.OCIManifestSchema1), r.limits.ManifestBytes)
}

// FetchBlob reads the blob with the digest, of size bytes; what is sent in its place is ErrOtherContent.
func (r *Registry) FetchBlob(ctx context.Context, repository, digest string, size int64) ([]byte, error) {
	return r.fetch(ctx, repository, "blobs", digest, "*/*", size)
}

func (r *Registry) fetch(ctx context.Context, repository, kind, digest, mediaType string, limit int64) ([]byte, error) {
	at, err := r.Digest(repository, digest)
	if err != nil {
		return nil, outcome.New(outcome.InvalidInput, "%s@%s", repository, digest).Because(err)
	}
	path := fmt.Sprintf("/v2/%s/%s/%s", at.RepositoryStr(), kind, at.DigestStr())
	resp, err := r.open(ctx, at.Repository, transport.PullScope, http.MethodGet, path, mediaType, nil)
	if err != nil {
		return nil, fault(at.String(), err)
	}
	defer resp.Body.Close()
	var content bytes.Buffer
	content.Grow(int(min(limit, max(resp.ContentLength, 0))) + bytes.MinRead)
	if _, err := content.ReadFrom(io.LimitReader(resp.Body, limit+1)); err != nil {
		return nil, faultOfContent(at.String(), err)
	}
	if err := isOfDigest(content.Bytes(), digest); err != nil {
		return nil, outcome.New(outcome.ContentDamaged, "%s", at).Because(err)
	}
	return content.Bytes(), nil
}

// isOfDigest refuses what a registry sends in the place of what was asked for.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-blobs
// Attack 3.
func isOfDigest(content []byte, digest string) error {
	if digestOf(content).String() != digest {
		return ErrOtherContent
	}
	return nil
}
