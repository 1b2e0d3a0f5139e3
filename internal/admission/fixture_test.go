package admission_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stepseal/stepseal/internal/admission"
	"github.com/stepseal/stepseal/internal/trust"
)

const github = "https://token.actions.githubusercontent.com"

func read(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "material", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func expression(t testing.TB, text string) trust.Pattern { return expressionOf(t, trust.Subject, text) }

func expressionOf(t testing.TB, claim trust.Claim, text string) trust.Pattern {
	t.Helper()
	p, err := trust.ParsePattern(claim, text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// material is what lies in every file that the sections of the tests name.
func material(t testing.TB) admission.Material {
	return admission.Material{
		Sources: map[string][]byte{
			"release-key": read(t, "release.pub"), "audit-key": read(t, "audit.pub"), "night-key": read(t, "night.pub"),
			"corp": read(t, "trusted_root.json"), "pki": read(t, "chain.pem"),
		},
		TimestampAuthorities: map[string][]byte{"pki": read(t, "tsa.pem")},
	}
}

func byKey(name string) (trust.Authority, trust.Signer) {
	return trust.Authority{Name: name + "-key", Source: trust.PublicKey, Value: "keys/" + name + ".pub"}, trust.Signer{Name: name, Authority: name + "-key"}
}

func demand(kinds ...trust.Kind) (all []trust.Demand) {
	for _, k := range kinds {
		all = append(all, trust.Demand{Kind: k, Threshold: 1})
	}
	return all
}

func keyOnly() trust.Section {
	authority, signer := byKey("release")
	return trust.Section{Authorities: []trust.Authority{authority}, Signers: []trust.Signer{signer}, Evidence: demand(trust.Signature, trust.SBOM, trust.Scan)}
}

// workflow is a signer by the release workflow of a repository on GitHub.
func workflow(t testing.TB, authority string) trust.Signer {
	return trust.Signer{Name: "release", Authority: authority, Issuer: trust.Exactly(github),
		Subject: expression(t, `^https://github\.com/acme/api/\.github/workflows/release\.yml@refs/tags/v[0-9]+\.[0-9]+$`)}
}

func publicSigstore(t testing.TB) trust.Section {
	return trust.Section{
		Authorities: []trust.Authority{{Name: "public", Source: trust.PublicSigstore}},
		Signers:     []trust.Signer{workflow(t, "public")},
		Evidence:    demand(trust.Signature, trust.SBOM),
	}
}

func privateSigstore(t testing.TB) trust.Section {
	s := publicSigstore(t)
	s.Authorities = []trust.Authority{{Name: "corp", Source: trust.TrustedRoot, Value: "sigstore/trusted_root.json"}}
	s.Signers[0].Authority = "corp"
	return s
}

func timestamped(t testing.TB) trust.Section {
	s := privateSigstore(t)
	s.Authorities[0].WithoutLog, s.Authorities[0].WithoutCTLog = true, true
	return s
}

func certified(t testing.TB) trust.Section {
	s := privateSigstore(t)
	s.Authorities[0] = trust.Authority{Name: "pki", Source: trust.Certificates, Value: "pki/chain.pem", TimestampAuthority: "pki/tsa.pem"}
	s.Signers[0].Authority = "pki"
	return s
}

func inKMS() trust.Section {
	s := keyOnly()
	s.Authorities[0].Source, s.Authorities[0].Value = trust.KMS, "hashivault://release"
	return s
}

// thresholds wants two of three keys to sign, and all three to have scanned.
func thresholds() trust.Section {
	var s trust.Section
	for _, name := range []string{"release", "audit", "night"} {
		authority, signer := byKey(name)
		s.Authorities, s.Signers = append(s.Authorities, authority), append(s.Signers, signer)
	}
	s.Evidence = demand(trust.Signature, trust.Scan)
	s.Evidence[0].Threshold, s.Evidence[1].Threshold = 2, 3
	return s
}

func everything() trust.Section {
	s := keyOnly()
	const policy = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	s.Evidence = []trust.Demand{
		{Kind: trust.Signature, Threshold: 1},
		{Kind: trust.SBOM, Threshold: 1, Binding: true},
		{Kind: trust.Scan, Threshold: 1, MaxAge: 7 * 24 * time.Hour, Policies: []string{policy}},
		{Kind: trust.Provenance, Threshold: 1, Builders: []string{"https://github.com/acme/builders/release.yml", "https://tekton.acme.example/chains"}},
		{Kind: trust.VerificationSummary, Threshold: 1, MaxAge: 30 * 24 * time.Hour, Verifiers: []string{"https://verify.acme.example"}, Policies: []string{policy}},
	}
	return s
}

// hostile is text that breaks YAML, CEL, JMESPath or Rego that was put together by hand.
func hostile(t testing.TB) trust.Section {
	s := publicSigstore(t)
	s.Signers[0].Subject = trust.Exactly(`x": "y'\ # & *a !!b - [ ] , | > % @`)
	s.Signers[0].Issuer = expressionOf(t, trust.Issuer, `^https://its\.example/tenant/it's a\\"b: c #d[0-9]{2,3}\$$`)
	s.Evidence = append(s.Evidence, trust.Demand{Kind: trust.Provenance, Threshold: 1, Builders: []string{`"] || true || ["`, `no`, `1e3`}})
	return s
}

func options() admission.Options {
	return admission.Options{Name: "release", Images: []string{"registry.example.com/team/*", "registry.example.com/base/go"}, Format: "bundle"}
}
