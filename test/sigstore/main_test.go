// Package sigstore signs and verifies keyless on a private Sigstore, with every tool that is to be judged or to judge: what
// one signed the other must accept, and must refuse on the same grounds. The script run starts it.
package sigstore

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stepseal/stepseal/test/sigstore/stack"
)

// made is what the script run has built, and running the Sigstore of all tests.
var (
	made    struct{ services, tools, trillian, product, database string }
	running *stack.Stack
)

func TestMain(m *testing.M) {
	code, err := withSigstore(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withSigstore(run func() int) (int, error) {
	for name, to := range map[string]*string{
		"STEPSEAL_SIGSTORE_SERVICES": &made.services,
		"STEPSEAL_SIGSTORE_TOOLS":    &made.tools,
		"STEPSEAL_SIGSTORE_TRILLIAN": &made.trillian,
		"STEPSEAL_SIGSTORE_PRODUCT":  &made.product,
		"STEPSEAL_SIGSTORE_DATABASE": &made.database,
	} {
		if *to = os.Getenv(name); *to == "" {
			return 0, fmt.Errorf("%s is not set: start these tests with test/sigstore/run", name)
		}
	}
	folder, err := os.MkdirTemp("", "stepseal-sigstore")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	keys, err := filepath.Abs("../../examples/private-sigstore/keys")
	if err != nil {
		return 0, err
	}
	running, err = stack.Start(stack.Options{Folder: folder, Services: made.services, Trillian: made.trillian, Keys: keys})
	if err != nil {
		return 0, err
	}
	defer running.Close()
	return run(), nil
}

func TestNoNetworkButLoopback(t *testing.T) {
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range interfaces {
		if found.Flags&net.FlagLoopback == 0 && found.Flags&net.FlagUp != 0 {
			t.Errorf("the network interface %s is up: start these tests with test/sigstore/run", found.Name)
		}
	}
}
