package admission_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	kubernetes "sigs.k8s.io/yaml"

	"github.com/stepseal/stepseal/internal/admission"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/trust"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestASectionIsRenderedAsItsGoldenFileSays(t *testing.T) {
	kyverno, validating, controller := admission.Kyverno, admission.KyvernoImageValidating, admission.PolicyController
	for _, c := range []struct {
		name    string
		section trust.Section
		format  string
		kinds   []admission.Kind
	}{
		{"key", keyOnly(), "both", []admission.Kind{kyverno, validating, controller, admission.ValidatingAdmissionPolicy}},
		{"key-bundle", keyOnly(), "bundle", []admission.Kind{kyverno}},
		{"kms", inKMS(), "both", []admission.Kind{kyverno, validating, controller}},
		{"public", publicSigstore(t), "bundle", []admission.Kind{kyverno, validating, controller}},
		{"public-legacy", publicSigstore(t), "legacy", []admission.Kind{kyverno, validating, controller}},
		{"private", privateSigstore(t), "both", []admission.Kind{kyverno, validating, controller}},
		{"timestamped", timestamped(t), "both", []admission.Kind{kyverno, validating, controller}},
		{"certified", certified(t), "both", []admission.Kind{kyverno, validating}},
		{"thresholds", thresholds(), "both", []admission.Kind{kyverno, validating, controller}},
		{"everything", everything(), "both", []admission.Kind{kyverno, validating, controller}},
		{"hostile", hostile(t), "legacy", []admission.Kind{validating, controller}},
	} {
		for _, kind := range c.kinds {
			t.Run(c.name+"/"+string(kind), func(t *testing.T) {
				o := options()
				o.Format = c.format
				policy := rendered(t, kind, c.section, o)
				golden(t, c.name+"."+string(kind)+".yaml", policy.Document)
				wellFormed(t, kind, policy)
			})
		}
	}
}

func rendered(t testing.TB, kind admission.Kind, section trust.Section, o admission.Options) admission.Policy {
	t.Helper()
	policy, err := admission.Render(kind, section, material(t), o)
	if err != nil {
		t.Fatal(err)
	}
	return policy
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// documents are the YAML documents, each read as Kubernetes reads them: without a key twice.
func documents(t testing.TB, policy admission.Policy) (all []map[string]any) {
	t.Helper()
	for i, part := range bytes.Split(policy.Document, []byte("\n---\n")) {
		if i == 0 {
			continue // the comment on top
		}
		var doc map[string]any
		if err := kubernetes.UnmarshalStrict(append(bytes.Clone(part), '\n'), &doc); err != nil {
			t.Fatalf("%v in\n%s", err, part)
		}
		all = append(all, doc)
	}
	return all
}

// wellFormed: two readers of YAML see the same, the notes are on top, and every key is one that the engine knows.
func wellFormed(t *testing.T, kind admission.Kind, policy admission.Policy) {
	t.Helper()
	read := documents(t, policy)
	dec := yaml.NewDecoder(bytes.NewReader(policy.Document))
	for _, want := range read {
		var got map[string]any
		if err := dec.Decode(&got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(asJSON(t, want), asJSON(t, got)); diff != "" {
			t.Errorf("YAML 1.1 and 1.2 differ:\n%s", diff)
		}
	}
	for _, note := range policy.Notes {
		if !bytes.Contains(policy.Document, []byte("# - "+note+"\n")) || !strings.HasSuffix(note, ".") {
			t.Errorf("the note %q is not on top, or no sentence", note)
		}
	}
	for _, doc := range read {
		typed(t, doc)
	}
	if kind != admission.ValidatingAdmissionPolicy && len(read) == 0 {
		t.Error("no document")
	}
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	text, err := kubernetes.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// typed reads policy-controller's kinds by their custom resource definitions' keys. The others' are read by their types in
// test/kyverno, for which a fuzz target's package has no room.
func typed(t *testing.T, doc map[string]any) {
	t.Helper()
	if doc["kind"] == "ClusterImagePolicy" || doc["kind"] == "TrustRoot" {
		known(t, doc["spec"])
	}
}

// https://github.com/sigstore/policy-controller/tree/v0.14.0/pkg/apis/policy
const policyControllerKeys = " images glob mode authorities name key data kms hashAlgorithm keyless url trustRootRef insecureIgnoreSCT identities issuer issuerRegExp " +
	"subject subjectRegExp ctlog rfc3161timestamp signatureFormat attestations predicateType policy type " +
	"sigstoreKeys certificateAuthorities tLogs ctLogs timestampAuthorities organization commonName uri certChain baseURL hashAlgorithm publicKey "

func known(t *testing.T, v any) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if !strings.Contains(policyControllerKeys, " "+key+" ") {
				t.Errorf("policy-controller knows no key %s", key)
			}
			known(t, value)
		}
	case []any:
		for _, item := range v {
			known(t, item)
		}
	}
}

