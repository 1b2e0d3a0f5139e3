package image

import (
	"context"
	"encoding/json"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/stepseal/stepseal/internal/outcome"
)

// maxStatements bounds what BuildKit may have left about one image: a few for each stage of a build.
const maxStatements = 100

// BuildKitStatements are the in-toto statements that BuildKit left about the image in the index that lists it, of the
// predicate types that are wanted. Nobody signed them; the digest of the index holds them.
// https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md
func (r *Registry) BuildKitStatements(ctx context.Context, img *Image, wanted func(predicateType string) bool) ([][]byte, error) {
	if img.Index.Hex == "" {
		return nil, outcome.New(outcome.AttestationMissing, "%s was not found through an index, and BuildKit leaves its SBOM in one", img.Name()).
			Hint("name the index, by its tag or its digest, and the platform with --platform")
	}
	from, err := r.store(ctx, img.Reference, v1.Platform{}, nil)
	if err != nil {
		return nil, err
	}
	layers, err := attestationLayers(ctx, from, img)
	if err != nil {
		return nil, err
	}
	var found [][]byte
	for _, layer := range layers {
		if layer.MediaType != "application/vnd.in-toto+json" || !wanted(layer.Annotations["in-toto.io/predicate-type"]) {
			continue
		}
		if len(found) == maxStatements {
			return nil, outcome.New(outcome.TooLarge, "%s has more than %d of BuildKit's statements", img.Name(), maxStatements)
		}
		statement, err := r.statement(ctx, from, layer)
		if err != nil {
			return nil, err
		}
		found = append(found, statement)
	}
	if len(found) == 0 {
		return nil, outcome.New(outcome.AttestationMissing, "the index %s holds no SBOM of BuildKit's about %s", img.Index, img.Name()).
			Hint("build with --sbom=true (docker buildx), or leave --sbom away to look into the image itself")
	}
	return found, nil
}

// attestationLayers are the layers of the attestation manifests that the index lists for the image.
func attestationLayers(ctx context.Context, from store, img *Image) ([]v1.Descriptor, error) {
	index, err := from.byDigest(ctx, img.Index)
	if err != nil {
		return nil, err
	}
	var doc v1.IndexManifest
	if err := json.Unmarshal(index.raw, &doc); err != nil {
		return nil, outcome.New(outcome.NotAnImage, "%s: the index cannot be read", img.Reference).Because(err)
	}
	if most := img.limits.IndexEntries; int64(len(doc.Manifests)) > most {
		return nil, beyond("max-index-entries", "%s: the index has %d entries, more than the %d allowed", img.Reference, len(doc.Manifests), most)
	}
	var layers []v1.Descriptor
	for _, entry := range doc.Manifests {
		if entry.Annotations["vnd.docker.reference.type"] != "attestation-manifest" || entry.Annotations["vnd.docker.reference.digest"] != img.Digest.String() {
			continue
		}
		m, err := from.byDigest(ctx, entry.Digest)
		if err != nil {
			return nil, err
		}
		var attestation v1.Manifest
		if err := json.Unmarshal(m.raw, &attestation); err != nil {
			return nil, outcome.New(outcome.ContentDamaged, "%s: the attestation manifest %s cannot be read", img.Reference, entry.Digest).Because(err)
		}
		if layers = append(layers, attestation.Layers...); int64(len(layers)) > img.limits.Layers {
			return nil, beyond("max-layers", "%s: the attestation manifests have more than %d layers", img.Reference, img.limits.Layers)
		}
	}
	return layers, nil
}

func (r *Registry) statement(ctx context.Context, from store, layer v1.Descriptor) ([]byte, error) {
	switch s := from.(type) {
	case *remoteStore:
		return r.Blob(ctx, s.repo, layer)
	case *layoutStore:
		raw, err := readBounded(blobPath(s.path, layer.Digest), maxArtifactBytes, "")
		if err == nil && digestOf(raw) != layer.Digest {
			return nil, outcome.New(outcome.ContentDamaged, "%s: %s is not what its digest says", s.ref, layer.Digest)
		}
		if err != nil {
			return nil, outcome.New(outcome.ContentDamaged, "%s: %s", s.ref, layer.Digest).Because(err)
		}
		return raw, nil
	}
	return nil, outcome.New(outcome.UnsupportedSource, "statements are read from registries and OCI layouts only")
}
