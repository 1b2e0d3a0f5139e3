package stepseal_test

import (
	"cmp"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/stepseal/stepseal/"

// mayImport is the import table: who may import whom, inside the module. docs/architecture.md draws it.
var mayImport = map[string][]string{
	"cmd/stepseal":                      {"cmd/stepseal/internal/program"},
	"cmd/stepseal/internal/program":     {"internal/command", "internal/demo", "internal/host", "internal/host/plain", "internal/memory", "internal/outcome", "internal/render", "internal/step", "internal/steps"},
	"cmd/stepseal/internal/transcripts": {"cmd/stepseal/internal/program", "internal/advisory/testset", "internal/demo", "internal/evidence", "internal/image", "internal/kms/kmstest", "internal/outcome", "internal/registrytest", "internal/scan", "internal/sigstoretest", "internal/step", "internal/steps", "internal/tuf/tuftest"},
	"cmd/generate":                      {"internal/demo", "internal/manifest", "internal/pin", "internal/render", "internal/step", "internal/steps"},
	"internal/command":                  {"internal/outcome", "internal/step"},
	"internal/manifest":                 {"internal/command", "internal/host/tekton", "internal/identity", "internal/outcome", "internal/pin", "internal/step"},
	"internal/pin":                      {},
	"internal/render":                   {"internal/outcome", "internal/pin", "internal/step"},
	"internal/demo":                     {"internal/advisory/testset", "internal/evidence", "internal/image", "internal/outcome", "internal/registrytest", "internal/scan", "internal/sigstoretest", "internal/step", "internal/steps"},
	"internal/steps":                    {"internal/admission", "internal/credentials", "internal/docker", "internal/evidence", "internal/identity", "internal/identity/spiffe", "internal/image", "internal/kms", "internal/kms/cloud", "internal/licence", "internal/lifetime", "internal/lineage", "internal/markdown", "internal/memory", "internal/mirror", "internal/outcome", "internal/policy", "internal/policyfile", "internal/provenance", "internal/report", "internal/sbom", "internal/scan", "internal/signing", "internal/step", "internal/trust", "internal/tuf", "internal/vex"},
	"internal/host":                     {"internal/host/actions", "internal/host/gitlab", "internal/host/jenkins", "internal/host/plain", "internal/host/tekton", "internal/step"},
	"internal/host/actions":             {"internal/host/plain", "internal/markdown", "internal/outcome", "internal/step"},
	"internal/host/gitlab":              {"internal/host/plain", "internal/step"},
	"internal/host/jenkins":             {"internal/host/plain", "internal/step"},
	"internal/host/tekton":              {"internal/host/plain", "internal/outcome", "internal/step"},
	"internal/host/plain":               {"internal/outcome", "internal/step"},
	"internal/step":                     {"internal/markdown", "internal/outcome", "internal/strictjson"},
	"internal/signing":                  {"internal/evidence", "internal/image", "internal/lifetime", "internal/outcome", "internal/provenance", "internal/strictjson", "internal/trust"},
	"internal/scan":                     {"internal/advisory", "internal/evidence", "internal/mirror", "internal/outcome", "internal/policy", "internal/sbom", "internal/strictjson"},
	"internal/sbom":                     {"internal/evidence", "internal/graph", "internal/image", "internal/memory", "internal/outcome", "internal/strictjson", "internal/stricttext"},
	"internal/licence":                  {},
	"internal/lifetime":                 {},
	"internal/lineage":                  {"internal/graph", "internal/strictjson"},
	"internal/graph":                    {},
	"internal/advisory":                 {"internal/outcome", "internal/strictjson"},
	"internal/policy":                   {"internal/licence", "internal/outcome", "internal/vex"},
	"internal/policyfile":               {"internal/policy", "internal/strictyaml"},
	"internal/trust":                    {"internal/evidence", "internal/strictyaml"},
	"internal/identity":                 {"internal/outcome", "internal/strictjson"},
	"internal/identity/spiffe":          {},
	"internal/provenance":               {"internal/strictjson"},
	"internal/admission":                {"internal/evidence", "internal/outcome", "internal/strictjson", "internal/trust"},
	"internal/kms":                      {"internal/outcome"},
	"internal/kms/cloud":                {"internal/kms", "internal/outcome"},
	"internal/kms/kmstest":              {},
	"internal/tuf":                      {"internal/outcome", "internal/strictjson"},
	"internal/tuf/tuftest":              {},
	"internal/vex":                      {"internal/outcome", "internal/strictjson"},
	"internal/report":                   {"internal/evidence", "internal/markdown", "internal/outcome", "internal/policy", "internal/strictjson", "internal/vex"},
	"internal/report/reporttest":        {"internal/policy", "internal/report", "internal/vex"},
	"internal/markdown":                 {},
	"internal/evidence":                 {"internal/outcome", "internal/strictjson"},
	"internal/image":                    {"internal/outcome"},
	"internal/docker":                   {"internal/outcome"},
	"internal/credentials":              {"internal/outcome", "internal/strictjson"},
	"internal/memory":                   {},
	"internal/mirror":                   {"internal/outcome", "internal/strictjson"},
	"internal/outcome":                  {},
	"internal/workflowlint":             {},
	"internal/strictjson":               {},
	"internal/stricttext":               {},
	"internal/strictyaml":               {},
	"internal/registrytest":             {},
	"internal/sigstoretest":             {},

	"internal/advisory/testset": {},
}

// doors are the modules that one package alone may import, so that an API of theirs that moves is one package's work.
// scan is let into syft: it hands the catalogue in memory straight to grype. sigstoretest is let into Sigstore's modules: it
// is their other side, and shares no types with signing.
var doors = map[string][]string{
	"github.com/anchore/syft":               {"internal/sbom", "internal/scan"},
	"github.com/anchore/stereoscope":        {"internal/sbom"},
	"github.com/anchore/grype":              {"internal/scan"},
	"github.com/moby/moby":                  {"internal/docker"},
	"github.com/github/go-spdx":             {"internal/licence"},
	"github.com/docker":                     {"internal/credentials"},
	"github.com/sigstore/cosign":            {"internal/signing"},
	"github.com/sigstore/sigstore-go":       {"internal/signing", "internal/sigstoretest", "internal/tuf"},
	"github.com/sigstore/sigstore":          {"internal/kms/cloud", "internal/signing", "internal/sigstoretest", "internal/tuf/tuftest"},
	"github.com/sigstore/fulcio":            {"internal/sigstoretest"},
	"github.com/sigstore/rekor":             {"internal/signing", "internal/sigstoretest"},
	"github.com/sigstore/rekor-tiles":       {"internal/signing", "internal/sigstoretest"},
	"github.com/theupdateframework/go-tuf":  {"internal/tuf", "internal/tuf/tuftest"},
	"github.com/spiffe/go-spiffe":           {"internal/identity/spiffe"},
	"github.com/spf13/cobra":                {"internal/command", "internal/manifest"},
	"github.com/sethvargo/go-githubactions": {"internal/host/actions"},
	"github.com/tektoncd/pipeline":          {"internal/manifest"},
}

// imports reads what every package imports, without its tests. Parsing the files, and not asking the go command, lets
// the test's cache see when one of them changes.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, root := range []string{"cmd", "internal"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() && entry.Name() == "testdata" {
				return cmp.Or(err, fs.SkipDir)
			}
			if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
			if err != nil {
				return err
			}
			name := filepath.ToSlash(filepath.Dir(path))
			if found[name] == nil {
				found[name] = []string{}
			}
			for _, imported := range file.Imports {
				found[name] = append(found[name], strings.Trim(imported.Path.Value, `"`))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func TestImportsFollowTheTable(t *testing.T) {
	found := imports(t)
	for name, list := range found {
		allowed, ok := mayImport[name]
		if !ok {
			t.Errorf("%s is not in the table", name)
		}
		for _, imported := range list {
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
		if found[name] == nil {
			t.Errorf("the table names %s, which does not exist", name)
		}
	}
}