func TestTheSameInputGivesTheSameBytes(t *testing.T) {
	for _, kind := range admission.Kinds {
		a, b := rendered(t, kind, everythingFor(kind), options()), rendered(t, kind, everythingFor(kind), options())
		if !bytes.Equal(a.Document, b.Document) {
			t.Errorf("%s differs", kind)
		}
	}
}

func everythingFor(kind admission.Kind) trust.Section {
	s := everything()
	if kind == admission.PolicyController {
		s.Authorities[0] = trust.Authority{Name: "release-key", Source: trust.PublicSigstore}
		s.Signers[0].Issuer, s.Signers[0].Subject = trust.Exactly(github), trust.Exactly("https://github.com/acme/api/.github/workflows/release.yml@refs/heads/main")
	}
	return s
}

func TestWhatAnEngineCannotSayIsRefused(t *testing.T) {
	keyless := func(change func(*trust.Section)) trust.Section {
		s := publicSigstore(t)
		change(&s)
		return s
	}
	source := func(s *trust.Section) { s.Signers[0].SourceRepository = trust.Exactly("https://github.com/acme/api") }
	elsewhere := func(s *trust.Section) { s.Signers[0].SourceRepository = trust.Exactly("https://gitlab.com/acme/api") }
	pattern := func(s *trust.Section) {
		s.Signers[0].SourceRef = expressionOf(t, trust.SourceRef, `^refs/tags/v[0-9]+$`)
	}
	caller := func(s *trust.Section) {
		s.Signers[0].CallerWorkflow = trust.Exactly("https://github.com/acme/api/x.yml@refs/heads/main")
	}
	unlogged := func(s *trust.Section) { s.Authorities[0].WithoutLog = true }
	variable := func(s *trust.Section) { s.Signers[0].Subject = trust.Exactly("https://x.example/{{ request.object }}") }
	for _, c := range []struct {
		name    string
		kind    admission.Kind
		format  string
		section trust.Section
		want    string
	}{
		{"the source of bundles, to ClusterPolicy", admission.Kyverno, "bundle", keyless(source), "source-repository and source-ref"},
		{"the source elsewhere than on GitHub, to ClusterPolicy", admission.Kyverno, "legacy", keyless(elsewhere), "exact texts of GitHub's alone"},
		{"a pattern of a source, to ClusterPolicy", admission.Kyverno, "legacy", keyless(pattern), "exact texts of GitHub's alone"},
		{"the caller, to ClusterPolicy", admission.Kyverno, "legacy", keyless(caller), "the caller-workflow"},
		{"the source, to ImageValidatingPolicy", admission.KyvernoImageValidating, "bundle", keyless(source), "does not look at them"},
		{"the source, to policy-controller", admission.PolicyController, "bundle", keyless(source), "source-repository"},
		{"bundles of a Sigstore of one's own, to ClusterPolicy", admission.Kyverno, "bundle", privateSigstore(t), "the root of the authority corp for bundles"},
		{"bundles of a Sigstore of one's own, to policy-controller", admission.PolicyController, "bundle", privateSigstore(t), "the logs of the authority corp for bundles"},
		{"bundles beside a certificate log of one's own, to policy-controller", admission.PolicyController, "bundle", certificateLogAlone(t), "the logs of the authority corp for bundles"},
		{"bundles by a key, to policy-controller", admission.PolicyController, "bundle", keyOnly(), "bundles by the key release-key"},
		{"attestations by a key in .att tags, to ImageValidatingPolicy", admission.KyvernoImageValidating, "legacy", keyOnly(), "in .att tags"},
		{"signatures in no log in .sig tags, to ImageValidatingPolicy", admission.KyvernoImageValidating, "legacy", signaturesAlone(timestamped(t)), "the time of a log alone"},
		{"timestamps of certificates in .sig tags, to ImageValidatingPolicy", admission.KyvernoImageValidating, "legacy", signaturesAlone(certified(t)), "the time of a log alone"},
		{"certificates without timestamps, to ImageValidatingPolicy", admission.KyvernoImageValidating, "both", unstamped(t), "demands a timestamp of each"},
		{"the public Sigstore without its log, to ClusterPolicy", admission.Kyverno, "legacy", keyless(unlogged), "without its log"},
		{"the public Sigstore without its log, to policy-controller", admission.PolicyController, "bundle", keyless(unlogged), "without its log"},
		{"certificates, to policy-controller", admission.PolicyController, "both", certified(t), "certificates of a CA"},
		{"text that Kyverno takes for a variable", admission.Kyverno, "legacy", keyless(variable), "sees a variable"},
		{"text that Kyverno takes for a wildcard", admission.Kyverno, "legacy", hostileBuilder("https://b.example/*"), "a wildcard"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options()
			o.Format = c.format
			refused(t, c.kind, c.section, material(t), o, c.want)
		})
	}
}

