package registrytest

import (
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// https://github.com/opencontainers/image-spec/blob/main/annotations.md
const tagAnnotation = "org.opencontainers.image.ref.name"

// OCILayout adds an image or an index to the layout in a folder, which it makes where there is none.
// It is listed once for each tag, or once without one.
func OCILayout(dir string, content mutate.Appendable, tags ...string) error {
	to, err := layout.FromPath(dir)
	if err != nil {
		if to, err = layout.Write(dir, empty.Index); err != nil {
			return err
		}
	}
	if len(tags) == 0 {
		return add(to, content)
	}
	for _, tag := range tags {
		if err := add(to, content, layout.WithAnnotations(map[string]string{tagAnnotation: tag})); err != nil {
			return err
		}
	}
	return nil
}

func add(to layout.Path, content mutate.Appendable, options ...layout.Option) error {
	switch content := content.(type) {
	case v1.Image:
		return to.AppendImage(content, options...)
	case v1.ImageIndex:
		return to.AppendIndex(content, options...)
	default:
		return fmt.Errorf("%T is neither an image nor an index", content)
	}
}

// DockerArchive writes an image as `docker save` does.
func DockerArchive(path, ref string, img v1.Image) error {
	tag, err := name.NewTag(ref)
	if err != nil {
		return err
	}
	return tarball.WriteToFile(path, tag, img)
}
