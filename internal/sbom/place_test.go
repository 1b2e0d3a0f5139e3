package sbom

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/anchore/stereoscope/pkg/file"
	stereoscope "github.com/anchore/stereoscope/pkg/image"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/registrytest"
)

// unpackedImage is an image of three layers from a layout, in a pool.
func unpackedImage(t *testing.T) (*image.Image, *image.Unpacked) {
	t.Helper()
	content, err := registrytest.ManyLayers(3)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := registrytest.OCILayout(dir, content); err != nil {
		t.Fatal(err)
	}
	ref, err := image.Parse("oci-layout:" + dir)
	if err != nil {
		t.Fatal(err)
	}
	access, err := image.NewRegistry(image.Access{})
	if err != nil {
		t.Fatal(err)
	}
	set, err := access.Open(context.Background(), ref, v1.Platform{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := image.NewPool(t.TempDir(), Weigh(0))
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := set.Images[0].Unpack(context.Background(), pool)
	if err != nil {
		t.Fatal(err)
	}
	return set.Images[0], unpacked
}

// TestNoLayerIsCopied fails where stereoscope comes to look for unpacked layers under another name.
func TestNoLayerIsCopied(t *testing.T) {
	img, unpacked := unpackedImage(t)
	dir := t.TempDir()
	if err := place(unpacked, dir); err != nil {
		t.Fatal(err)
	}
	temp := file.NewTempDirGenerator("test")
	defer temp.Cleanup()
	read := stereoscope.New(img.Content(), temp, dir)
	defer func() { _ = read.Cleanup() }()
	if err := read.Read(context.Background()); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != len(unpacked.Layers) {
		t.Fatalf("%d files for %d layers: stereoscope has unpacked some itself (%v)", len(files), len(unpacked.Layers), err)
	}
	for n, layer := range unpacked.Layers {
		ours, err := os.Stat(layer.Path)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := os.Stat(filepath.Join(dir, files[n].Name()))
		if err != nil || !os.SameFile(ours, theirs) {
			t.Errorf("layer %d is another file (%v)", n+1, err)
		}
	}
}

func TestWhatIsReadWholeIsWeighed(t *testing.T) {
	weigh := Weigh(1 << 20)
	for name, want := range map[string]int64{"app/package-lock.json": 1 << 19, "var/lib/dpkg/status": 1 << 19, "var/lib/dpkg/status.d/libc6": 1 << 19,
		"a/LICENSE.txt": 1 << 19, "requirements-dev.txt": 1 << 19, "a/x.spdx.json": 1 << 19, "data/train.json": 0, "lib/libtorch.so": 0, "app/app.jar": 0} {
		if got, err := weigh(name, 1<<19); got != want || err != nil {
			t.Errorf("%s: %d, %v; want %d", name, got, err, want)
		}
		if _, err := weigh(name, 1<<20+1); (err != nil) != (want > 0) {
			t.Errorf("%s, too large: %v", name, err)
		}
	}
}
