package registrytest

import (
	"encoding/json"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	provenanceType = "https://slsa.dev/provenance/v0.2"
	spdxType       = "https://spdx.dev/Document"
)

// Index is the shop for linux/amd64 and linux/arm64, listed as BuildKit does: after the images come their attestation
// manifests, one each, for the platform unknown/unknown. The platform of the options does not count.
func Index(opt AppOptions) (v1.ImageIndex, error) {
	amd64, arm64 := opt, opt
	amd64.Platform, arm64.Platform = "linux/amd64", "linux/arm64"
	return IndexOf(amd64, arm64)
}

// IndexOf is Index for any platforms, with what differs between them.
func IndexOf(shops ...AppOptions) (v1.ImageIndex, error) {
	var images, attestations []mutate.IndexAddendum
	for _, opt := range shops {
		platform, err := opt.platform()
		if err != nil {
			return nil, err
		}
		img, err := App(opt)
		if err != nil {
			return nil, err
		}
		digest, err := img.Digest()
		if err != nil {
			return nil, err
		}
		attestation, err := buildKitAttestation(digest, opt.SBOMs)
		if err != nil {
			return nil, err
		}
		images = append(images, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: platform}})
		attestations = append(attestations, mutate.IndexAddendum{Add: attestation, Descriptor: v1.Descriptor{
			Platform: unknownPlatform(),
			Annotations: map[string]string{
				"vnd.docker.reference.digest": digest.String(),
				"vnd.docker.reference.type":   "attestation-manifest",
			},
		}})
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	return mutate.AppendManifests(index, append(images, attestations...)...), nil
}

// https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md
func buildKitAttestation(of v1.Hash, sboms []string) (v1.Image, error) {
	img, err := build(*unknownPlatform(), fixedTime(), nil)
	if err != nil {
		return nil, err
	}
	add := func(predicateType string, predicate any) error {
		statement, err := json.Marshal(map[string]any{
			"_type":         "https://in-toto.io/Statement/v0.1",
			"predicateType": predicateType,
			"subject":       []any{map[string]any{"name": "shop", "digest": map[string]string{of.Algorithm: of.Hex}}},
			"predicate":     predicate,
		})
		if err != nil {
			return err
		}
		img, err = mutate.Append(img, mutate.Addendum{
			Layer:       static.NewLayer(statement, "application/vnd.in-toto+json"),
			Annotations: map[string]string{"in-toto.io/predicate-type": predicateType},
		})
		return err
	}
	for _, document := range sboms {
		if err := add(spdxType, json.RawMessage(document)); err != nil {
			return nil, err
		}
	}
	return img, add(provenanceType, map[string]any{"builder": map[string]string{"id": ""}, "buildType": "https://mobyproject.org/buildkit@v1"})
}

func unknownPlatform() *v1.Platform { return &v1.Platform{OS: "unknown", Architecture: "unknown"} }
