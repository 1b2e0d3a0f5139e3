package image

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/stepseal/stepseal/internal/outcome"
)

// layoutStore reads an OCI image layout on disk.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
type layoutStore struct {
	ref    Reference
	path   layout.Path
	index  v1.IndexManifest
	limits Limits
}

func openLayout(ref Reference, limits Limits) (*layoutStore, error) {
	raw, err := readBounded(filepath.Join(ref.layout, "index.json"), limits.ManifestBytes, "max-manifest-size")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, outcome.New(outcome.ImageNotFound, "%s: the folder holds no OCI layout (no index.json)", ref)
	}
	if err != nil {
		return nil, unread(ref.String(), err)
	}
	s := &layoutStore{ref: ref, path: layout.Path(ref.layout), limits: limits}
	if err := json.Unmarshal(raw, &s.index); err != nil {
		return nil, outcome.New(outcome.NotAnImage, "%s: index.json cannot be read", ref).Because(err)
	}
	return s, nil
}

// root is the manifest that the tag names, or the only one.
func (s *layoutStore) root(ctx context.Context) (manifest, error) {
	var names []string
	var found []v1.Descriptor
	for _, entry := range s.index.Manifests {
		tag := entry.Annotations["org.opencontainers.image.ref.name"]
		if s.ref.tag == "" || tag == s.ref.tag {
			found = append(found, entry)
		}
		if tag != "" {
			names = append(names, tag)
		}
	}
	switch {
	case len(found) == 0:
		return manifest{}, outcome.New(outcome.ImageNotFound, "%s: the layout holds no image of that name", s.ref).
			With(fmt.Sprintf("it holds %d images with the names %q", len(s.index.Manifests), names))
	case len(found) > 1:
		return manifest{}, outcome.New(outcome.ImageNotFound, "%s: the layout holds %d images, and none is named", s.ref, len(found)).
			With(fmt.Sprintf("their names are %q", names)).Hint("name one: oci-layout:PATH:TAG")
	}
	return s.byDigest(ctx, found[0].Digest)
}

func (s *layoutStore) byDigest(_ context.Context, digest v1.Hash) (manifest, error) {
	raw, err := readBounded(blobPath(s.path, digest), s.limits.ManifestBytes, "max-manifest-size")
	if err != nil {
		return manifest{}, unread(fmt.Sprintf("%s: manifest %s", s.ref, digest), err)
	}
	if got := digestOf(raw); got != digest {
		return manifest{}, outcome.New(outcome.ContentDamaged, "%s: manifest %s has other content: its digest is %s", s.ref, digest, got)
	}
	var head struct {
		MediaType types.MediaType `json:"mediaType"`
		Manifests []any           `json:"manifests"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return manifest{}, outcome.New(outcome.NotAnImage, "%s: manifest %s is not JSON", s.ref, digest)
	}
	// mediaType is optional in OCI manifests.
	if head.MediaType == "" {
		head.MediaType = types.OCIManifestSchema1
		if head.Manifests != nil {
			head.MediaType = types.OCIImageIndex
		}
	}
	return manifest{raw: raw, digest: digest, mediaType: head.MediaType}, nil
}

func (s *layoutStore) image(_ context.Context, m manifest) (v1.Image, error) {
	var doc v1.Manifest
	if err := json.Unmarshal(m.raw, &doc); err != nil {
		return nil, err
	}
	config, err := readBounded(blobPath(s.path, doc.Config.Digest), s.limits.ConfigBytes, "max-config-size")
	if known := new(outcome.Error); errors.As(err, &known) {
		return nil, known
	}
	if err != nil || digestOf(config) != doc.Config.Digest {
		return nil, outcome.New(outcome.ContentDamaged, "the config %s is missing or changed", doc.Config.Digest)
	}
	// The layout's own reader looks a manifest up in index.json only; this one may lie below a nested index.
	return layoutImage{path: s.path, raw: m.raw, config: config, mediaType: m.mediaType}.image()
}

func blobPath(in layout.Path, digest v1.Hash) string {
	return filepath.Join(string(in), "blobs", digest.Algorithm, digest.Hex)
}

func digestOf(raw []byte) v1.Hash {
	hash, _, _ := v1.SHA256(bytes.NewReader(raw))
	return hash
}

// unread tells a file that is too large from one that is missing or none.
func unread(what string, err error) error {
	if known := new(outcome.Error); errors.As(err, &known) {
		return said(what, known)
	}
	return outcome.New(outcome.ContentDamaged, "%s", what).Because(err)
}

// readBounded reads a file that may come from anybody: at most limit bytes, which flag raises, no device, and no pipe,
// which even opening would wait at.
func readBounded(path string, limit int64, flag string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(raw)) > limit {
		err = beyond(flag, "%s is larger than %s", path, Size(limit))
	}
	return raw, err
}
