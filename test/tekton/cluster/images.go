package cluster

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// programs are what the node pulls besides stepseal itself, in images as upstream's are: one static program, no shell.
var programs = []string{"controller", "webhook", "entrypoint", "nop", "workingdirinit"}

// Images are the images of Tekton and of pods' first container by the names under which the cluster expects them.
func Images(binaries string) (map[string]v1.Image, error) {
	images := map[string]v1.Image{}
	for _, name := range programs {
		image, err := ImageOf(filepath.Join(binaries, name), "ko-app/"+name)
		if err != nil {
			return nil, err
		}
		images["tekton/"+name+":test"] = image
	}
	image, err := ImageOf(filepath.Join(binaries, "pause"), "pause")
	images["pause:1"] = image
	return images, err
}

// ImageOf is an image of one file, which it runs as nobody.
func ImageOf(binary, path string) (v1.Image, error) {
	program, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	var files bytes.Buffer
	w := tar.NewWriter(&files)
	for _, entry := range []struct {
		tar.Header
		content []byte
	}{
		{tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}, nil},
		{tar.Header{Name: path, Mode: 0o755, Size: int64(len(program))}, program},
	} {
		if err := w.WriteHeader(&entry.Header); err != nil {
			return nil, err
		}
		if _, err := w.Write(entry.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(files.Bytes())), nil },
		tarball.WithCompressedCaching)
	if err != nil {
		return nil, err
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", runtime.GOARCH
	config.Config.Entrypoint, config.Config.User = []string{"/" + path}, "65532:65532"
	return mutate.ConfigFile(image, config)
}
