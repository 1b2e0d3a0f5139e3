package admission_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stepseal/stepseal/internal/admission"
	"github.com/stepseal/stepseal/internal/trust"
)

func TestMistakesOfTheOptionsAreNamed(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*admission.Options)
		want   string
	}{
		{"no images", func(o *admission.Options) { o.Images = nil }, "no images are named"},
		{"many images", func(o *admission.Options) { o.Images = make([]string, 101) }, "101 image names"},
		{"an image without a registry", func(o *admission.Options) { o.Images = []string{"team/app"} }, "does not begin with a registry"},
		{"an image of Docker Hub", func(o *admission.Options) { o.Images = []string{"docker.io/team/*"} }, "can be written without its registry"},
		{"the other name of Docker Hub", func(o *admission.Options) { o.Images = []string{"index.docker.io/team/*"} }, "can be written without its registry"},
		{"a tag", func(o *admission.Options) { o.Images = []string{"registry.example.com/team/app:1"} }, "names a tag or a digest"},
		{"a digest", func(o *admission.Options) { o.Images = []string{"registry.example.com/team/app@sha256:0"} }, "names a tag or a digest"},
		{"capitals", func(o *admission.Options) { o.Images = []string{"Registry.example.com/team/*"} }, "does not begin with a registry"},
		{"a way out", func(o *admission.Options) { o.Images = []string{"registry.example.com/team/../*{,}"} }, "is no name of repositories"},
		{"no repository", func(o *admission.Options) { o.Images = []string{"registry.example.com/"} }, "is no name of repositories"},
		{"a line end", func(o *admission.Options) { o.Images = []string{"registry.example.com/team/*\n"} }, "is no name of repositories"},
		{"a name that is none", func(o *admission.Options) { o.Name = "Release: true" }, "is no name for a policy"},
		{"a name that is long", func(o *admission.Options) { o.Name = strings.Repeat("a", 41) }, "at most 40"},
		{"a namespace that is none", func(o *admission.Options) { o.Namespaces = []string{"shop, kube-system"} }, "is no namespace"},
		{"many namespaces", func(o *admission.Options) { o.Namespaces = make([]string, 101) }, "101 namespaces"},
		{"a format that is none", func(o *admission.Options) { o.Format = "tape" }, "none of bundle, legacy and both"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options()
			c.change(&o)
			for _, kind := range admission.Kinds {
				refused(t, kind, keyOnly(), material(t), o, c.want)
			}
		})
	}
}

func TestMistakesOfTheSectionAreNamed(t *testing.T) {
	many := func(n int) []string { return make([]string, n) }
	for _, c := range []struct {
		name   string
		change func(*trust.Section)
		want   string
	}{
		{"no evidence", func(s *trust.Section) { s.Evidence = nil }, "demands no evidence"},
		{"VEX", func(s *trust.Section) { s.Evidence = demand(trust.VEX) }, "not a kind of evidence that can be demanded"},
		{"nobody", func(s *trust.Section) { s.Signers = nil }, "nobody may sign it"},
		{"nobody for a kind", func(s *trust.Section) { s.Signers[0].MaySign = []trust.Kind{trust.Signature} }, "trust, evidence, sbom: nobody may sign it"},
		{"an authority that is missing", func(s *trust.Section) { s.Authorities = nil }, "has an authority that is not there"},
		{"a name that ends a comment", func(s *trust.Section) { s.Signers[0].Name = "x\nkind: Secret" }, "is no name"},
		{"a threshold of none", func(s *trust.Section) { s.Evidence[0].Threshold = 0 }, "the threshold is 0, of 1 signers"},
		{"a threshold that cannot be met", func(s *trust.Section) { s.Evidence[0].Threshold = 2 }, "the threshold is 2, of 1 signers"},
		{"one key under two names", func(s *trust.Section) {
			s.Signers = append(s.Signers, trust.Signer{Name: "again", Authority: "release-key"})
			s.Evidence[0].Threshold = 2
		}, "the threshold is 2, of 1 signers"},
		{"one key in two files", func(s *trust.Section) {
			s.Authorities = append(s.Authorities, trust.Authority{Name: "copy", Source: trust.PublicKey, Value: "copy.pub"})
			s.Signers = append(s.Signers, trust.Signer{Name: "again", Authority: "copy"})
			s.Evidence[0].Threshold = 2
		}, "the threshold is 2, of 1 signers"},
		{"an age below a second", func(s *trust.Section) { s.Evidence[2].MaxAge = time.Millisecond }, "no age in whole seconds"},
		{"a policy that is no digest", func(s *trust.Section) { s.Evidence[2].Policies = []string{"strict"} }, "no digest of a policy"},
		{"many policies", func(s *trust.Section) { s.Evidence[2].Policies = many(201) }, "201 accepted values"},
		{"an accepted value that is nothing", func(s *trust.Section) { s.Evidence[0].Builders = []string{""} }, "an accepted value is empty"},
		{"text that cannot be seen", func(s *trust.Section) { s.Evidence[0].Builders = []string{"https://b.example/\u202egnp"} }, "cannot be seen"},
		{"a key that a program would give", func(s *trust.Section) {
			s.Authorities[0].Source, s.Authorities[0].Value = trust.KMS, "evil://key"
		}, "no key in a key management system"},
		{"a key without content", func(s *trust.Section) {
			s.Authorities[0].Name, s.Signers[0].Authority = "other", "other"
		}, "was not read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := keyOnly()
			c.change(&s)
			m := material(t)
			m.Sources["copy"] = m.Sources["release-key"]
			o := options()
			o.Format = "both"
			for _, kind := range []admission.Kind{admission.Kyverno, admission.KyvernoImageValidating, admission.PolicyController} {
				refused(t, kind, s, m, o, c.want)
			}
		})
	}
}

