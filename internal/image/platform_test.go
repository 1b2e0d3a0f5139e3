package image_test

import (
	"context"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
)

func TestANamedPlatformIsDemanded(t *testing.T) {
	registry := start(t)
	app := must[v1.Image](t)(registrytest.ManyLayers(1))
	for tag, is := range map[string]v1.Platform{"amd64": {OS: "linux", Architecture: "amd64"}, "arm64": {OS: "linux", Architecture: "arm64"},
		"v7": {OS: "linux", Architecture: "arm", Variant: "v7"}, "none": {}} {
		config := must[*v1.ConfigFile](t)(app.ConfigFile()).DeepCopy()
		config.OS, config.Architecture, config.Variant = is.OS, is.Architecture, is.Variant
		must[v1.Hash](t)(registry.Push("shop:"+tag, must[v1.Image](t)(mutate.ConfigFile(app, config))))
	}
	must[v1.Hash](t)(registry.PushIndex("shop:index", must[v1.ImageIndex](t)(registrytest.Index(registrytest.AppOptions{}))))
	wrong := mutate.IndexAddendum{Add: app, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64"}}}
	must[v1.Hash](t)(registry.PushIndex("shop:wrong", mutate.AppendManifests(empty.Index, wrong)))
	bare := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: app})
	must[v1.Hash](t)(registry.PushIndex("shop:bare", bare))
	access := connect(t)
	for name, test := range map[string]struct {
		tag, platform, is string
		want              outcome.Reason
	}{
		"an image, unnamed":                    {"arm64", "", "linux/arm64", ""},
		"an image, its own":                    {"arm64", "linux/arm64", "linux/arm64", ""},
		"an image, another":                    {"amd64", "linux/arm64", "", outcome.PlatformNotFound},
		"a variant, unnamed":                   {"v7", "linux/arm", "linux/arm/v7", ""},
		"a variant, its own":                   {"v7", "linux/arm/v7", "linux/arm/v7", ""},
		"a variant, another":                   {"v7", "linux/arm/v6", "", outcome.PlatformNotFound},
		"an image that does not say":           {"none", "linux/arm64", "unnamed", ""},
		"an index, named":                      {"index", "linux/arm64", "linux/arm64", ""},
		"an index, named, not there":           {"index", "linux/s390x", "", outcome.PlatformNotFound},
		"an index that the config contradicts": {"wrong", "linux/arm64", "linux/arm64", ""},
		"an index without platforms, named":    {"bare", "linux/arm64", "", outcome.PlatformNotFound},
		"an index, as a whole":                 {"index", "", "linux/amd64", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var platform v1.Platform
			if test.platform != "" {
				platform = must[v1.Platform](t)(image.ParsePlatform(test.platform))
			}
			ref := must[image.Reference](t)(image.Parse(registry.Ref("shop:" + test.tag)))
			img, err := first(access.Open(context.Background(), ref, platform, nil))
			if reasonOf(err) != test.want || err == nil && img.Platform != test.is {
				t.Errorf("got %+v, %v", img, err)
			}
		})
	}
}

func TestAttack01TagMoves(t *testing.T) {
	registry := start(t)
	index := must[v1.ImageIndex](t)(registrytest.Index(registrytest.AppOptions{}))
	first := must[v1.Hash](t)(registry.PushIndex("shop:1", index))
	arm := must[*v1.IndexManifest](t)(index.IndexManifest()).Manifests[1].Digest
	other := must[v1.Hash](t)(registry.Push("shop:2", must[v1.Image](t)(registrytest.ManyLayers(1))))
	for name, test := range map[string]struct {
		ref   string
		moved bool
	}{
		"the tag":                             {"shop:1", false},
		"the tag and its index":               {"shop:1@" + first.String(), false},
		"the tag and a platform of its index": {"shop:1@" + arm.String(), false},
		"the tag and another image":           {"shop:1@" + other.String(), true},
		"another tag and a platform":          {"shop:2@" + arm.String(), true},
		"a digest alone":                      {"shop@" + arm.String(), false},
	} {
		t.Run(name, func(t *testing.T) {
			access := connect(t)
			ref := must[image.Reference](t)(image.Parse(registry.Ref(test.ref)))
			img := must[*image.Set](t)(access.Open(context.Background(), ref, v1.Platform{}, nil))
			if now, moved, err := access.Moved(context.Background(), img); err != nil || moved != test.moved {
				t.Errorf("now %s, moved %v, %v", now, moved, err)
			}
		})
	}
	ref := must[image.Reference](t)(image.Parse(registry.Ref("shop:1")))
	set := must[*image.Set](t)(connect(t).Open(context.Background(), ref, v1.Platform{}, nil))
	registry.MoveTag("shop:1", 0, other)
	t.Run("after it was opened", func(t *testing.T) {
		if now, moved, err := connect(t).Moved(t.Context(), set); err != nil || !moved || now != other {
			t.Errorf("now %s, moved %v, %v", now, moved, err)
		}
	})
}
