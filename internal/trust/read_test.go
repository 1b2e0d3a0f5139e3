package trust

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// whole has every key that there is.
const whole = `authorities:
  corp: {trusted-root: sigstore/trusted_root.json, signing-config: sigstore/signing_config.json, transparency-log: false, certificate-transparency: false}
  public: {public-sigstore: true}
  release-key: {public-key: keys/release.pub}
  vault: {kms: "hashivault://release", public-key: keys/vault.pub}
  mirrored: {tuf-mirror: "https://tuf.acme.example/v1", tuf-root: sigstore/root.json, certificate-transparency: false}
  pki: {certificates: pki/chain.pem, timestamp-authority: pki/tsa.pem}
signers:
  release:
    authority: corp
    issuer: https://token.actions.githubusercontent.com
    subject-pattern: '^https://github\.com/acme/api/\.github/workflows/release\.yml@refs/tags/v[0-9]+\.[0-9]+$'
    caller-workflow: https://github.com/acme/api/.github/workflows/release.yml@refs/heads/main
    source-repository: https://github.com/acme/api
    source-ref-pattern: '^refs/tags/v[0-9.]+$'
    may-sign: [scan, signature, sbom]
  pipeline:
    authority: pki
    issuer-pattern: '^https://container\.googleapis\.com/v1/projects/acme/locations/[a-z0-9-]+/clusters/ci$'
    subject: https://kubernetes.io/namespaces/ci/serviceaccounts/builder
  by-key: {authority: release-key}
  by-vault: {authority: vault, may-sign: [provenance, vex, verification-summary]}
evidence:
  verification-summary: {verifiers: ['https://ci.example.com/verify'], max-age: 30d}
  signature: {signers: [release, by-key], threshold: 2}
  sbom: {binding: true}
  scan: {max-age: 72h, policies: ['sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa']}
  provenance: {builders: ['https://tekton.dev/chains/v2']}
sign-with: corp
signature-format: bundle
`

// small is as little as there can be.
const small = `authorities:
  key: {public-key: a.pub}
  oidc: {public-sigstore: true}
signers:
  us: {authority: key}
  ci: {authority: oidc, issuer: https://token.example.com, subject: someone@example.com}
evidence:
  signature: {}
`

func node(t testing.TB, text string) *yaml.Node {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return doc.Content[0]
}

func mustPattern(t testing.TB, of Claim, text string) Pattern {
	t.Helper()
	p, err := ParsePattern(of, text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p
}

func TestASectionIsReadAsItIsWritten(t *testing.T) {
	got, mistakes := Read(node(t, whole))
	if len(mistakes) > 0 {
		t.Fatal(strings.Join(mistakes, "\n"))
	}
	want := Section{
		Authorities: []Authority{
			{Name: "corp", Source: TrustedRoot, Value: "sigstore/trusted_root.json", SigningConfig: "sigstore/signing_config.json", WithoutLog: true, WithoutCTLog: true},
			{Name: "public", Source: PublicSigstore},
			{Name: "release-key", Source: PublicKey, Value: "keys/release.pub"},
			{Name: "vault", Source: KMS, Value: "hashivault://release", PublicKey: "keys/vault.pub"},
			{Name: "mirrored", Source: TUFMirror, Value: "https://tuf.acme.example/v1", TUFRoot: "sigstore/root.json", WithoutCTLog: true},
			{Name: "pki", Source: Certificates, Value: "pki/chain.pem", TimestampAuthority: "pki/tsa.pem"},
		},
		Signers: []Signer{
			{Name: "release", Authority: "corp", MaySign: []Kind{Signature, SBOM, Scan},
				Issuer:           Exactly("https://token.actions.githubusercontent.com"),
				Subject:          mustPattern(t, Subject, `^https://github\.com/acme/api/\.github/workflows/release\.yml@refs/tags/v[0-9]+\.[0-9]+$`),
				CallerWorkflow:   Exactly("https://github.com/acme/api/.github/workflows/release.yml@refs/heads/main"),
				SourceRepository: Exactly("https://github.com/acme/api"),
				SourceRef:        mustPattern(t, SourceRef, `^refs/tags/v[0-9.]+$`)},
			{Name: "pipeline", Authority: "pki",
				Issuer:  mustPattern(t, Issuer, `^https://container\.googleapis\.com/v1/projects/acme/locations/[a-z0-9-]+/clusters/ci$`),
				Subject: Exactly("https://kubernetes.io/namespaces/ci/serviceaccounts/builder")},
			{Name: "by-key", Authority: "release-key"},
			{Name: "by-vault", Authority: "vault", MaySign: []Kind{Provenance, VEX, VerificationSummary}},
		},
		Evidence: []Demand{
			{Kind: Signature, Signers: []string{"release", "by-key"}, Threshold: 2},
			{Kind: SBOM, Threshold: 1, Binding: true},
			{Kind: Scan, Threshold: 1, MaxAge: 72 * time.Hour, Policies: []string{"sha256:" + strings.Repeat("a", 64)}},
			{Kind: Provenance, Threshold: 1, Builders: []string{"https://tekton.dev/chains/v2"}},
			{Kind: VerificationSummary, Threshold: 1, Verifiers: []string{"https://ci.example.com/verify"}, MaxAge: 720 * time.Hour},
		},
		SignWith: "corp",
		Format:   "bundle",
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b Pattern) bool { return a.Exact() == b.Exact() && a.Expression() == b.Expression() })); diff != "" {
		t.Error(diff)
	}
}

