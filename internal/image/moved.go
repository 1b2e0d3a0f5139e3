package image

import (
	"context"
	"encoding/json"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Moved asks once more what the tag points at, and returns it where it is no longer what Open resolved. A digest that
// was named along with the tag may be that of one platform in the tag's index.
// Attack 1.
func (r *Registry) Moved(ctx context.Context, set *Set) (now v1.Hash, moved bool, err error) {
	ref := set.Reference
	if ref.tag == "" || !ref.InRegistry() {
		return v1.Hash{}, false, nil
	}
	repo := r.repository(ref)
	desc, err := r.puller.Head(ctx, repo.Tag(ref.tag))
	if err != nil {
		return v1.Hash{}, false, fault(ref.String(), err)
	}
	if desc.Digest == set.named {
		return desc.Digest, false, nil
	}
	if ref.digest == "" || !desc.MediaType.IsIndex() {
		return desc.Digest, true, nil
	}
	at := repo.Digest(desc.Digest.String())
	index, err := r.puller.Get(ctx, at)
	if err != nil {
		return v1.Hash{}, false, faultOfManifest(at, err)
	}
	var doc v1.IndexManifest
	if err := json.Unmarshal(index.Manifest, &doc); err != nil {
		return v1.Hash{}, false, outcome.New(outcome.NotAnImage, "%s: the index cannot be read", at).Because(err)
	}
	holds := slices.ContainsFunc(doc.Manifests, func(entry v1.Descriptor) bool { return entry.Digest == set.named })
	return desc.Digest, !holds, nil
}
