package kyverno

import (
	"crypto/elliptic"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/stepseal/stepseal/internal/admission"
	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/signing"
	"github.com/stepseal/stepseal/internal/trust"
)

// Which kind reads what is stored in which form.
var readings = []struct {
	kind   admission.Kind
	format signing.Format
}{
	{admission.Kyverno, signing.Legacy},
	{admission.Kyverno, signing.Bundle},
	{admission.Kyverno, signing.Both},
	{admission.KyvernoImageValidating, signing.Bundle},
	{admission.KyvernoImageValidating, signing.Both},
}

func TestOnlyImagesWithTrustedEvidenceAreLetIn(t *testing.T) {
	release, stranger := newKey(t, elliptic.P256()), newKey(t, elliptic.P256())
	section := byKeys("release")
	section.Evidence = []trust.Demand{
		{Kind: trust.Signature, Threshold: 1},
		{Kind: trust.SBOM, Threshold: 1, Binding: true},
		{Kind: trust.Scan, Threshold: 1, MaxAge: 7 * 24 * time.Hour, Policies: []string{rules}},
	}
	for _, r := range readings {
		t.Run(fmt.Sprintf("%s of %s", r.kind, r.format), func(t *testing.T) {
			b := newBench(t, r.format)
			cluster := r.kind == admission.Kyverno
			policy := b.render(r.kind, section, map[string]key{"release": release})
			judge(t, policy, b.pods(release, stranger, cluster))
		})
	}
}

// pods are images of every sort. What a ClusterPolicy does not notice stands in the notes on top of it.
func (b bench) pods(release, stranger signing.Author, cluster bool) []pod {
	complete := func(of name.Digest) []evidence.Statement {
		return []evidence.Statement{signature(of), sbom(of), b.scan(of, "accepted", of.DigestStr(), time.Hour)}
	}
	with := func(repository string, by signing.Author, what func(name.Digest) []evidence.Statement) string {
		subject := b.push("team/" + repository)
		if statements := what(subject); len(statements) > 0 {
			b.attest(subject, by, statements...)
		}
		return subject.String()
	}
	scanned := func(repository string, scan func(name.Digest) evidence.Statement) string {
		return with(repository, release, func(d name.Digest) []evidence.Statement { return append(complete(d)[:2], scan(d)) })
	}
	good := with("good", release, complete)
	unsigned := with("unsigned", release, func(name.Digest) []evidence.Statement { return nil })
	lacking := func(kind trust.Kind, image string) pod {
		return pod{name: label(image), containers: []string{image}, lacks: kind}
	}
	return []pod{
		{name: "good", containers: []string{good}, admitted: true},
		{name: "good-twice", containers: []string{good, good}, init: []string{good}, ephemeral: []string{good}, admitted: true},
		{name: "unsigned", containers: []string{unsigned}},
		{name: "one-of-two-unsigned", containers: []string{good, unsigned}},
		{name: "unsigned-init-container", containers: []string{good}, init: []string{unsigned}},
		{name: "unsigned-ephemeral-container", containers: []string{good}, ephemeral: []string{unsigned}},
		lacking("", with("by-another", stranger, complete)),
		lacking(trust.Signature, with("attested-and-not-signed", release, func(d name.Digest) []evidence.Statement { return complete(d)[1:] })),
		lacking(trust.SBOM, with("without-sbom", release, func(d name.Digest) []evidence.Statement { return []evidence.Statement{complete(d)[0], complete(d)[2]} })),
		lacking(trust.Scan, with("without-scan", release, func(d name.Digest) []evidence.Statement { return complete(d)[:2] })),
		lacking(trust.Scan, scanned("refused-scan", func(d name.Digest) evidence.Statement { return b.scan(d, "refused", d.DigestStr(), time.Hour) })),
		lacking(trust.Scan, scanned("old-scan", func(d name.Digest) evidence.Statement { return b.scan(d, "accepted", d.DigestStr(), 8*24*time.Hour) })),
		lacking(trust.Scan, scanned("scan-from-the-future", func(d name.Digest) evidence.Statement { return b.scan(d, "accepted", d.DigestStr(), -time.Hour) })),
		lacking(trust.Scan, scanned("foreign-scan", func(d name.Digest) evidence.Statement {
			return about(d, evidence.ScanPredicate, `{"scanner":{"result":{}},"metadata":{}}`)
		})),
		{name: "scan-of-another-image", containers: []string{scanned("scan-of-another-image", func(d name.Digest) evidence.Statement { return b.scan(d, "accepted", rules, time.Hour) })}, admitted: cluster, lacks: trust.Scan},
	}
}

func label(image string) string {
	subject, err := name.NewDigest(image, name.Insecure)
	if err != nil {
		return image
	}
	return subject.RepositoryStr()[len("team/"):]
}

