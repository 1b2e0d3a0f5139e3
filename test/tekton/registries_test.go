package tekton

import (
	"fmt"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/test/tekton/cluster"
)

func startRegistries() (err error) {
	if the.registry, err = registrytest.Start(registrytest.Options{Address: publicAddress}); err != nil {
		return err
	}
	if the.private, err = registrytest.StartTLS(registrytest.Options{Address: privateAddress, Login: login}); err != nil {
		return err
	}
	images, err := cluster.Images(made.binaries)
	if err != nil {
		return err
	}
	for name, image := range images {
		if _, err := the.registry.Push(name, image); err != nil {
			return err
		}
	}
	product, err := indexOf(made.image)
	if err != nil {
		return err
	}
	digest, err := the.registry.PushIndex("mirror/stepseal:test", product)
	if err != nil {
		return err
	}
	the.image = the.registry.Ref("mirror/stepseal:test") + "@" + digest.String()
	builder, err := cluster.ImageOf(made.builder, "ko-app/builder")
	if err != nil {
		return err
	}
	digest, err = the.registry.Push("builder:test", builder)
	the.builder = the.registry.Ref("builder:test") + "@" + digest.String()
	return err
}

// indexOf is the index of all platforms that a layout holds.
func indexOf(folder string) (v1.ImageIndex, error) {
	outer, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		return nil, err
	}
	manifest, err := outer.IndexManifest()
	if err != nil {
		return nil, err
	}
	if n := len(manifest.Manifests); n != 1 {
		return nil, fmt.Errorf("%s holds %d images, want 1", folder, n)
	}
	return outer.ImageIndex(manifest.Manifests[0].Digest)
}

// app pushes the sample shop to the private registry. With log4j-core 2.14.1 the gate refuses it, with 2.17.1 it does not.
func app(t *testing.T, name, log4j string) (repository, digest string) {
	t.Helper()
	image, err := registrytest.App(registrytest.AppOptions{Log4jVersion: log4j})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := the.private.Push(name, image)
	if err != nil {
		t.Fatal(err)
	}
	return the.private.Ref(name), hash.String()
}
