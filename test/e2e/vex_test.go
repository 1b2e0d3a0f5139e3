package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/registrytest"
)

// A VEX document that cosign attested on the image counts when the key that is trusted signed it, and nothing of it counts
// under another key.
func TestAttestedVEXCountsWhenTheKeySignedIt(t *testing.T) {
	for format, option := range map[string]string{"bundle": "--new-bundle-format", "legacy": "--new-bundle-format=false"} {
		t.Run(format, func(t *testing.T) {
			u, ref := newUser(t), pushedAppOf(t, startRegistry(t, registrytest.ReferrersOn), registrytest.AppOptions{Distro: registrytest.Debian("11"), Log4jVersion: "2.14.1"})
			u.stepseal(gate("scan-gate", "--image", ref)...).want(t, 10, "vulnerable")
			scan := read[struct {
				Findings []struct {
					ID      string
					Package struct{ PURL string }
				}
			}](u, "stepseal-out/scan.json")
			first := scan.Findings[0]
			digest := ref[strings.Index(ref, "@")+1:]
			u.write("vex.json", fmt.Sprintf(`{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://example.com/vex/1","author":"the team","timestamp":"2026-01-01T00:00:00Z","version":1,
				"statements":[{"vulnerability":{"name":%q},"products":[{"@id":"pkg:oci/app@%s","subcomponents":[{"@id":%q}]}],"status":"not_affected","justification":"vulnerable_code_not_present"}]}`,
				first.ID, strings.Replace(digest, ":", "%3A", 1), first.Package.PURL))
			u.run("cosign", "attest", "--yes", "--key", "cosign.key", "--tlog-upload=false", option, "--type", "openvex", "--predicate", "vex.json", ref).want(t, 0, "")

			counted := u.stepseal(gate("scan-gate", "--image", ref, "--vex", "attested", "--public-key", "cosign.pub")...)
			if n := counted.outputs["not-affected"]; n == "0" || n == "" {
				t.Errorf("the attested document excuses %q findings\n%s", n, counted.stderr)
			}
			explained := u.run(made.product, "policy", "explain", first.ID, "--evidence", "stepseal-out")
			if !strings.Contains(explained.stdout, "the team says that it is not affected: vulnerable_code_not_present") || !strings.Contains(explained.stdout, "signed by") {
				t.Errorf("whose word it is:\n%s", explained.stdout)
			}
			stranger := newUser(t)
			other := stranger.stepseal(gate("scan-gate", "--image", ref, "--vex", "attested", "--public-key", "cosign.pub")...)
			if other.outputs["not-affected"] != "0" || !strings.Contains(other.stderr, "does not count") {
				t.Errorf("under another key it excuses %q findings\n%s", other.outputs["not-affected"], other.stderr)
			}
		})
	}
}
