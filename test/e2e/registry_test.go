package e2e

import (
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"testing"

	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/test/sample/load"
)

// pushed is the reference of a sample image in a registry of its own.
func pushed(t *testing.T, layout string) string {
	t.Helper()
	image, err := load.Layout(layout)
	if err != nil {
		t.Fatal(err)
	}
	registry := startRegistry(t, registrytest.ReferrersOn)
	if _, err := registry.Push("shop/storefront:1.0", image); err != nil {
		t.Fatal(err)
	}
	return registry.Ref("shop/storefront:1.0")
}

func startRegistry(t *testing.T, referrers registrytest.Referrers) *registrytest.Registry {
	t.Helper()
	registry, err := registrytest.Start(registrytest.Options{Referrers: referrers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(registry.Close)
	return registry
}

// pushedApp is the reference, by digest, of a small image without a finding.
func pushedApp(t *testing.T, registry *registrytest.Registry) string {
	t.Helper()
	return pushedAppOf(t, registry, registrytest.AppOptions{Distro: registrytest.Debian("11")})
}

func pushedAppOf(t *testing.T, registry *registrytest.Registry, of registrytest.AppOptions) string {
	t.Helper()
	image, err := registrytest.App(of)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := registry.Push("shop/api:1.0", image)
	if err != nil {
		t.Fatal(err)
	}
	return registry.Ref("shop/api@" + digest.String())
}

func tagsOf(t *testing.T, ref string) []string {
	t.Helper()
	parsed, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	tags, err := remote.List(parsed.Context())
	if err != nil {
		t.Fatal(err)
	}
	return tags
}
