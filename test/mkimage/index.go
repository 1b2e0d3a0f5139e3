package main

import (
	"fmt"
	"maps"
	"os"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// maxCompressed is what a pull of one platform stays under, in bytes.
const maxCompressed = 45_000_000

// indexOf is one index of the images, in the order of their architectures.
func indexOf(images map[string]v1.Image, labels labels) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, architecture := range slices.Sorted(maps.Keys(images)) {
		image := images[architecture]
		if err := weigh("linux/"+architecture, image); err != nil {
			return nil, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{
			Platform: &v1.Platform{OS: "linux", Architecture: architecture}}})
	}
	return mutate.Annotations(index, labels.all()).(v1.ImageIndex), nil
}

// weigh says what a pull of the image takes, and refuses what takes too much.
func weigh(platform string, image v1.Image) error {
	manifest, err := image.Manifest()
	if err != nil {
		return err
	}
	size, err := image.Size()
	if err != nil {
		return err
	}
	size += manifest.Config.Size
	for _, layer := range manifest.Layers {
		size += layer.Size
	}
	fmt.Fprintf(os.Stderr, "%s: %.1f MB compressed\n", platform, float64(size)/1e6)
	if size >= maxCompressed {
		return fmt.Errorf("%s: %d bytes compressed; it must stay under %d", platform, size, maxCompressed)
	}
	return nil
}
