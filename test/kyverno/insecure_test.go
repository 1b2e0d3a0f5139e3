package kyverno

import (
	"encoding/base64"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/stepseal/stepseal/internal/admission"
	"github.com/stepseal/stepseal/internal/tuf/tuftest"
)

// insecure lets Kyverno speak HTTP with the registry of the tests, and changes nothing else.
func insecure(t *testing.T, kind admission.Kind, policy []byte) []byte {
	t.Helper()
	credentials := map[string]any{"allowInsecureRegistry": true}
	return changed(t, policy, func(spec map[string]any) {
		if kind == admission.KyvernoImageValidating {
			spec["credentials"] = credentials
			return
		}
		for _, rule := range spec["rules"].([]any) {
			for _, check := range rule.(map[string]any)["verifyImages"].([]any) {
				check.(map[string]any)["imageRegistryCredentials"] = credentials
			}
		}
	})
}

// mirrored has an ImageValidatingPolicy ask a mirror for what it would ask the public Sigstore's TUF repository for.
func mirrored(t *testing.T, policy []byte, mirror *tuftest.Repository) []byte {
	t.Helper()
	tuf := map[string]any{"mirror": mirror.URL, "root": map[string]any{"data": base64.StdEncoding.EncodeToString(mirror.Root())}}
	return changed(t, policy, func(spec map[string]any) {
		for _, attestor := range spec["attestors"].([]any) {
			attestor.(map[string]any)["cosign"].(map[string]any)["tuf"] = tuf
		}
	})
}

func changed(t *testing.T, policy []byte, change func(spec map[string]any)) []byte {
	t.Helper()
	var doc map[string]any
	if err := yaml.Unmarshal(policy, &doc); err != nil {
		t.Fatal(err)
	}
	change(doc["spec"].(map[string]any))
	out, err := yaml.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// mirror is a TUF repository with a Sigstore's root.
func mirror(t *testing.T, trustedRoot []byte) *tuftest.Repository {
	t.Helper()
	repository, err := tuftest.Start(map[string][]byte{"trusted_root.json": trustedRoot})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(repository.Close)
	return repository
}