// mistake is a change of the small section, and what is told of it.
type mistake struct{ old, now, want string }

func mistakes() map[string]mistake {
	digits := strings.Repeat("a", 64)
	return map[string]mistake{
		"an unknown key":            {"evidence:", "extra: 1\nevidence:", `line 7, column 1: trust has no "extra"; it has authorities, evidence, sign-with, signature-format, signers`},
		"a key twice":               {"evidence:", "signers: {}\nevidence:", `line 7, column 1: "signers" stands twice`},
		"no authorities":            {"authorities:\n  key: {public-key: a.pub}\n  oidc: {public-sigstore: true}\n", "", "line 1, column 1: trust has no authorities; it says what vouches for signers\nline 2, column 7: signer us: there is no authority key; there are none\nline 3, column 7: signer ci: there is no authority oidc; there are none"},
		"no evidence":               {"evidence:\n  signature: {}\n", "", "line 1, column 1: trust has no evidence; it says what an image must carry"},
		"a list of signers":         {"signers:\n  us: {authority: key}\n  ci:", "signers:\n  - us: {authority: key}\n    ci:", "line 5, column 3: signers is not a mapping"},
		"an alias":                  {"evidence:\n  signature: {}\n", "evidence: &e\n  signature: {}\nsign-with: *e\n", "line 7, column 11: the anchor &e is not taken; write the value out wherever it belongs\nline 9, column 12: sign-with takes one value: *e is an alias, and none is taken; write out what it stands for"},
		"a merge key":               {"us: {authority: key}", "us: {<<: {authority: key}}", "line 5, column 8: the merge key << is not taken; write out the keys that it would bring"},
		"a format that is none":     {"evidence:", "signature-format: cosign\nevidence:", `line 7, column 19: signature-format: "cosign" is none of bundle, legacy, both`},
		"signing with nobody":       {"evidence:", "sign-with: corp\nevidence:", "line 7, column 12: sign-with: there is no authority corp; there are key, oidc"},
		"signing with half a key":   {"evidence:", "sign-with: key\nevidence:", "line 7, column 12: sign-with: authority key is a public-key, which signs nothing; name a Sigstore or a kms, or sign with --key"},
		"signing without a service": {"oidc: {public-sigstore: true}", "oidc: {trusted-root: r.json}\nsign-with: oidc", "line 4, column 12: sign-with: authority oidc has no signing-config, which says where its services are"},

		"an authority's name":           {"  key: {", "  the key: {", "line 2, column 3: authorities: \"the key\" is no name: a-z, 0-9 and - make one, of up to 64 characters\nline 5, column 7: signer us: there is no authority key; there are oidc"},
		"a name that is a number":       {"  us: {", "  12: {", `line 5, column 3: signers: "12" is not text to YAML; put it in quotes`},
		"a long name":                   {"  ci: {", "  " + strings.Repeat("c", 65) + ": {", `line 6, column 3: signers: "` + strings.Repeat("c", 65) + `" is no name: a-z, 0-9 and - make one, of up to 64 characters`},
		"an authority of nothing":       {"{public-key: a.pub}", "{}", "line 2, column 8: authority key rests on exactly one of public-sigstore, tuf-mirror, trusted-root, public-key, kms, certificates; it has none"},
		"an authority of two":           {"{public-key: a.pub}", "{public-key: a.pub, certificates: c.pem}", "line 2, column 8: authority key rests on exactly one of public-sigstore, tuf-mirror, trusted-root, public-key, kms, certificates; it has public-key, certificates"},
		"an authority of three":         {"{public-key: a.pub}", "{public-key: a.pub, kms: 'hashivault://a', certificates: c.pem}", "line 2, column 8: authority key rests on exactly one of public-sigstore, tuf-mirror, trusted-root, public-key, kms, certificates; it has public-key, kms, certificates"},
		"a mirror without a root":       {"public-sigstore: true", "tuf-mirror: https://tuf.example.com", "line 3, column 9: authority oidc has no tuf-root; it is the root.json by which all that the mirror says is checked"},
		"a root without a mirror":       {"public-sigstore: true", "public-sigstore: true, tuf-root: root.json", "line 3, column 43: authority oidc: tuf-root says nothing beside public-sigstore, which takes signing-config"},
		"a mirror that is a file":       {"public-sigstore: true", "tuf-mirror: mirror/, tuf-root: root.json", `line 3, column 22: tuf-mirror: it is no address of a mirror such as https://HOST/PATH`},
		"a mirror with a login":         {"public-sigstore: true", "tuf-mirror: 'https://me:secret@tuf.example.com', tuf-root: root.json", `line 3, column 22: tuf-mirror: it is no address of a mirror such as https://HOST/PATH`},
		"a public Sigstore that is not": {"public-sigstore: true", "public-sigstore: false", "line 3, column 27: authority oidc: public-sigstore is true, or does not stand there"},
		"a public Sigstore, untyped":    {"public-sigstore: true", "public-sigstore: yes", `line 3, column 27: public-sigstore: "yes" is neither true nor false`},
		"a public one without a log":    {"public-sigstore: true", "public-sigstore: true, transparency-log: false", "line 3, column 51: authority oidc: transparency-log says nothing beside public-sigstore, which takes signing-config"},
		"a key with a log":              {"public-key: a.pub", "public-key: a.pub, transparency-log: false", "line 2, column 46: authority key: transparency-log says nothing beside public-key, which stands alone"},
		"a Sigstore with a TSA":         {"public-sigstore: true", "trusted-root: r.json, timestamp-authority: t.pem", "line 3, column 53: authority oidc: timestamp-authority says nothing beside trusted-root, which takes signing-config, transparency-log, certificate-transparency"},
		"no path":                       {"a.pub", "''", "line 2, column 21: public-key: it is empty"},
		"a space before a path":         {"a.pub", "' a.pub'", `line 2, column 21: public-key: " a.pub" begins or ends with a space`},
		"a URL for a path":              {"a.pub", "https://keys.example.com/a.pub", `line 2, column 21: public-key: "https://keys.example.com/a.pub" is no path of a file; nothing is fetched from a URL`},
		"an environment for a path":     {"a.pub", "env://KEY", `line 2, column 21: public-key: "env://KEY" is no path of a file; nothing is fetched from a URL`},
		"a folder for a path":           {"a.pub", "keys/", `line 2, column 21: public-key: "keys/" is a folder, and not a file`},
		"a path nobody sees":            {"a.pub", `"a\u202e.pub"`, `line 2, column 21: public-key: "a\u202e.pub" holds characters that cannot be seen`},
		"a path too long":               {"a.pub", strings.Repeat("a", 1025), "line 2, column 21: public-key: it has 1025 bytes, and at most 1024 are read"},
		"a number for a path":           {"a.pub", "12", `line 2, column 21: public-key: "12" is not text to YAML; put it in quotes`},
		"another service":               {"public-key: a.pub", "kms: 'k8s://ns/secret'", `line 2, column 14: kms: "k8s://ns/secret" names no key: it begins with awskms://, azurekms://, gcpkms://, hashivault://, and the key's name follows`},
		"a service without a key":       {"public-key: a.pub", "kms: 'awskms:///'", `line 2, column 14: kms: "awskms:///" names no key: it begins with awskms://, azurekms://, gcpkms://, hashivault://, and the key's name follows`},

		"a signer of nobody":       {"{authority: key}", "{may-sign: [sbom]}", "line 5, column 7: signer us has no authority, which vouches for it"},
		"a signer of somebody":     {"{authority: key}", "{authority: kye}", "line 5, column 7: signer us: there is no authority kye; there are key, oidc"},
		"an identity for a key":    {"{authority: key}", "{authority: key, issuer: https://token.example.com}", "line 5, column 7: signer us has issuer; authority key is a key, which says nothing of who holds it"},
		"a ref for a key":          {"{authority: key}", "{authority: key, source-ref-pattern: '^refs/heads/.*$'}", "line 5, column 7: signer us has source-ref; authority key is a key, which says nothing of who holds it"},
		"no identity":              {", issuer: https://token.example.com, subject: someone@example.com", "", "line 6, column 7: signer ci has no issuer; authority oidc certifies identities, and a signer of it has an issuer and a subject, each exact or as a pattern\nline 6, column 7: signer ci has no subject; authority oidc certifies identities, and a signer of it has an issuer and a subject, each exact or as a pattern"},
		"no issuer":                {", issuer: https://token.example.com", "", "line 6, column 7: signer ci has no issuer; authority oidc certifies identities, and a signer of it has an issuer and a subject, each exact or as a pattern"},
		"no subject":               {", subject: someone@example.com", "", "line 6, column 7: signer ci has no subject; authority oidc certifies identities, and a signer of it has an issuer and a subject, each exact or as a pattern"},
		"a subject twice":          {"subject: someone@example.com", "subject: someone@example.com, subject-pattern: '^[a-z]+@example\\.com$'", "line 6, column 107: subject-pattern: subject and subject-pattern exclude each other"},
		"a star in a subject":      {"someone@example.com", `"*@example.com"`, `line 6, column 69: subject: "*@example.com" is compared as it is, and * ^ $ mean themselves; an expression stands under subject-pattern`},
		"an expression, exactly":   {"someone@example.com", "^.+@example.com$", `line 6, column 69: subject: "^.+@example.com$" is compared as it is, and * ^ $ mean themselves; an expression stands under subject-pattern`},
		"an issuer without scheme": {"https://token.example.com", "token.example.com", `line 6, column 33: issuer: "token.example.com" is no URL; tokens name their issuer as https://HOST`},
		"anybody":                  {"subject: someone@example.com", "subject-pattern: '.*'", "line 6, column 77: subject-pattern: it does not begin with ^, and would fit in the middle of a text"},
		"a kind that is none":      {"{authority: key}", "{authority: key, may-sign: [sboms]}", `line 5, column 35: may-sign: "sboms" is no kind of evidence; there are signature, sbom, scan, provenance, vex, verification-summary`},
		"a kind twice":             {"{authority: key}", "{authority: key, may-sign: [sbom, sbom]}", `line 5, column 41: may-sign: "sbom" stands twice`},
		"no kinds":                 {"{authority: key}", "{authority: key, may-sign: []}", "line 5, column 34: may-sign is an empty list; name what it holds, or leave it away"},
		"kinds left out":           {"{authority: key}", "{authority: key, may-sign: }", "line 5, column 34: may-sign is an empty list; name what it holds, or leave it away"},

		"empty evidence":            {"evidence:\n  signature: {}\n", "evidence: {}\n", "line 7, column 11: evidence is empty, and would be met by any image; demand at least a signature: {}"},
		"another kind of evidence":  {"signature: {}", "signatures: {}", `line 8, column 3: evidence: "signatures" is no kind of evidence; there are signature, sbom, scan, provenance, vex, verification-summary`},
		"a demand for vex":          {"signature: {}", "vex: {}", "line 8, column 3: evidence: vex is not demanded: it excuses findings, and an image without it lacks nothing; name it in may-sign"},
		"a demand of nothing":       {"signature: {}", "signature:", "line 8, column 13: evidence signature is not a mapping; {} demands it without anything further"},
		"what only others have":     {"signature: {}", "signature: {max-age: 3d}", `line 8, column 15: evidence signature has no "max-age"; it has signers, threshold`},
		"binding of a scan":         {"signature: {}", "scan: {binding: true}", `line 8, column 10: evidence scan has no "binding"; it has max-age, policies, signers, threshold`},
		"a signer that is none":     {"signature: {}", "signature: {signers: [we]}", "line 8, column 14: evidence signature: there is no signer we; there are us, ci"},
		"a signer twice":            {"signature: {}", "signature: {signers: [us, us]}", `line 8, column 29: signers: "us" stands twice`},
		"no signers":                {"signature: {}", "signature: {signers: []}", "line 8, column 24: signers is an empty list; name what it holds, or leave it away"},
		"a threshold of none":       {"signature: {}", "signature: {threshold: 0}", `line 8, column 26: threshold: "0" is no number of signers; it is 1 to 1000`},
		"a threshold in octal":      {"signature: {}", "signature: {threshold: 01}", `line 8, column 26: threshold: "01" is no number of signers; it is 1 to 1000`},
		"a threshold out of bounds": {"signature: {}", "signature: {threshold: 1001}", `line 8, column 26: threshold: "1001" is no number of signers; it is 1 to 1000`},
		"a negative threshold":      {"signature: {}", "signature: {threshold: -1}", `line 8, column 26: threshold: "-1" is no number of signers; it is 1 to 1000`},
		"a threshold in quotes":     {"signature: {}", "signature: {threshold: '1'}", `line 8, column 26: threshold: "1" is not a number to YAML; write it without quotes`},
		"a threshold of all and 1":  {"signature: {}", "signature: {threshold: 3}", "line 8, column 14: evidence signature: threshold 3 cannot be reached: 2 signers may sign it"},
		"a threshold of those":      {"signature: {}", "signature: {signers: [ci], threshold: 2}", "line 8, column 14: evidence signature: threshold 2 cannot be reached: 1 signer may sign it"},
		"0 as age":                  {"signature: {}", "scan: {max-age: 0h}", "line 8, column 19: max-age: 0 would allow nothing at all; leave it away to allow any age"},
		"a negative age":            {"signature: {}", "scan: {max-age: -3h}", `line 8, column 19: max-age: "-3h" is no duration such as 72h or 5d`},
		"an age without a unit":     {"signature: {}", "scan: {max-age: '7'}", `line 8, column 19: max-age: "7" is no duration such as 72h or 5d`},
		"weeks":                     {"signature: {}", "scan: {max-age: 1w}", `line 8, column 19: max-age: "1w" is no duration such as 72h or 5d`},
		"a short digest":            {"signature: {}", "scan: {policies: ['sha256:aa']}", `line 8, column 21: policies: "sha256:aa" is no digest: sha256: and 64 lower-case hex digits are`},
		"a digest in capitals":      {"signature: {}", "scan: {policies: ['sha256:" + strings.ToUpper(digits) + "']}", `line 8, column 21: policies: "sha256:` + strings.ToUpper(digits) + `" is no digest: sha256: and 64 lower-case hex digits are`},
		"a summary of anybody":      {"signature: {}", "verification-summary: {}", "line 8, column 25: evidence verification-summary has no verifiers; whoever goes by a summary says whose"},
		"a verifier that is no URI": {"signature: {}", "verification-summary: {verifiers: [us]}", `line 8, column 38: verifiers: "us" is no URI such as https://HOST/NAME`},
		"a builder with a star":     {"signature: {}", "provenance: {builders: ['https://tekton.dev/*']}", `line 8, column 27: builders: "https://tekton.dev/*" is compared as it is, and * ^ $ mean themselves`},
	}
}