func certificateLogAlone(t *testing.T) trust.Section {
	s := timestamped(t)
	s.Authorities[0].WithoutCTLog = false
	return s
}

func unstamped(t *testing.T) trust.Section {
	s := certified(t)
	s.Authorities[0].TimestampAuthority = ""
	return s
}

func signaturesAlone(s trust.Section) trust.Section {
	s.Evidence = demand(trust.Signature)
	return s
}

func hostileBuilder(builder string) trust.Section {
	s := keyOnly()
	s.Evidence = []trust.Demand{{Kind: trust.Provenance, Threshold: 1, Builders: []string{builder}}}
	return s
}

func refused(t *testing.T, kind admission.Kind, section trust.Section, m admission.Material, o admission.Options, want string) {
	t.Helper()
	policy, err := admission.Render(kind, section, m, o)
	if err == nil {
		t.Fatalf("it was rendered:\n%s", policy.Document)
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("%q does not say %q", err, want)
	}
	if e := outcome.Of(err); e == nil || e.Ending() != outcome.Misused {
		t.Errorf("%v is not a mistake of who asks", err)
	}
}

func TestTheSourceOnGitHubIsSaidInKyvernosWords(t *testing.T) {
	s := publicSigstore(t)
	s.Signers[0].SourceRepository, s.Signers[0].SourceRef = trust.Exactly("https://github.com/acme/api"), trust.Exactly("refs/heads/main")
	o := options()
	o.Format = "legacy"
	document := string(rendered(t, admission.Kyverno, s, o).Document)
	for _, want := range []string{"githubWorkflowRepository: acme/api\n", "githubWorkflowRef: refs/heads/main\n"} {
		if !strings.Contains(document, want) {
			t.Errorf("no %s in\n%s", want, document)
		}
	}
}

func TestAuditLetsInAndReports(t *testing.T) {
	for kind, want := range map[admission.Kind][]string{
		admission.Kyverno:                   {"failureAction: Audit", "mutateDigest: false"},
		admission.KyvernoImageValidating:    {"- Audit", "mutateDigest: false"},
		admission.PolicyController:          {"mode: warn"},
		admission.ValidatingAdmissionPolicy: {"- Warn\n    - Audit"},
	} {
		o := options()
		o.Audit, o.Format, o.Namespaces = true, "both", []string{"shop"}
		document := string(rendered(t, kind, keyOnly(), o).Document)
		for _, text := range append(want, "shop") {
			if !strings.Contains(document, text) {
				t.Errorf("%s: no %q in\n%s", kind, text, document)
			}
		}
	}
}