func TestASignatureThatWouldCountTwiceIsRefused(t *testing.T) {
	two := func(subject trust.Pattern) trust.Section {
		s := publicSigstore(t)
		other := s.Signers[0]
		other.Name, other.Subject = "other", subject
		s.Signers, s.Evidence = append(s.Signers, other), demand(trust.Signature)
		s.Evidence[0].Threshold = 2
		return s
	}
	inside := trust.Exactly("https://github.com/acme/api/.github/workflows/release.yml@refs/tags/v1.2")
	refused(t, admission.Kyverno, two(inside), material(t), options(), "count twice")

	policy := rendered(t, admission.Kyverno, two(expression(t, `^https://github\.com/acme/[a-z]+/\.github/workflows/release\.yml@refs/tags/v1\.0$`)), options())
	if !strings.Contains(strings.Join(policy.Notes, " "), "counts twice towards the threshold") {
		t.Errorf("no note says that two patterns could fit one signature: %q", policy.Notes)
	}
	policy = rendered(t, admission.Kyverno, two(trust.Exactly("https://github.com/acme/web/.github/workflows/release.yml@refs/tags/v1.2")), options())
	if strings.Contains(strings.Join(policy.Notes, " "), "counts twice") {
		t.Errorf("a note doubts what cannot happen: %q", policy.Notes)
	}
}

func TestAnIdentityThatAnybodyFitsIsRefused(t *testing.T) {
	for name, change := range map[string]func(*trust.Signer){
		"without an issuer":   func(s *trust.Signer) { s.Issuer = trust.Pattern{} },
		"without a subject":   func(s *trust.Signer) { s.Subject = trust.Pattern{} },
	} {
		s := publicSigstore(t)
		change(&s.Signers[0])
		for _, kind := range admission.Kinds {
			policy, err := admission.Render(kind, s, material(t), options())
			if err == nil {
				t.Errorf("%s, %s: it was rendered:\n%s", kind, name, policy.Document)
			}
		}
	}
}

func TestTheFilesAreReadStrictly(t *testing.T) {
	root, chain := string(read(t, "trusted_root.json")), string(read(t, "chain.pem"))
	for _, c := range []struct {
		name    string
		section trust.Section
		source  string
		content string
		want    string
	}{
		{"a key that is none", keyOnly(), "release-key", "no", "holds no public key"},
		{"a private key", keyOnly(), "release-key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "holds a private key"},
		{"two keys", keyOnly(), "release-key", string(read(t, "release.pub")) + string(read(t, "audit.pub")), "more than one key"},
		{"a certificate for a key", keyOnly(), "release-key", chain[strings.LastIndex(chain, "-----BEGIN"):], "something else than a public key"},
		{"a large key", keyOnly(), "release-key", strings.Repeat(" ", 65<<10), "larger than 64 KiB"},
		{"a root that is none", privateSigstore(t), "corp", "no", "not JSON"},
		{"a root with a key twice", privateSigstore(t), "corp", strings.Replace(root, `"mediaType"`, `"tlogs": [], "mediaType"`, 1), "twice"},
		{"a root of nobody", privateSigstore(t), "corp", `{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`, "no certificate authority is in it"},
		{"a root of something else", privateSigstore(t), "corp", `{"tlogs": "none"}`, "no trusted_root.json"},
		{"a root with an address that is none", privateSigstore(t), "corp", strings.Replace(root, "https://fulcio.acme.example", "javascript:alert(1)", 1), "is no address"},
		{"a large root", privateSigstore(t), "corp", strings.Repeat(" ", 1<<20+1), "more than the 1048576 allowed"},
		{"a chain without a root", certified(t), "pki", chain[:strings.LastIndex(chain, "-----BEGIN")], "does not end with a root"},
		{"a chain of nothing", certified(t), "pki", "no", "a chain of 0 certificates"},
		{"a long chain", certified(t), "pki", strings.Repeat(chain, 7), "a chain of 13 certificates"},
		{"a key for a chain", certified(t), "pki", string(read(t, "release.pub")), "something else than certificates"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := material(t)
			m.Sources[c.source] = []byte(c.content)
			o := options()
			o.Format = "both"
			refused(t, admission.Kyverno, c.section, m, o, c.want)
			refused(t, admission.KyvernoImageValidating, c.section, m, o, c.want)
		})
	}
}

func TestANameOfAllRegistriesSaysNothingToKubernetes(t *testing.T) {
	o := options()
	o.Images = []string{"*"}
	refused(t, admission.ValidatingAdmissionPolicy, keyOnly(), material(t), o, "every registry")
	if document := string(rendered(t, admission.KyvernoImageValidating, keyOnly(), o).Document); !strings.Contains(document, "- glob: '*'\n") {
		t.Errorf("not all images in\n%s", document)
	}
}

func TestKindsAreReadAsTheyAreWritten(t *testing.T) {
	for _, kind := range admission.Kinds {
		if got, err := admission.ParseKind(string(kind)); err != nil || got != kind {
			t.Errorf("%s: %s, %v", kind, got, err)
		}
	}
	if _, err := admission.ParseKind("gatekeeper"); err == nil {
		t.Error("gatekeeper is a kind")
	}
	if _, err := admission.Render("gatekeeper", keyOnly(), material(t), options()); err == nil {
		t.Error("gatekeeper is rendered")
	}
}
