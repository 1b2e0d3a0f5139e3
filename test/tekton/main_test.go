// Package tekton runs stepseal's Tasks on a Kubernetes and a Tekton of their own. The script run makes what it needs and
// starts it.
package tekton

import (
	"fmt"
	"os"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/test/sample/load"
	"github.com/stepseal/stepseal/test/tekton/cluster"
)

// made is what the script run left for the tests.
var made struct {
	binaries, state, config string // of the cluster
	product, image          string // the program, and the layout of its image
	database                string // the archive
}

// the is what all tests share: a cluster, and the registry from which its node pulls and for which the images are.
var the struct {
	cluster  *cluster.Cluster
	registry *registrytest.Registry
	image    string // of stepseal, by digest
}

// address is the node's, which pods reach too.
const address = "10.244.0.1:5000"

func TestMain(m *testing.M) {
	for name, to := range map[string]*string{
		"STEPSEAL_TEKTON_BINARIES": &made.binaries,
		"STEPSEAL_TEKTON_STATE":    &made.state,
		"STEPSEAL_TEKTON_CONFIG":   &made.config,
		"STEPSEAL_TEKTON_PRODUCT":  &made.product,
		"STEPSEAL_TEKTON_IMAGE":    &made.image,
		"STEPSEAL_TEKTON_DATABASE": &made.database,
	} {
		if *to = os.Getenv(name); *to == "" {
			fmt.Fprintf(os.Stderr, "%s is not set: start these tests with test/tekton/run\n", name)
			os.Exit(1)
		}
	}
	if err := setUp(); err != nil {
		fmt.Fprintln(os.Stderr, "no cluster:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func setUp() error {
	began := time.Now()
	done := func(what string) { fmt.Printf("%-34s %6.1f s\n", what, time.Since(began).Seconds()) }
	registry, err := registrytest.Start(registrytest.Options{Address: address})
	if err != nil {
		return err
	}
	the.registry = registry
	if err := pushImages(); err != nil {
		return err
	}
	done("images are in the registry")
	started, err := cluster.Start(cluster.Options{Binaries: made.binaries, State: made.state, Registry: registry.Host(), Now: began})
	if err != nil {
		return err
	}
	the.cluster = started
	done("the node is ready")
	// Without the flag, the containers that Tekton adds to a pod break the restricted profile.
	if err := started.InstallTekton(made.config, map[string]string{"set-security-context": "true"}); err != nil {
		return err
	}
	done("Tekton is available")
	return nil
}

func pushImages() error {
	images, err := cluster.Images(made.binaries)
	if err != nil {
		return err
	}
	for name, image := range images {
		if _, err := the.registry.Push(name, image); err != nil {
			return err
		}
	}
	var product v1.Image
	if product, err = load.Layout(made.image); err != nil {
		return err
	}
	digest, err := the.registry.Push("stepseal/stepseal:test", product)
	the.image = the.registry.Ref("stepseal/stepseal:test@" + digest.String())
	return err
}
