package signing

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/trust"
)

// TestTheRuleLeavesNothingOfADemandOut: a demand that is new has to be told, too.
func TestTheRuleLeavesNothingOfADemandOut(t *testing.T) {
	var demand, told []string
	for field := range reflect.TypeFor[trust.Demand]().Fields() {
		demand = append(demand, field.Name)
	}
	for field := range reflect.TypeFor[RuleDemand]().Fields() {
		told = append(told, field.Name)
	}
	if diff := cmp.Diff(demand, told); diff != "" {
		t.Error(diff)
	}
}

func TestTheRuleSaysWhatWasDemandedOfWhom(t *testing.T) {
	b := newKeylessBench(t, registrytest.Options{})
	tags, err := trust.ParsePattern(trust.SourceRef, "^refs/tags/v[0-9]+$")
	if err != nil {
		t.Fatal(err)
	}
	key := newTestKey(t, ed25519Key(t)).Public()
	release := trust.Signer{Name: "release", MaySign: []trust.Kind{trust.Signature}, Issuer: trust.Exactly("https://token.example"), Subject: trust.Exactly("https://github.com/acme/shop/w.yml@main"),
		CallerWorkflow: trust.Exactly("https://github.com/acme/shop/call.yml@main"), SourceRepository: trust.Exactly("https://github.com/acme/shop"), SourceRef: tags}
	of := Trust{BundlesOnly: true, Signers: []Signer{{Signer: release, Sigstore: b.root(Without{CTLog: true})}, {Signer: trust.Signer{Name: "audit"}, Key: key}}}
	got, err := evidence.Encode(newRule(of, Requirements{Demands: []trust.Demand{
		{Kind: trust.Signature, Threshold: 2, Signers: []string{"release", "audit"}},
		{Kind: trust.SBOM, Threshold: 1, Binding: true},
		{Kind: trust.Scan, Threshold: 1, MaxAge: time.Hour, Policies: []string{"sha256:aa"}},
		{Kind: trust.Provenance, Threshold: 1, Builders: []string{"https://ci.example"}},
		{Kind: trust.VerificationSummary, Threshold: 1, MaxAge: 2 * time.Hour, Verifiers: []string{"https://verify.example"}, Policies: []string{"sha256:bb"}},
	}}))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"require":["signature","sbom","scan","provenance","verification-summary"],"maxScanAge":"1h0m0s","requireSBOMBinding":true,` +
		`"trustedKeys":["` + key.Fingerprint() + `"],"trustedIdentities":["https://github.com/acme/shop/w.yml@main (https://token.example)"],` +
		`"thresholds":{"signature":2},"acceptedPolicies":["sha256:aa"],"demands":[` +
		`{"kind":"signature","signers":["release","audit"],"threshold":2},` +
		`{"kind":"sbom","threshold":1,"binding":true},` +
		`{"kind":"scan","threshold":1,"maxAge":"1h0m0s","policies":["sha256:aa"]},` +
		`{"kind":"provenance","threshold":1,"builders":["https://ci.example"]},` +
		`{"kind":"verification-summary","threshold":1,"maxAge":"2h0m0s","policies":["sha256:bb"],"verifiers":["https://verify.example"]}],` +
		`"signers":[{"name":"release","maySign":["signature"],"certifiedBy":"lab","provenBy":["certificate authority","transparency log"],"claims":{` +
		`"caller-workflow":"https://github.com/acme/shop/call.yml@main","issuer":"https://token.example","source-ref-pattern":"^refs/tags/v[0-9]+$",` +
		`"source-repository":"https://github.com/acme/shop","subject":"https://github.com/acme/shop/w.yml@main"}},` +
		`{"name":"audit","key":"` + key.Fingerprint() + `"}],"bundlesOnly":true}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}
