package stepseal_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/stepseal/stepseal/"

// mayImport is the import table: who may import whom, inside the module. docs/architecture.md draws it.
var mayImport = map[string][]string{
	"cmd/stepseal":          {"internal/command", "internal/demo", "internal/host", "internal/host/plain", "internal/outcome", "internal/step", "internal/steps"},
	"cmd/generate":          {"internal/demo", "internal/manifest", "internal/step", "internal/steps"},
	"internal/command":      {"internal/outcome", "internal/step"},
	"internal/manifest":     {"internal/command", "internal/outcome", "internal/step"},
	"internal/demo":         {"internal/advisory/testset", "internal/evidence", "internal/image", "internal/outcome", "internal/registrytest", "internal/scan", "internal/step", "internal/steps"},
	"internal/steps":        {"internal/evidence", "internal/image", "internal/outcome", "internal/policy", "internal/report", "internal/sbom", "internal/scan", "internal/signing", "internal/step"},
	"internal/host":         {"internal/host/plain", "internal/step"},
	"internal/host/plain":   {"internal/outcome", "internal/step"},
	"internal/step":         {"internal/outcome"},
	"internal/signing":      {"internal/evidence", "internal/image", "internal/outcome", "internal/strictjson"},
	"internal/scan":         {"internal/advisory", "internal/outcome", "internal/policy", "internal/sbom", "internal/strictjson"},
	"internal/sbom":         {"internal/evidence", "internal/image", "internal/outcome", "internal/strictjson"},
	"internal/advisory":     {"internal/outcome", "internal/strictjson"},
	"internal/policy":       {"internal/evidence", "internal/outcome"},
	"internal/report":       {"internal/evidence", "internal/outcome", "internal/policy"},
	"internal/evidence":     {"internal/outcome", "internal/strictjson"},
	"internal/image":        {"internal/outcome"},
	"internal/outcome":      {},
	"internal/strictjson":   {},
	"internal/registrytest": {},

	"internal/advisory/testset": {},
}

// doors are the modules that one package alone may import, so that an API of theirs that moves is one package's work.
// scan is let into syft: it hands the catalogue in memory straight to grype.
var doors = map[string][]string{
	"github.com/anchore/syft":               {"internal/sbom", "internal/scan"},
	"github.com/anchore/stereoscope":        {"internal/sbom"},
	"github.com/anchore/grype":              {"internal/scan"},
	"github.com/sigstore/cosign":            {"internal/signing"},
	"github.com/sigstore/sigstore-go":       {"internal/signing"},
	"github.com/sigstore/sigstore":          {"internal/signing"},
	"github.com/spf13/cobra":                {"internal/command", "internal/manifest"},
	"github.com/sethvargo/go-githubactions": {},
	"github.com/tektoncd/pipeline":          {},
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	var packages []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

func TestImportsFollowTheTable(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if name == p.ImportPath {
			continue // the root holds no code
		}
		seen[name] = true
		allowed, ok := mayImport[name]
		if !ok {
			t.Errorf("%s is not in the table", name)
		}
		for _, imported := range p.Imports {
			if inside, ok := strings.CutPrefix(imported, module); ok && !slices.Contains(allowed, inside) {
				t.Errorf("%s imports %s, which the table does not allow", name, inside)
			}
			for door, holders := range doors {
				if (imported == door || strings.HasPrefix(imported, door+"/")) && !slices.Contains(holders, name) {
					t.Errorf("%s imports %s; only %v may", name, imported, holders)
				}
			}
		}
	}
	for name := range mayImport {
		if !seen[name] {
			t.Errorf("the table names %s, which does not exist", name)
		}
	}
}
