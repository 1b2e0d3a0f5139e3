package main

import (
	"context"
	"fmt"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// pushTime bounds a push to a slow registry.
const pushTime = 30 * time.Minute

// push writes the layout's index to a registry, and answers with the reference by digest once the registry has it.
func push(reference, folder string) (string, error) {
	index, digest, err := indexIn(folder)
	if err != nil {
		return "", err
	}
	ref, named, err := destination(reference, digest)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), pushTime)
	defer cancel()
	with := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)}
	if err := remote.WriteIndex(ref, index, with...); err != nil {
		return "", fmt.Errorf("push %s: %w", ref, err)
	}
	there, err := remote.Head(ref, with...)
	if err != nil {
		return "", fmt.Errorf("read %s back: %w", ref, err)
	}
	if there.Digest != digest {
		return "", fmt.Errorf("%s is %s in the registry, and was pushed as %s", ref, there.Digest, digest)
	}
	return named, nil
}

// destination is where to push to, and how that is called by digest: NAME:TAG@DIGEST, or NAME@DIGEST without a tag.
func destination(reference string, digest v1.Hash) (name.Reference, string, error) {
	tag, err := name.NewTag(reference, name.WithDefaultTag(""))
	if err != nil {
		return nil, "", fmt.Errorf("%q is not HOST/NAME or HOST/NAME:TAG: %w", reference, err)
	}
	by := tag.Digest(digest.String())
	if tag.TagStr() == "" {
		return by, by.Name(), nil
	}
	return tag, tag.Name() + "@" + digest.String(), nil
}

// indexIn is the one index of a layout.
func indexIn(folder string) (v1.ImageIndex, v1.Hash, error) {
	all, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		return nil, v1.Hash{}, err
	}
	manifest, err := all.IndexManifest()
	if err != nil {
		return nil, v1.Hash{}, err
	}
	if len(manifest.Manifests) != 1 || !manifest.Manifests[0].MediaType.IsIndex() {
		return nil, v1.Hash{}, fmt.Errorf("%s does not hold one index: make it with mkimage -to", folder)
	}
	digest := manifest.Manifests[0].Digest
	index, err := all.ImageIndex(digest)
	return index, digest, err
}
