package steps

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/signing"
)

func TestTheNextStepCanBeTyped(t *testing.T) {
	m := mending{image: "r.example/app@sha256:0", signing: "--config 'my trust.yaml'", verifiers: []string{"https://v.example/a'b"}}
	for name, c := range map[string]struct {
		of   signing.Requirement
		want string
	}{
		"no signature":     {signing.Requirement{Name: "signature", Reason: outcome.SignatureMissing}, "stepseal secure-image --image r.example/app@sha256:0 --config 'my trust.yaml'"},
		"no SBOM":          {signing.Requirement{Name: "sbom", Reason: outcome.AttestationMissing}, "stepseal secure-image --image r.example/app@sha256:0 --config 'my trust.yaml'"},
		"no provenance":    {signing.Requirement{Name: "provenance", Reason: outcome.AttestationMissing}, "stepseal secure-image --image r.example/app@sha256:0 --config 'my trust.yaml' --attest sbom,scan,provenance"},
		"no summary":       {signing.Requirement{Name: "verification-summary", Reason: outcome.AttestationMissing}, `stepseal verify --image r.example/app@sha256:0 --config FILE --verifier-id 'https://v.example/a'\''b' --explain`},
		"an old summary":   {signing.Requirement{Name: "verification-summary", Reason: outcome.SummaryTooOld}, `stepseal verify --image r.example/app@sha256:0 --config FILE --verifier-id 'https://v.example/a'\''b' --explain`},
		"an old scan":      {signing.Requirement{Name: "scan", Reason: outcome.ScanTooOld}, "stepseal scan-gate --image r.example/app@sha256:0 && stepseal sign-attest --evidence stepseal-out --config 'my trust.yaml' --attest scan"},
		"no verdict":       {signing.Requirement{Name: "scan", Reason: outcome.ScanWithoutVerdict}, "stepseal scan-gate --image r.example/app@sha256:0 && stepseal sign-attest --evidence stepseal-out --config 'my trust.yaml' --attest scan"},
		"a refused scan":   {signing.Requirement{Name: "scan", Reason: outcome.ScanRefused}, "stepseal scan-gate --image r.example/app@sha256:0"},
		"one signer":       {signing.Requirement{Name: "signature", Reason: outcome.TooFewSigners}, "stepseal sign-attest --evidence stepseal-out --config 'my trust.yaml'"},
		"no command mends": {signing.Requirement{Name: "sbom", Reason: outcome.SBOMUnbound}, outcome.SBOMUnbound.Hint()},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, m.next(c.of)[0]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAWordIsQuotedForAShell(t *testing.T) {
	for word, want := range map[string]string{
		"trust.yaml": "trust.yaml", "../a/trust.yaml": "../a/trust.yaml", "": "''", "a b": "'a b'", "$(x)": "'$(x)'", "it's": `'it'\''s'`, "é": "'é'",
	} {
		if got := quoted(word); got != want {
			t.Errorf("%q is quoted as %s, want %s", word, got, want)
		}
	}
}
