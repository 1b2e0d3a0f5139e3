// Package tekton runs stepseal's Tasks on a Kubernetes and a Tekton of their own. The script run makes what it needs and
// starts it.
package tekton

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/test/tekton/cluster"
)

// made is what the script run left for the tests.
var made struct {
	binaries, state, config string // of the cluster
	product, image          string // the program, and the layout of its image
	builder                 string // the program that Tasks of the tests run
	database                string // the archive
	services, trillian      string // of a Sigstore
}

// the is what all tests share.
var the struct {
	cluster     *cluster.Cluster
	registry    *registrytest.Registry // from which the node pulls
	private     *registrytest.Registry // of the images under test: it wants TLS and a login
	image       string                 // stepseal's, by digest
	builder     string                 // the image of the program builder, by digest
	definitions string                 // the folder with the Tasks, for that image
}

// The node's address is one that pods reach too.
const (
	publicAddress  = "10.244.0.1:5000"
	privateAddress = "10.244.0.1:5001"
)

var login = registrytest.Login{Username: "robot", Password: "correct horse battery staple"}

func TestMain(m *testing.M) {
	for name, to := range map[string]*string{
		"STEPSEAL_TEKTON_BINARIES": &made.binaries,
		"STEPSEAL_TEKTON_STATE":    &made.state,
		"STEPSEAL_TEKTON_CONFIG":   &made.config,
		"STEPSEAL_TEKTON_PRODUCT":  &made.product,
		"STEPSEAL_TEKTON_IMAGE":    &made.image,
		"STEPSEAL_TEKTON_BUILDER":  &made.builder,
		"STEPSEAL_TEKTON_DATABASE": &made.database,
		"STEPSEAL_TEKTON_SERVICES": &made.services,
		"STEPSEAL_TEKTON_TRILLIAN": &made.trillian,
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
	if err := startRegistries(); err != nil {
		return err
	}
	the.definitions = filepath.Join(made.state, "definitions")
	if said, err := exec.Command(made.product, "render", "--image", the.image, "--to", the.definitions).CombinedOutput(); err != nil {
		return fmt.Errorf("render: %w: %s", err, said)
	}
	done("images are in the registry")
	started, err := cluster.Start(cluster.Options{Binaries: made.binaries, State: made.state, Registry: publicAddress, Now: began})
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
