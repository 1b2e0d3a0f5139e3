//go:build unix

package image_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
)

// A pipe without a writer would be waited for until the test's own deadline.
func TestAPipeInALayoutIsNotReadFrom(t *testing.T) {
	app := must[v1.Image](t)(registrytest.ManyLayers(1))
	layer := must[*v1.Manifest](t)(app.Manifest()).Layers[0]
	for _, file := range []string{"index.json", "blobs/sha256/" + layer.Digest.Hex} {
		dir := t.TempDir()
		if err := registrytest.OCILayout(dir, app); err != nil {
			t.Fatal(err)
		}
		at := filepath.Join(dir, file)
		if err := os.Remove(at); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(at, 0o644); err != nil {
			t.Fatal(err)
		}
		img, err := open(t, image.Access{}, "oci-layout:"+dir)
		if err == nil {
			err = readAll(t, img)
		}
		if reasonOf(err) != outcome.ContentDamaged {
			t.Errorf("%s: got %v", file, err)
		}
	}
}
