package image_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
)

// must is for what the test itself relies on.
func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func TestTheSizeOfAConfigIsBounded(t *testing.T) {
	registry := start(t)
	app := must[v1.Image](t)(registrytest.ManyLayers(1))
	must[v1.Hash](t)(registry.Push("shop:1", app))
	for size, want := range map[int64]outcome.Reason{-1: outcome.TooLarge, 8<<20 + 1: outcome.TooLarge, 1: outcome.ContentDamaged} {
		doc := must[*v1.Manifest](t)(app.Manifest()).DeepCopy()
		doc.Config.Size = size
		body := must[[]byte](t)(json.Marshal(doc))
		stop := registry.Behave(registrytest.Rule{Path: "/v2/shop/manifests/1", Answer: registrytest.Instead(string(doc.MediaType), body)})
		if _, err := open(t, image.Access{}, registry.Ref("shop:1")); reasonOf(err) != want {
			t.Errorf("a size of %d: got %v, want %s", size, err, want)
		}
		stop()
	}
}

func TestAConfigHasADiffIDForEveryLayer(t *testing.T) {
	registry := start(t)
	app := must[v1.Image](t)(registrytest.ManyLayers(2))
	config := must[*v1.ConfigFile](t)(app.ConfigFile()).DeepCopy()
	config.RootFS.DiffIDs = config.RootFS.DiffIDs[:1]
	must[v1.Hash](t)(registry.Push("shop:1", must[v1.Image](t)(mutate.ConfigFile(app, config))))
	if _, err := open(t, image.Access{}, registry.Ref("shop:1")); reasonOf(err) != outcome.NotAnImage {
		t.Errorf("got %v", err)
	}
}

func TestIndexesWithinIndexesEnd(t *testing.T) {
	registry := start(t)
	for depth, want := range map[int]outcome.Reason{4: "", 5: outcome.TooLarge} {
		var inner mutate.Appendable = must[v1.Image](t)(registrytest.ManyLayers(1))
		for range depth {
			inner = mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: inner})
		}
		must[v1.Hash](t)(registry.PushIndex("shop:1", inner.(v1.ImageIndex)))
		if _, err := open(t, image.Access{}, registry.Ref("shop:1")); reasonOf(err) != want {
			t.Errorf("%d deep: got %v, want %q", depth, err, want)
		}
	}
}

func TestWhatLayersUnpackToIsBounded(t *testing.T) {
	registry := start(t)
	must[v1.Hash](t)(registry.Push("shop:1", must[v1.Image](t)(registrytest.ManyLayers(3)))) // a folder and a file each
	for name, test := range map[string]struct {
		limits image.Limits
		says   string
	}{
		"what fits":                 {image.Limits{UnpackedBytes: 12 << 10, Files: 6, LayerFiles: 2}, ""},
		"too many bytes":            {image.Limits{UnpackedBytes: 6 << 10}, "unpack to more than"},
		"too many bytes in a layer": {image.Limits{UnpackedLayerBytes: 1 << 10}, "unpacks to more than"},
		"too many files":            {image.Limits{Files: 5}, "hold more than 5 files"},
		"too many files in a layer": {image.Limits{LayerFiles: 1}, "holds more than 1 files"},
	} {
		t.Run(name, func(t *testing.T) {
			img := must[*image.Image](t)(open(t, image.Access{Limits: test.limits}, registry.Ref("shop:1")))
			err := readAll(t, img)
			if test.says == "" && err != nil || test.says != "" && (reasonOf(err) != outcome.TooLarge || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}

func TestALayerIsNoLongerThanItSays(t *testing.T) {
	dir := t.TempDir()
	app := must[v1.Image](t)(registrytest.ManyLayers(1))
	if err := registrytest.OCILayout(dir, app); err != nil {
		t.Fatal(err)
	}
	layer := must[*v1.Manifest](t)(app.Manifest()).Layers[0]
	f := must[*os.File](t)(os.OpenFile(filepath.Join(dir, "blobs", "sha256", layer.Digest.Hex), os.O_APPEND|os.O_WRONLY, 0))
	must[int](t)(f.Write(make([]byte, 10)))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	err := readAll(t, must[*image.Image](t)(open(t, image.Access{}, "oci-layout:"+dir)))
	if reasonOf(err) != outcome.ContentDamaged || !strings.Contains(err.Error(), "is longer than") {
		t.Errorf("got %v", err)
	}
}
