package image_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
)

// listed is an entry of an index: an image of n layers for a platform; nil is none.
func listed(t *testing.T, layers int, platform *v1.Platform) mutate.IndexAddendum {
	t.Helper()
	img := must[v1.Image](t)(registrytest.ManyLayers(layers))
	return mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: platform}}
}

func platform(text string) *v1.Platform {
	p, err := v1.ParsePlatform(text)
	if err != nil {
		panic(err)
	}
	return p
}

func indexOf(entries ...mutate.IndexAddendum) v1.ImageIndex {
	return mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), entries...)
}

func openSet(t *testing.T, ref string) (*image.Set, error) {
	t.Helper()
	return connect(t).Open(context.Background(), must[image.Reference](t)(image.Parse(ref)), v1.Platform{}, nil)
}

func TestAnIndexIsOpenedAsAWhole(t *testing.T) {
	artefact := mutate.IndexAddendum{Add: mutate.ConfigMediaType(empty.Image, "application/vnd.cncf.helm.config.v1+json")}
	hidden := listed(t, 4, platform("linux/ppc64le"))
	hidden.Annotations = map[string]string{"vnd.docker.reference.type": "attestation-manifest"}
	nested := indexOf(listed(t, 2, platform("linux/arm64/v8")), listed(t, 3, platform("windows/amd64:10.0.20348.1")))
	for name, test := range map[string]struct {
		index     v1.ImageIndex
		platforms string
		leftOut   string
		want      outcome.Reason
	}{
		"two platforms":                         {indexOf(listed(t, 1, platform("linux/amd64")), listed(t, 2, platform("linux/arm64"))), "linux/amd64 linux/arm64", "", ""},
		"an index in an index":                  {indexOf(listed(t, 1, platform("linux/amd64")), mutate.IndexAddendum{Add: nested}), "linux/amd64 linux/arm64/v8 windows/amd64:10.0.20348.1", "", ""},
		"a Docker manifest list":                {mutate.IndexMediaType(indexOf(listed(t, 1, platform("linux/amd64"))), types.DockerManifestList), "linux/amd64", "", ""},
		"an image that names no platform":       {indexOf(listed(t, 1, nil), listed(t, 2, platform("linux/arm64"))), "linux/amd64 linux/arm64", "", ""},
		"an artefact":                           {indexOf(listed(t, 1, platform("linux/amd64")), artefact), "linux/amd64", "which is no image", ""},
		"an artefact that claims a platform":    {indexOf(mutate.IndexAddendum{Add: artefact.Add, Descriptor: v1.Descriptor{Platform: platform("linux/amd64")}}), "", "", outcome.NotAnImage},
		"an image that is called attestations":  {indexOf(listed(t, 1, platform("linux/amd64")), hidden), "linux/amd64 linux/ppc64le", "", ""},
		"for nobody":                            {indexOf(listed(t, 1, platform("linux/amd64")), listed(t, 2, platform("unknown/unknown"))), "linux/amd64", "unknown/unknown, sha256:", ""},
		"nothing but for nobody":                {indexOf(listed(t, 2, platform("unknown/unknown"))), "", "", outcome.NotAnImage},
		"nothing":                               {indexOf(), "", "", outcome.NotAnImage},
		"one manifest for two platforms":        {indexOf(listed(t, 1, platform("linux/arm/v6")), listed(t, 1, platform("linux/arm/v7"))), "linux/arm/v6", "linux/arm/v7: the same manifest", ""},
		"one platform twice":                    {indexOf(listed(t, 1, platform("linux/amd64")), listed(t, 2, platform("linux/amd64"))), "linux/amd64 linux/amd64+", "", ""},
		"a platform that leads out of a folder": {indexOf(listed(t, 1, &v1.Platform{OS: "..", Architecture: "../etc"})), "", "", outcome.NotAnImage},
		"a platform of control characters":      {indexOf(listed(t, 1, &v1.Platform{OS: "linux", Architecture: "amd64\n::error::"})), "", "", outcome.NotAnImage},
	} {
		t.Run(name, func(t *testing.T) {
			registry := start(t)
			digest := must[v1.Hash](t)(registry.PushIndex("shop:1", test.index))
			set, err := openSet(t, registry.Ref("shop:1"))
			if reasonOf(err) != test.want {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if err != nil {
				return
			}
			if got := strings.Join(set.Platforms(), " "); !strings.HasPrefix(got, test.platforms) || strings.Count(got, " ") != strings.Count(test.platforms, " ") {
				t.Errorf("platforms %s, want %s", got, test.platforms)
			}
			if got := strings.Join(set.LeftOut, "; "); !strings.Contains(got, test.leftOut) || (test.leftOut == "") != (got == "") {
				t.Errorf("left out %q, want %q", got, test.leftOut)
			}
			if !set.Whole() || set.Digest() != digest || set.Index != digest {
				t.Errorf("whole %v, digest %s, index %s, want %s", set.Whole(), set.Digest(), set.Index, digest)
			}
			names := set.Platforms()
			if slices.Sort(names); len(slices.Compact(names)) != len(set.Images) {
				t.Errorf("a name stands twice: %v", set.Platforms())
			}
		})
	}
}

func TestIndexesAreBounded(t *testing.T) {
	deep := indexOf(listed(t, 1, platform("linux/amd64")))
	for range 4 {
		deep = indexOf(mutate.IndexAddendum{Add: deep})
	}
	wide := make([]mutate.IndexAddendum, 600)
	for i := range wide {
		wide[i] = listed(t, 1, platform(fmt.Sprintf("linux/a%d", i)))
	}
	half := indexOf(wide...)
	other := indexOf(append(wide, listed(t, 2, platform("linux/amd64")))...)
	for name, index := range map[string]v1.ImageIndex{
		"too deep":              deep,
		"too many in all of it": indexOf(mutate.IndexAddendum{Add: half}, mutate.IndexAddendum{Add: other}),
	} {
		registry := start(t)
		must[v1.Hash](t)(registry.PushIndex("shop:1", index))
		if _, err := openSet(t, registry.Ref("shop:1")); reasonOf(err) != outcome.TooLarge {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An index that lists one index a thousand times, which lists one a thousand times, is read three times and not a billion.
func TestAnIndexIsReadOnce(t *testing.T) {
	index := indexOf(listed(t, 1, platform("linux/amd64")))
	for range 2 {
		var entries []mutate.IndexAddendum
		for range 300 {
			entries = append(entries, mutate.IndexAddendum{Add: index})
		}
		index = indexOf(entries...)
	}
	registry := start(t)
	must[v1.Hash](t)(registry.PushIndex("shop:1", index))
	set := must[*image.Set](t)(openSet(t, registry.Ref("shop:1")))
	if got := registry.Requests().Count("GET", "/v2/shop/manifests/*"); len(set.Images) != 1 || got != 4 {
		t.Errorf("%d images, %d requests", len(set.Images), got)
	}
}
