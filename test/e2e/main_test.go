// Package e2e compares the product with the command lines of syft, grype and cosign, and checks what it says about
// registries that answer in their own way. The script run prepares what it needs and starts it.
package e2e

import (
	"fmt"
	"net"
	"os"
	"testing"
)

// made is what the script prepare left for the tests.
var made struct {
	product, tools, bullseye, bookworm, database string
}

func TestMain(m *testing.M) {
	for name, to := range map[string]*string{
		"STEPSEAL_E2E_PRODUCT":  &made.product,
		"STEPSEAL_E2E_TOOLS":    &made.tools,
		"STEPSEAL_E2E_BULLSEYE": &made.bullseye,
		"STEPSEAL_E2E_BOOKWORM": &made.bookworm,
		"STEPSEAL_E2E_DATABASE": &made.database,
	} {
		if *to = os.Getenv(name); *to == "" {
			fmt.Fprintf(os.Stderr, "%s is not set: start these tests with test/e2e/run\n", name)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func TestNoNetworkButLoopback(t *testing.T) {
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range interfaces {
		if found.Flags&net.FlagLoopback == 0 && found.Flags&net.FlagUp != 0 {
			t.Errorf("the network interface %s is up: start these tests with test/e2e/run", found.Name)
		}
	}
}
