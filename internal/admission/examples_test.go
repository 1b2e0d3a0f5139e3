package admission_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/admission"
	"github.com/stepseal/stepseal/internal/trust"
)

func TestTheExamplesAreWhatTheirSectionGives(t *testing.T) {
	section := keyOnly()
	section.Evidence = demand(trust.Signature, trust.SBOM)
	for file, kind := range map[string]admission.Kind{
		"require-signed-with-sbom.yaml": admission.Kyverno,
		"image-validating.yaml":         admission.KyvernoImageValidating,
		"registries.yaml":               admission.ValidatingAdmissionPolicy,
	} {
		policy := rendered(t, kind, section, admission.Options{Name: "require-signed-with-sbom", Images: []string{"registry.example.com/team/*"}, Format: "both"})
		path := filepath.Join("..", "..", "examples", "kyverno", file)
		if *update {
			if err := os.WriteFile(path, policy.Document, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(policy.Document)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}