func TestAThresholdIsOfDifferentKeys(t *testing.T) {
	keys := map[string]key{"release": newKey(t, elliptic.P256()), "audit": newKey(t, elliptic.P384()), "night": newKey(t, elliptic.P256())}
	section := byKeys("release", "audit", "night")
	section.Evidence = []trust.Demand{{Kind: trust.Signature, Threshold: 2}, {Kind: trust.SBOM, Threshold: 2}}
	for _, r := range readings {
		t.Run(fmt.Sprintf("%s of %s", r.kind, r.format), func(t *testing.T) {
			b := newBench(t, r.format)
			var pods []pod
			for repository, signers := range map[string][]string{"two": {"release", "audit"}, "others": {"audit", "night"}, "all": {"release", "audit", "night"}, "one": {"audit"}} {
				subject := b.push("team/" + repository)
				for _, signer := range signers {
					b.attest(subject, keys[signer], signature(subject), sbom(subject))
				}
				pods = append(pods, pod{name: repository, containers: []string{subject.String()}, admitted: len(signers) > 1})
			}
			judge(t, b.render(r.kind, section, keys), pods)
		})
	}
}

func TestASignatureAloneIsReadInEveryForm(t *testing.T) {
	release, stranger := newKey(t, elliptic.P256()), newKey(t, elliptic.P256())
	section := byKeys("release")
	section.Evidence = []trust.Demand{{Kind: trust.Signature, Threshold: 1}}
	for _, kind := range []admission.Kind{admission.Kyverno, admission.KyvernoImageValidating} {
		for _, format := range []signing.Format{signing.Legacy, signing.Bundle, signing.Both} {
			t.Run(fmt.Sprintf("%s of %s", kind, format), func(t *testing.T) {
				b := newBench(t, format)
				good, foreign, unsigned := b.push("team/good"), b.push("team/foreign"), b.push("team/unsigned")
				b.attest(good, release, signature(good))
				b.attest(foreign, stranger, signature(foreign))
				judge(t, b.render(kind, section, map[string]key{"release": release}), []pod{
					{name: "good", containers: []string{good.String()}, admitted: true},
					{name: "foreign", containers: []string{foreign.String()}},
					{name: "unsigned", containers: []string{unsigned.String()}},
				})
			})
		}
	}
}

func TestProvenanceAndSummariesMustSayWhatIsDemanded(t *testing.T) {
	release := newKey(t, elliptic.P256())
	section := byKeys("release")
	section.Evidence = []trust.Demand{
		{Kind: trust.Provenance, Threshold: 1, Builders: []string{"https://b.example/1", "https://b.example/2"}},
		{Kind: trust.VerificationSummary, Threshold: 1, Verifiers: []string{"https://v.example/x"}, Policies: []string{rules}, MaxAge: time.Hour},
	}
	for _, r := range readings {
		t.Run(fmt.Sprintf("%s of %s", r.kind, r.format), func(t *testing.T) {
			b := newBench(t, r.format)
			var pods []pod
			add := func(repository, builder, result, verifier, digest string, age time.Duration) {
				subject := b.push("team/" + repository)
				provenance := fmt.Sprintf(`{"runDetails":{"builder":{"id":%q}}}`, builder)
				summary := fmt.Sprintf(`{"verificationResult":%q,"verifier":{"id":%q},"policy":{"digest":{"sha256":%q}},"timeVerified":%q}`,
					result, verifier, digest, b.now.Add(-age).UTC().Format(time.RFC3339))
				b.attest(subject, release, about(subject, "https://slsa.dev/provenance/v1", provenance), about(subject, "https://slsa.dev/verification_summary/v1", summary))
				pods = append(pods, pod{name: repository, containers: []string{subject.String()}, admitted: repository == "good"})
			}
			hex := strings.TrimPrefix(rules, "sha256:")
			add("good", "https://b.example/2", "PASSED", "https://v.example/x", hex, time.Minute)
			add("another-builder", "https://b.example/20", "PASSED", "https://v.example/x", hex, time.Minute)
			add("failed", "https://b.example/2", "FAILED", "https://v.example/x", hex, time.Minute)
			add("another-verifier", "https://b.example/2", "PASSED", "https://v.example/y", hex, time.Minute)
			add("another-policy", "https://b.example/2", "PASSED", "https://v.example/x", strings.Repeat("0", 64), time.Minute)
			add("old", "https://b.example/2", "PASSED", "https://v.example/x", hex, 2*time.Hour)
			judge(t, b.render(r.kind, section, map[string]key{"release": release}), pods)
		})
	}
}

