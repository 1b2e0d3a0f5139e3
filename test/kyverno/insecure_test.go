package kyverno

import (
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/stepseal/stepseal/internal/admission"
)

// insecure lets Kyverno speak HTTP with the registry of the tests, and changes nothing else.
func insecure(t *testing.T, kind admission.Kind, policy []byte) []byte {
	t.Helper()
	var doc map[string]any
	if err := yaml.Unmarshal(policy, &doc); err != nil {
		t.Fatal(err)
	}
	spec := doc["spec"].(map[string]any)
	credentials := map[string]any{"allowInsecureRegistry": true}
	if kind == admission.KyvernoImageValidating {
		spec["credentials"] = credentials
	} else {
		for _, rule := range spec["rules"].([]any) {
			for _, check := range rule.(map[string]any)["verifyImages"].([]any) {
				check.(map[string]any)["imageRegistryCredentials"] = credentials
			}
		}
	}
	out, err := yaml.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
