package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/stepseal/stepseal/internal/report"
	"github.com/stepseal/stepseal/internal/report/reporttest"
)

// A schema is published in files whose addresses refer to each other; the first one is where to begin. Modules carry them.
type schema []schemaFile

type schemaFile struct{ address, module, path string }

// The list of licences is one file for all versions of CycloneDX and grows with SPDX; syft's copy is of its own release.
var (
	cycloneDXSchema = schema{
		{"http://cyclonedx.org/schema/bom-1.6.schema.json", "github.com/anchore/grype", "grype/presenter/cyclonedx/testdata/bom-1.6.schema.json"},
		{"http://cyclonedx.org/schema/jsf-0.82.schema.json", "github.com/anchore/grype", "grype/presenter/cyclonedx/testdata/jsf-0.82.schema.json"},
		{"http://cyclonedx.org/schema/spdx.schema.json", "github.com/anchore/syft", "schema/cyclonedx/spdx.schema.json"},
	}
	spdxSchema = schema{
		{"http://spdx.org/rdf/terms/2.3", "github.com/anchore/syft", "schema/spdx-json/spdx-schema-2.3.json"},
	}
)

// The SBOM with its vulnerabilities, of a scan and of every sample view.
func TestVulnerabilitiesFollowCycloneDX(t *testing.T) {
	u, ref := newUser(t), pushed(t, made.bullseye)
	u.stepseal(gate("scan-gate", "--image", ref, "--fail-on", "never", "--reports", "cyclonedx")...).want(t, 0, "")
	scanned := u.path("stepseal-out/scan.cdx.json")
	if n := len(read[struct{ Vulnerabilities []any }](u, "stepseal-out/scan.cdx.json").Vulnerabilities); n < 30 {
		t.Errorf("%d vulnerabilities, want at least 30", n)
	}
	matchesSchema(t, scanned, cycloneDXSchema)
	for name, view := range map[string]report.View{"empty": reporttest.Empty(), "one": reporttest.One(), "storefront": reporttest.Storefront(), "hostile": reporttest.Hostile()} {
		doc, err := report.CycloneDX(view)
		if err != nil {
			t.Fatal(err)
		}
		path := u.path(name + ".cdx.json")
		if err := os.WriteFile(path, doc, 0o644); err != nil {
			t.Fatal(err)
		}
		matchesSchema(t, path, cycloneDXSchema)
	}
}

func matchesSchema(t *testing.T, path string, by schema) {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	for _, file := range by {
		content := document(t, filepath.Join(moduleFolder(t, file.module), file.path))
		if err := compiler.AddResource(file.address, content); err != nil {
			t.Fatal(err)
		}
	}
	compiled, err := compiler.Compile(by[0].address)
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled.Validate(document(t, path)); err != nil {
		t.Errorf("%s: %v", filepath.Base(path), err)
	}
}

func document(t *testing.T, path string) any {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	content, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return content
}

func moduleFolder(t *testing.T, module string) string {
	t.Helper()
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module)
	cmd.Stderr = os.Stderr
	folder, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list -m %s: %v", module, err)
	}
	return strings.TrimSpace(string(folder))
}
