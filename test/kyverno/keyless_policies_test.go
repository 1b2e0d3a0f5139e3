package kyverno

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/stepseal/stepseal/internal/admission"
	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/signing"
	"github.com/stepseal/stepseal/internal/sigstoretest"
	"github.com/stepseal/stepseal/internal/trust"
)

// What a Sigstore has, by the name that the tests have.
var (
	rekor        = []sigstoretest.Service{sigstoretest.Rekor}
	rekorStamped = []sigstoretest.Service{sigstoretest.Rekor, sigstoretest.TimestampAuthority}
	tilesStamped = []sigstoretest.Service{sigstoretest.RekorTiles, sigstoretest.TimestampAuthority}
	stamped      = []sigstoretest.Service{sigstoretest.TimestampAuthority}
)

// Which kind reads what is signed how. Each Sigstore's root stands in the policy.
var keylessReadings = []struct {
	name     string
	kind     admission.Kind
	format   signing.Format
	services []sigstoretest.Service
	whole    bool // its root names logs too that it did not sign with
}{
	{"ClusterPolicy on .sig and .att in Rekor 1", admission.Kyverno, signing.Legacy, rekor, false},
	{"ClusterPolicy on both in Rekor 1 with timestamps", admission.Kyverno, signing.Both, rekorStamped, true},
	{"ClusterPolicy on .sig and .att with timestamps alone", admission.Kyverno, signing.Legacy, stamped, false},
	{"ImageValidatingPolicy on bundles in Rekor 1", admission.KyvernoImageValidating, signing.Bundle, rekor, false},
	{"ImageValidatingPolicy on both in Rekor 1 with timestamps", admission.KyvernoImageValidating, signing.Both, rekorStamped, true},
	{"ImageValidatingPolicy on bundles in Rekor 2 with timestamps", admission.KyvernoImageValidating, signing.Bundle, tilesStamped, false},
	{"ImageValidatingPolicy on bundles with timestamps alone", admission.KyvernoImageValidating, signing.Bundle, stamped, false},
	{"ImageValidatingPolicy on .sig and .att in Rekor 1", admission.KyvernoImageValidating, signing.Legacy, rekor, false},
}

func TestOnlyImagesOfTheTrustedIdentityAreLetIn(t *testing.T) {
	for _, r := range keylessReadings {
		t.Run(r.name, func(t *testing.T) {
			b, corp, other := newBench(t, r.format), newLab(t, r.services...), newLab(t, r.services...)
			pods, root := b.keylessPods(corp, other), corp.root
			if r.whole {
				root = corp.TrustedRoot()
			}
			policy := b.renderFrom(r.kind, corp.section(trust.TrustedRoot), map[string][]byte{"corp": root})
			if r.kind == admission.KyvernoImageValidating {
				// What the mirror says of another Sigstore must make no difference.
				policy = mirrored(t, policy, mirror(t, other.TrustedRoot()))
			}
			judge(t, policy, pods)
		})
	}
}

