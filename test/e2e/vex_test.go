package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/registrytest"
)

// vexForms are documents that say of one vulnerability that a package is not affected by it, by cosign's predicate type.
var vexForms = map[string]func(digest, id, purl string) string{
	"openvex": func(digest, id, purl string) string {
		return fmt.Sprintf(`{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://example.com/vex/1","author":"the team","timestamp":"2026-01-01T00:00:00Z","version":1,
			"statements":[{"vulnerability":{"name":%q},"products":[{"@id":"pkg:oci/app@%s","subcomponents":[{"@id":%q}]}],"status":"not_affected","justification":"vulnerable_code_not_present"}]}`,
			id, strings.Replace(digest, ":", "%3A", 1), purl)
	},
	"cyclonedx": func(_, id, purl string) string {
		return fmt.Sprintf(`{"bomFormat":"CycloneDX","specVersion":"1.6","serialNumber":"urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79","version":1,
			"metadata":{"timestamp":"2026-01-01T00:00:00Z","authors":[{"name":"the team"}]},"components":[{"type":"library","bom-ref":"it","name":"it","purl":%q}],
			"vulnerabilities":[{"id":%q,"analysis":{"state":"not_affected","justification":"code_not_present"},"affects":[{"ref":"it"}]}]}`, purl, id)
	},
	"https://docs.oasis-open.org/csaf/csaf/v2.0": func(_, id, purl string) string {
		kind := fmt.Sprintf(`"ids":[{"system_name":"its database","text":%q}]`, id)
		if strings.HasPrefix(id, "CVE-") {
			kind = fmt.Sprintf(`"cve":%q`, id)
		}
		return fmt.Sprintf(`{"document":{"category":"csaf_vex","csaf_version":"2.0","title":"x","publisher":{"category":"vendor","name":"the team","namespace":"https://example.com"},
			"tracking":{"id":"X-1","status":"final","version":"1","initial_release_date":"2026-01-01T00:00:00Z","current_release_date":"2026-01-01T00:00:00Z","revision_history":[{"date":"2026-01-01T00:00:00Z","number":"1","summary":"x"}]}},
			"product_tree":{"full_product_names":[{"name":"it","product_id":"it","product_identification_helper":{"purl":%q}}]},
			"vulnerabilities":[{%s,"product_status":{"known_not_affected":["it"]},"flags":[{"label":"vulnerable_code_not_present","product_ids":["it"]}]}]}`, purl, kind)
	},
}

// A VEX document that cosign attested on the image counts when the key that is trusted signed it, and nothing of it counts
// under another key.
func TestAttestedVEXCountsWhenTheKeySignedIt(t *testing.T) {
	for storage, option := range map[string]string{"bundle": "--new-bundle-format", "legacy": "--new-bundle-format=false"} {
		for kind, form := range vexForms {
			t.Run(storage+"/"+kind, func(t *testing.T) {
				u, ref := newUser(t), pushedAppOf(t, startRegistry(t, registrytest.ReferrersOn), registrytest.AppOptions{Distro: registrytest.Debian("11"), Log4jVersion: "2.14.1"})
				u.stepseal(gate("scan-gate", "--image", ref)...).want(t, 10, "vulnerable")
				scan := read[struct {
					Findings []struct {
						ID      string
						Package struct{ PURL string }
					}
				}](u, "stepseal-out/scan.json")
				first := scan.Findings[0]
				u.write("vex.json", form(ref[strings.Index(ref, "@")+1:], first.ID, first.Package.PURL))
				u.run("cosign", "attest", "--yes", "--key", "cosign.key", "--tlog-upload=false", option, "--type", kind, "--predicate", "vex.json", ref).want(t, 0, "")

				counted := u.stepseal(gate("scan-gate", "--image", ref, "--vex", "attested", "--public-key", "cosign.pub")...)
				if n := counted.outputs["not-affected"]; n == "0" || n == "" {
					t.Errorf("the attested document excuses %q findings\n%s", n, counted.stderr)
				}
				explained := u.run(made.product, "policy", "explain", first.ID, "--evidence", "stepseal-out")
				if !strings.Contains(explained.stdout, "the team says that it is not affected") || !strings.Contains(explained.stdout, "signed by") {
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
}