// in is the small section with the mistake.
func (m mistake) in(t testing.TB) string {
	t.Helper()
	if strings.Count(small, m.old) != 1 {
		t.Fatalf("%q does not stand once in the sample", m.old)
	}
	return strings.Replace(small, m.old, m.now, 1)
}

func TestAMistakeIsToldWithItsPlace(t *testing.T) {
	for name, c := range mistakes() {
		t.Run(name, func(t *testing.T) {
			section, mistakes := Read(node(t, c.in(t)))
			if diff := cmp.Diff(c.want, strings.Join(mistakes, "\n")); diff != "" {
				t.Error(diff)
			}
			if section.Signers != nil || section.Authorities != nil || section.Evidence != nil {
				t.Error("a section with a mistake trusts somebody")
			}
		})
	}
}

func TestTheSmallSectionIsWhole(t *testing.T) {
	if section, mistakes := Read(node(t, small)); len(mistakes) > 0 || len(section.Evidence) != 1 {
		t.Error(mistakes)
	}
}

func TestADemandIsMetByThoseWhoMaySign(t *testing.T) {
	const head = "authorities: {a: {public-key: a.pub}, b: {public-key: ./a.pub}, c: {public-key: c.pub}}\n"
	for name, c := range map[string]struct{ text, want string }{
		"a signer of other kinds": {"signers: {one: {authority: a, may-sign: [sbom, scan]}}\nevidence: {signature: {signers: [one]}}", "line 3, column 23: evidence signature: signer one may not sign it, but sbom, scan"},
		"nobody":                  {"signers: {one: {authority: a, may-sign: [sbom]}}\nevidence: {signature: {}}", "line 3, column 23: evidence signature: no signer may sign it"},
		"too few of the kind":     {"signers: {one: {authority: a}, two: {authority: c, may-sign: [sbom]}}\nevidence: {signature: {threshold: 2}}", "line 3, column 23: evidence signature: threshold 2 cannot be reached: 1 signer may sign it"},
		"one key by two names":    {"signers: {one: {authority: a}, two: {authority: a}}\nevidence: {signature: {threshold: 2}}", "line 3, column 23: evidence signature: threshold 2 cannot be reached: 1 signer may sign it, for 1 of the names are the same key or identity as another"},
		"one file by two paths":   {"signers: {one: {authority: a}, two: {authority: b}}\nevidence: {signature: {threshold: 2}}", "line 3, column 23: evidence signature: threshold 2 cannot be reached: 1 signer may sign it, for 1 of the names are the same key or identity as another"},
		"two keys":                {"signers: {one: {authority: a}, two: {authority: c}}\nevidence: {signature: {threshold: 2}}", ""},
		"three names, two keys":   {"signers: {one: {authority: a}, two: {authority: b}, three: {authority: c}}\nevidence: {signature: {threshold: 2}}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, mistakes := Read(node(t, head+c.text))
			if diff := cmp.Diff(c.want, strings.Join(mistakes, "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestWhoCertifiesByNoTokenNamesNoIssuer: an ordinary certificate authority has signers that are a subject alone.
func TestWhoCertifiesByNoTokenNamesNoIssuer(t *testing.T) {
	form := schema(t)
	for name, c := range map[string]struct{ signer, want string }{
		"a subject":         {"subject: release@acme.example", ""},
		"a pattern":         {`subject-pattern: '^[a-z]+@acme\.example$'`, ""},
		"an issuer as well": {"issuer: https://login.acme.example, subject: release@acme.example", ""},
		"no subject":        {"issuer: https://login.acme.example", "line 2, column 16: signer one has no subject; authority pki certifies names, and a signer of it has a subject, exact or as a pattern"},
		"nothing":           {"may-sign: [sbom]", "line 2, column 16: signer one has no subject; authority pki certifies names, and a signer of it has a subject, exact or as a pattern"},
	} {
		t.Run(name, func(t *testing.T) {
			text := node(t, "authorities: {pki: {certificates: chain.pem}}\nsigners: {one: {authority: pki, "+c.signer+"}}\nevidence: {sbom: {}}")
			_, mistakes := Read(text)
			if diff := cmp.Diff(c.want, strings.Join(mistakes, "\n")); diff != "" {
				t.Error(diff)
			}
			if err := form.Validate(value(t, text)); c.want == "" && err != nil {
				t.Error(err)
			}
		})
	}
}

func TestASectionIsBounded(t *testing.T) {
	many := func(n int, form string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, form, i)
		}
		return b.String()
	}
	for name, c := range map[string]struct{ text, want string }{
		"authorities": {"authorities:\n" + many(101, "  a%d: {public-key: a.pub}\n") + "signers: {one: {authority: a1}}\nevidence: {signature: {}}\n", "line 102, column 3: authorities has more than 100 entries"},
		"signers":     {"authorities: {a: {public-key: a.pub}}\nsigners:\n" + many(1001, "  s%d: {authority: a}\n") + "evidence: {signature: {}}\n", "line 1003, column 3: signers has more than 1000 entries"},
		"a list":      {"authorities: {a: {public-key: a.pub}}\nsigners: {one: {authority: a}}\nevidence: {provenance: {builders: [" + many(101, "'https://a/%d',") + "]}}\n", "line 3, column 35: builders has 101 entries, and at most 100 are read"},
	} {
		t.Run(name, func(t *testing.T) {
			_, mistakes := Read(node(t, c.text))
			if diff := cmp.Diff(c.want, strings.Join(mistakes, "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// FuzzRead: whatever the document is, a section without mistakes trusts nobody whom it does not say enough of.
func FuzzRead(f *testing.F) {
	f.Add(whole)
	f.Add(small)
	f.Add("authorities: {a: {kms: 'awskms://k'}}\nsigners: {b: {authority: a, may-sign: [vex]}}\nevidence: {sbom: {threshold: 1}}")
	form := schema(f)
	f.Fuzz(func(t *testing.T, text string) {
		var doc yaml.Node
		if yaml.Unmarshal([]byte(text), &doc) != nil || len(doc.Content) == 0 {
			return
		}
		section, mistakes := Read(doc.Content[0])
		if len(mistakes) > 0 {
			if section.Authorities != nil || section.Signers != nil || section.Evidence != nil {
				t.Error("a section with a mistake trusts somebody")
			}
			return
		}
		if err := form.Validate(value(t, doc.Content[0])); err != nil {
			t.Errorf("it can be read, and the schema refuses it: %v", err)
		}
		for _, s := range section.Signers {
			a, ok := section.Authority(s.Authority)
			if !ok || a.Source.Keyless() != s.Issuer.Given() || a.Source.Keyless() != s.Subject.Given() {
				t.Errorf("signer %+v of %+v", s, a)
			}
		}
		for _, a := range section.Authorities {
			if !slices.Contains(sources, a.Source) || (a.Value == "") != (a.Source == PublicSigstore) {
				t.Errorf("authority %+v", a)
			}
		}
		if len(section.Evidence) == 0 {
			t.Error("nothing is demanded")
		}
		for _, d := range section.Evidence {
			if d.Threshold < 1 || d.Threshold > section.Principals(section.Of(d)) || d.Kind == VEX {
				t.Errorf("demand %+v", d)
			}
		}
	})
}