// keylessPods are an image with all that is demanded, and others that each lack one thing.
func (b bench) keylessPods(corp, other lab) (pods []pod) {
	b.Helper()
	all := func(of name.Digest) []evidence.Statement {
		return []evidence.Statement{signature(of), sbom(of), b.scan(of, "accepted", of.DigestStr(), time.Hour)}
	}
	without := func(i int) func(name.Digest) []evidence.Statement {
		return func(of name.Digest) []evidence.Statement { return slices.Delete(all(of), i, i+1) }
	}
	refused := func(of name.Digest) []evidence.Statement {
		return append(all(of)[:2], b.scan(of, "refused", of.DigestStr(), time.Hour))
	}
	release := corp.as(b.T, b, workflow("main"))
	for _, c := range []struct {
		name    string
		by      signing.Author
		what    func(name.Digest) []evidence.Statement
		lacks   trust.Kind
		because string
	}{
		{"good", release, all, "", ""},
		{"unsigned", release, nil, "", "no signatures found|no matching attestations|no valid bundles exist"},
		{"by-another-branch", corp.as(b.T, b, workflow("try")), all, "", saidOfIdentity("@refs/heads/try")},
		{"by-another-issuer", corp.as(b.T, b, sameWorkflowOf("https://github.example/token")), all, "", saidOfIdentity("https://github.example/token")},
		{"by-another-sigstore", other.as(b.T, b, workflow("main")), all, "", "log public key not found|not enough verified log entries|certificate signed by unknown authority|No certificate for signer"},
		{"of-another-ct-log", corp.uncounted(b.T, b, workflow("main")), all, "", "SCT|ctfe public key not found"},
		{"attested-and-not-signed", release, without(0), trust.Signature, "no signatures found|type https://sigstore.dev/cosign/sign/v1( not found|, checked)"},
		{"without-sbom", release, without(1), trust.SBOM, "type https://cyclonedx.org/bom( not found|, checked|$)"},
		{"without-scan", release, without(2), trust.Scan, "type https://cosign.sigstore.dev/attestation/vuln/v1( not found|, checked|$)"},
		{"refused-scan", release, refused, trust.Scan, "attestation checks failed|an image lacks a scan|failed evaluating rego policy for type scan"},
	} {
		subject := b.push("team/" + c.name)
		if c.what != nil {
			b.attest(subject, c.by, c.what(subject)...)
		}
		pods = append(pods, pod{name: c.name, containers: []string{subject.String()}, admitted: c.name == "good", lacks: c.lacks, because: c.because})
	}
	if corp.logs() {
		subject := b.push("team/not-logged")
		b.attest(subject, corp.unlogged(b.T, b, workflow("main")), all(subject)...)
		pods = append(pods, pod{name: "not-logged", containers: []string{subject.String()}, because: "not enough verified log entries|searching log query|offline verification failed"})
	}
	// Whoever verifies has all that it needs in the registry and the policy.
	corp.Close()
	other.Close()
	return pods
}

// taken are the pods with one more that is let in.
func taken(pods []pod, name string) []pod {
	pods = slices.Clone(pods)
	for i := range pods {
		if pods[i].name == name {
			pods[i].admitted, pods[i].because = true, ""
		}
	}
	return pods
}

// saidOfIdentity is how engines say that they found another identity than the one that is trusted: by a ClusterPolicy, of
// bundles, and of .sig and .att.
func saidOfIdentity(found string) string {
	found = regexp.QuoteMeta(found)
	return "mismatch: expected .* received .*" + found + "|expected (SAN|issuer) value .* got .*" + found + "|none of the expected identities matched .*" + found
}

// section takes the word of one workflow on one branch, on a signature, an SBOM and a scan that let the image through.
func (l lab) section(source trust.Source) trust.Section {
	return trust.Section{
		Authorities: []trust.Authority{{Name: "corp", Source: source, Value: "trusted_root.json", WithoutLog: !l.logs()}},
		Signers: []trust.Signer{{Name: "release", Authority: "corp", Issuer: trust.Exactly(sigstoretest.GitHubIssuer),
			Subject: trust.Exactly("https://github.com/acme/shop/.github/workflows/release.yml@refs/heads/main")}},
		Evidence: []trust.Demand{
			{Kind: trust.Signature, Threshold: 1},
			{Kind: trust.SBOM, Threshold: 1},
			{Kind: trust.Scan, Threshold: 1, MaxAge: 7 * 24 * time.Hour, Policies: []string{rules}},
		},
	}
}

func workflow(branch string) map[string]any {
	return sigstoretest.GitHub("acme/shop", ".github/workflows/release.yml", "refs/heads/"+branch)
}

func sameWorkflowOf(issuer string) map[string]any {
	claims := workflow("main")
	claims["iss"] = issuer
	return claims
}
