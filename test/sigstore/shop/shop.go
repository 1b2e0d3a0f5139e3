// Package shop has the image that tests sign.
package shop

import (
	"testing"

	"github.com/stepseal/stepseal/internal/registrytest"
)

// Push puts a small image that nobody has signed into a registry of its own. It returns the reference, by digest.
func Push(t *testing.T, referrers registrytest.Referrers) (registry *registrytest.Registry, ref string) {
	t.Helper()
	registry, err := registrytest.Start(registrytest.Options{Referrers: referrers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(registry.Close)
	image, err := registrytest.App(registrytest.AppOptions{Distro: registrytest.Debian("11")})
	if err != nil {
		t.Fatal(err)
	}
	digest, err := registry.Push("shop/api:1.0", image)
	if err != nil {
		t.Fatal(err)
	}
	return registry, registry.Ref("shop/api@" + digest.String())
}
