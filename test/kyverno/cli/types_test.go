// Package cli builds Kyverno's command line, and reads the golden policies by the types of the engines.
package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	policiesv1 "github.com/kyverno/api/api/policies.kyverno.io/v1"
	kyvernov1 "github.com/kyverno/kyverno/api/kyverno/v1"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/rules"
	"sigs.k8s.io/yaml"
)

// goldens are the rendered policies of a kind, from the tests of internal/admission and from the examples.
func goldens(t *testing.T, pattern ...string) (documents [][]byte) {
	t.Helper()
	for _, p := range pattern {
		files, err := filepath.Glob(p)
		if err != nil || len(files) == 0 {
			t.Fatalf("no %s: %v", p, err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			documents = append(documents, bytes.Split(content, []byte("\n---\n"))[1:]...)
		}
	}
	return documents
}

func TestClusterPoliciesAreReadByTheirType(t *testing.T) {
	for _, raw := range goldens(t, "../../../internal/admission/testdata/*.kyverno.yaml", "../../../examples/kyverno/require-signed-with-sbom.yaml") {
		var policy kyvernov1.ClusterPolicy
		if err := yaml.UnmarshalStrict(raw, &policy); err != nil {
			t.Fatalf("%v in\n%s", err, raw)
		}
		for _, rule := range policy.Spec.Rules {
			for _, check := range rule.VerifyImages {
				if errs := check.Validate(false, field.NewPath("verifyImages")); len(errs) > 0 {
					t.Errorf("%v in\n%s", errs, raw)
				}
			}
		}
		if len(policy.Spec.Rules) == 0 {
			t.Errorf("no rules in\n%s", raw)
		}
	}
}

func TestImageValidatingPoliciesAreReadByTheirType(t *testing.T) {
	for _, raw := range goldens(t, "../../../internal/admission/testdata/*.kyverno-image-validating.yaml", "../../../examples/kyverno/image-validating.yaml") {
		var policy policiesv1.ImageValidatingPolicy
		if err := yaml.UnmarshalStrict(raw, &policy); err != nil {
			t.Fatalf("%v in\n%s", err, raw)
		}
		if len(policy.Spec.Validations) == 0 || len(policy.Spec.Validations) != len(policy.Spec.Attestations) {
			t.Errorf("%d validations in\n%s", len(policy.Spec.Validations), raw)
		}
	}
}

// kubectl debug puts a container into a running pod by the subresource, which a rule for pods alone does not match.
func TestImageValidatingPoliciesLookAtDebugContainers(t *testing.T) {
	pods := schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	requests := map[string]admission.Attributes{
		"create a pod":          admission.NewAttributesRecord(nil, nil, schema.GroupVersionKind{}, "shop", "web", pods, "", admission.Create, nil, false, nil),
		"debug a pod":           admission.NewAttributesRecord(nil, nil, schema.GroupVersionKind{}, "shop", "web", pods, "ephemeralcontainers", admission.Update, nil, false, nil),
		"report a pod's status": admission.NewAttributesRecord(nil, nil, schema.GroupVersionKind{}, "shop", "web", pods, "status", admission.Update, nil, false, nil),
	}
	for _, raw := range goldens(t, "../../../internal/admission/testdata/*.kyverno-image-validating.yaml", "../../../examples/kyverno/image-validating.yaml") {
		var policy policiesv1.ImageValidatingPolicy
		if err := yaml.UnmarshalStrict(raw, &policy); err != nil {
			t.Fatal(err)
		}
		for name, request := range requests {
			matched := slices.ContainsFunc(policy.Spec.MatchConstraints.ResourceRules, func(r admissionv1.NamedRuleWithOperations) bool {
				return (&rules.Matcher{Rule: r.RuleWithOperations, Attr: request}).Matches()
			})
			if want := name != "report a pod's status"; matched != want {
				t.Errorf("%s: looked at %t, want %t, in\n%s", name, matched, want, raw)
			}
		}
	}
}

func TestKubernetesPoliciesAreReadByTheirType(t *testing.T) {
	for i, raw := range goldens(t, "../../../internal/admission/testdata/*.validating-admission-policy.yaml", "../../../examples/kyverno/registries.yaml") {
		into := any(new(admissionv1.ValidatingAdmissionPolicy))
		if i%2 == 1 {
			into = new(admissionv1.ValidatingAdmissionPolicyBinding)
		}
		if err := yaml.UnmarshalStrict(raw, into); err != nil {
			t.Fatalf("%v in\n%s", err, raw)
		}
	}
}

// policy-controller hands Rego to cosign, which evaluates it on a statement.
func TestRegoTakesWhatVerifyTakes(t *testing.T) {
	modules := regoModules(t)
	for kind, good := range statements() {
		module, ok := modules[kind]
		if !ok {
			t.Fatalf("no module for %s", kind)
		}
		if !evaluate(t, module, good) {
			t.Errorf("%s is not taken:\n%s", kind, module)
		}
		for path, bad := range broken(t, good) {
			if evaluate(t, module, bad) && looksAt(kind, path) {
				t.Errorf("%s is taken without %s:\n%s", kind, path, module)
			}
		}
	}
}

// regoModules are those of the policy that demands everything, by the name of the kind.
func regoModules(t *testing.T) map[string]string {
	t.Helper()
	modules := map[string]string{}
	for _, raw := range goldens(t, "../../../internal/admission/testdata/everything.policy-controller.yaml") {
		var policy struct {
			Spec struct {
				Authorities []struct {
					Attestations []struct {
						Name   string
						Policy struct{ Data string }
					}
				}
			}
		}
		if err := yaml.Unmarshal(raw, &policy); err != nil {
			t.Fatal(err)
		}
		for _, a := range policy.Spec.Authorities {
			for _, attestation := range a.Attestations {
				modules[attestation.Name] = attestation.Policy.Data
			}
		}
	}
	return modules
}

const hex = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// statements fit everything.policy-controller.yaml.
func statements() map[string]map[string]any {
	now := time.Now().UTC().Format(time.RFC3339)
	about := func(predicate map[string]any) map[string]any {
		return map[string]any{"subject": []any{map[string]any{"digest": map[string]any{"sha256": hex}}}, "predicate": predicate}
	}
	type object = map[string]any
	return map[string]map[string]any{
		"sbom": about(object{"bomFormat": "CycloneDX", "metadata": object{"component": object{"version": "sha256:" + hex}}}),
		"scan": about(object{
			"scanner":  object{"result": object{"schema": "stepseal.scan/v1", "verdict": "accepted", "policyDigest": "sha256:" + hex, "subject": object{"digest": "sha256:" + hex}}},
			"metadata": object{"scanFinishedOn": now},
		}),
		"provenance":           about(object{"runDetails": object{"builder": object{"id": "https://tekton.acme.example/chains"}}}),
		"verification-summary": about(object{"verificationResult": "PASSED", "verifier": object{"id": "https://verify.acme.example"}, "policy": object{"digest": object{"sha256": hex}}, "timeVerified": now}),
	}
}

// looksAt: the digest of the subject is compared with what an SBOM and a scan say, and by cosign with the image.
func looksAt(kind, path string) bool {
	return !strings.HasPrefix(path, "subject") || kind == "sbom" || kind == "scan"
}

// broken are the statement with one text missing, or another.
func broken(t *testing.T, good map[string]any) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{}
	for _, path := range leaves(good, "") {
		for name, value := range map[string]any{"missing": nil, "other": "other", "old": "2020-01-01T00:00:00Z", "future": "2990-01-01T00:00:00Z"} {
			all[path+" "+name] = changed(t, good, strings.Split(path, "."), value)
		}
	}
	return all
}