// What the notes say of several scans: a ClusterPolicy demands that each is accepted.
func TestAClusterPolicyRefusesWhatWasRefusedOnce(t *testing.T) {
	release := newKey(t, elliptic.P256())
	section := byKeys("release")
	section.Evidence = []trust.Demand{{Kind: trust.Scan, Threshold: 1}}
	for _, format := range []signing.Format{signing.Legacy, signing.Bundle} {
		t.Run(string(format), func(t *testing.T) {
			b := newBench(t, format)
			var pods []pod
			for repository, verdicts := range map[string][2]string{"accepted-twice": {"accepted", "accepted"}, "refused-later": {"accepted", "refused"}, "refused-before": {"refused", "accepted"}} {
				subject := b.push("team/" + repository)
				b.attest(subject, release, b.scan(subject, verdicts[0], subject.DigestStr(), 2*time.Hour))
				b.attest(subject, release, b.scan(subject, verdicts[1], subject.DigestStr(), time.Hour))
				pods = append(pods, pod{name: repository, containers: []string{subject.String()}, admitted: repository == "accepted-twice"})
			}
			judge(t, b.render(admission.Kyverno, section, map[string]key{"release": release}), pods)
		})
	}
}

// The example's README says so of the policy that is copied everywhere.
func TestTheCopiedPolicyVerifiesNothing(t *testing.T) {
	readme, err := os.ReadFile("../../examples/kyverno/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(readme), "# Do not copy this: it verifies nothing.\n")
	copied, _, closed := strings.Cut(after, "```")
	if !ok || !closed {
		t.Fatal("the README holds no such policy")
	}
	folder := t.TempDir()
	write(t, filepath.Join(folder, "policy.yaml"), []byte(copied))
	write(t, filepath.Join(folder, "pods.yaml"), manifests(t, []pod{{name: "unsigned", containers: []string{"registry.example.com/team/app:1"}}}))
	if out, _ := run(t, folder); !strings.Contains(out, "Applying 0 policy rule(s)") {
		t.Errorf("it is applied:\n%s", out)
	}
}

// byKeys is a section of signers with a key each.
func byKeys(names ...string) (s trust.Section) {
	for _, n := range names {
		s.Authorities = append(s.Authorities, trust.Authority{Name: n, Source: trust.PublicKey, Value: n + ".pub"})
		s.Signers = append(s.Signers, trust.Signer{Name: n, Authority: n})
	}
	return s
}

func (b bench) render(kind admission.Kind, section trust.Section, keys map[string]key) []byte {
	b.Helper()
	sources := map[string][]byte{}
	for n, k := range keys {
		sources[n] = k.public
	}
	return b.renderFrom(kind, section, sources)
}

func (b bench) renderFrom(kind admission.Kind, section trust.Section, sources map[string][]byte) []byte {
	b.Helper()
	return b.renderWith(kind, section, admission.Material{Sources: sources})
}

// renderWith makes the policy for the registry's images, with what a registry without TLS needs.
func (b bench) renderWith(kind admission.Kind, section trust.Section, material admission.Material) []byte {
	b.Helper()
	policy, err := admission.Render(kind, section, material, admission.Options{Images: []string{b.server.Host() + "/team/*"}, Format: string(b.format)})
	if err != nil {
		b.Fatal(err)
	}
	return insecure(b.T, kind, policy.Document)
}

// Kubernetes' own policy is judged by Kyverno's command line too, which evaluates it as the API server does.
func TestKubernetesTakesNamedRegistriesByDigestAlone(t *testing.T) {
	section := byKeys("release")
	section.Evidence = []trust.Demand{{Kind: trust.Signature, Threshold: 1}}
	policy, err := admission.Render(admission.ValidatingAdmissionPolicy, section, admission.Material{}, admission.Options{
		Images: []string{"registry.example.com/team/*", "*.example.net/base/go"}})
	if err != nil {
		t.Fatal(err)
	}
	const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	const good = "registry.example.com/team/app" + digest
	judge(t, policy.Document, []pod{
		{name: "good", containers: []string{good, "registry.example.com/team/a/b:1" + digest, "eu.example.net/base/go" + digest}, init: []string{good}, ephemeral: []string{good}, admitted: true},
		{name: "tag", containers: []string{"registry.example.com/team/app:1"}},
		{name: "short-digest", containers: []string{"registry.example.com/team/app@sha256:0123"}},
		{name: "another-registry", containers: []string{"registry.example.org/team/app" + digest}},
		{name: "another-repository", containers: []string{"registry.example.com/teams/app" + digest}},
		{name: "named-inside", containers: []string{"evil.example/registry.example.com/team/app" + digest}},
		{name: "named-inside-a-pattern", containers: []string{"evil.example/x.example.net/base/go" + digest}},
		{name: "longer-repository", containers: []string{"eu.example.net/base/gopher" + digest}},
		{name: "dot-for-any", containers: []string{"registry-example.com/team/app" + digest}},
		{name: "no-registry", containers: []string{"nginx" + digest}},
		{name: "init-container", containers: []string{good}, init: []string{"nginx" + digest}},
		{name: "ephemeral-container", containers: []string{good}, ephemeral: []string{"nginx" + digest}},
		{name: "volume", containers: []string{good}, volumes: []string{"nginx" + digest}},
	})
}
