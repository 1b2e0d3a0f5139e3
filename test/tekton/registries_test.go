package tekton

import (
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/test/sample/load"
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
	product, err := load.Layout(made.image)
	if err != nil {
		return err
	}
	if the.image, err = byDigest("mirror/stepseal:test", product); err != nil {
		return err
	}
	builder, err := cluster.ImageOf(made.builder, "ko-app/builder")
	if err != nil {
		return err
	}
	the.builder, err = byDigest("builder:test", builder)
	return err
}

// byDigest pushes an image for the node.
func byDigest(name string, image v1.Image) (string, error) {
	digest, err := the.registry.Push(name, image)
	return the.registry.Ref(name) + "@" + digest.String(), err
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