func leaves(v any, path string) (all []string) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			all = append(all, leaves(value, strings.TrimPrefix(path+"."+key, "."))...)
		}
	case []any:
		return leaves(v[0], path)
	default:
		return []string{path}
	}
	return all
}

func changed(t *testing.T, good map[string]any, path []string, value any) map[string]any {
	t.Helper()
	raw, err := json.Marshal(good)
	if err != nil {
		t.Fatal(err)
	}
	var copied map[string]any
	if err := json.Unmarshal(raw, &copied); err != nil {
		t.Fatal(err)
	}
	at := copied
	for _, key := range path[:len(path)-1] {
		switch next := at[key].(type) {
		case map[string]any:
			at = next
		case []any:
			at = next[0].(map[string]any)
		}
	}
	if value == nil {
		delete(at, path[len(path)-1])
	} else {
		at[path[len(path)-1]] = value
	}
	return copied
}

// evaluate is what cosign does with such a module.
// https://github.com/sigstore/cosign/blob/v2.6.5/pkg/cosign/rego/rego.go
func evaluate(t *testing.T, module string, statement map[string]any) bool {
	t.Helper()
	query, err := rego.New(rego.Query("isCompliant = data.sigstore.isCompliant"), rego.Module("sigstore.rego", module), rego.SetRegoVersion(ast.RegoV0)).PrepareForEval(t.Context())
	if err != nil {
		t.Fatalf("%v in\n%s", err, module)
	}
	results, err := query.Eval(t.Context(), rego.EvalInput(statement))
	if err != nil {
		return false
	}
	for _, r := range results {
		if r.Bindings["isCompliant"] == true {
			return true
		}
	}
	return false
}
