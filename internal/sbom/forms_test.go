package sbom_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/compression"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/stepseal/stepseal/internal/registrytest"
)

// installed is a tar with an npm package of each name; entries are what else there is, a whiteout for one.
func installed(t *testing.T, names []string, entries ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(h tar.Header, body string) {
		h.Size, h.Mode = int64(len(body)), 0o644
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, body); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range names {
		add(tar.Header{Name: "app/node_modules/" + name + "/package.json"}, fmt.Sprintf(`{"name":%q,"version":"1.0.0"}`, name))
	}
	for _, h := range entries {
		add(h, "")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func packed(t *testing.T, content []byte, as types.MediaType, how compression.Compression) v1.Layer {
	t.Helper()
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		tarball.WithMediaType(as), tarball.WithCompression(how))
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

// An image is its layers, in whatever form each of them lies in the registry, and what an upper one deletes is not in it.
func TestLayersOfEveryForm(t *testing.T) {
	first := installed(t, []string{"kept", "deleted", "hidden", "replaced"})
	second := installed(t, []string{"second"}, tar.Header{Name: "app/node_modules/.wh.deleted"}, tar.Header{Name: "app/node_modules/hidden/.wh..wh..opq"})
	third := installed(t, []string{"third"}, tar.Header{Name: "app/node_modules/alias/package.json", Typeflag: tar.TypeLink, Linkname: "app/node_modules/third/package.json"},
		tar.Header{Name: "app/node_modules/.wh.replaced"}, tar.Header{Name: "dev/null", Typeflag: tar.TypeChar}, tar.Header{Name: "run/pipe", Typeflag: tar.TypeFifo})
	want := []string{"kept 1.0.0", "second 1.0.0", "third 1.0.0"}
	for name, test := range map[string]struct {
		manifest, config types.MediaType
		layers           []v1.Layer
	}{
		"gzip, zstd and not compressed, OCI": {types.OCIManifestSchema1, types.OCIConfigJSON, []v1.Layer{packed(t, first, types.OCILayer, compression.GZip),
			packed(t, second, types.OCILayerZStd, compression.ZStd), static.NewLayer(third, types.OCIUncompressedLayer)}},
		"the same, Docker schema 2": {types.DockerManifestSchema2, types.DockerConfigJSON, []v1.Layer{packed(t, first, types.DockerLayer, compression.GZip),
			static.NewLayer(second, types.DockerUncompressedLayer), packed(t, third, types.DockerLayer, compression.GZip)}},
		"media types that lie": {types.OCIManifestSchema1, types.OCIConfigJSON, []v1.Layer{packed(t, first, types.OCIUncompressedLayer, compression.GZip),
			packed(t, second, types.OCILayer, compression.ZStd), static.NewLayer(third, types.OCILayerZStd)}},
	} {
		t.Run(name, func(t *testing.T) {
			registry, err := registrytest.Start(registrytest.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(registry.Close)
			img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, test.manifest), test.config)
			for _, layer := range test.layers {
				if img, err = mutate.Append(img, mutate.Addendum{Layer: layer}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := registry.Push("shop:1", img); err != nil {
				t.Fatal(err)
			}
			c := catalogue(t, opened(t, registry.Ref("shop:1")))
			var got []string
			for p := range c.Content().Artifacts.Packages.Enumerate() {
				got = append(got, p.Name+" "+p.Version)
			}
			if diff := cmp.Diff(want, slices.Compact(slices.Sorted(slices.Values(got)))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
