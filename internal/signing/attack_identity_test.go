package signing

import (
	"maps"
	"testing"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/sigstoretest"
	"github.com/stepseal/stepseal/internal/trust"
)

// jobOf are the claims of a job of the release workflow, with some of them changed.
func jobOf(changes map[string]any) map[string]any {
	claims := sigstoretest.GitHub(repository, workflow, mainBranch)
	maps.Copy(claims, changes)
	return claims
}

func untrusted(claims map[string]any, says string) attempt {
	return attempt{forgery: forgery{claims: claims}, want: outcome.SignatureUntrusted, says: says}
}

// Patterns that would fit more than they say are refused when the trust section is read; internal/trust tests that.
func TestAttack12LookalikeIdentity(t *testing.T) {
	newForgeBench(t).tryEach(t, map[string]attempt{
		"an issuer that goes on":         untrusted(jobOf(map[string]any{"iss": sigstoretest.GitHubIssuer + ".evil.example"}), `issuer is "https://token.actions.githubusercontent.com.evil.example"`),
		"an issuer with another case":    untrusted(jobOf(map[string]any{"iss": "https://TOKEN.actions.githubusercontent.com"}), "the issuer is"),
		"an issuer with a slash":         untrusted(jobOf(map[string]any{"iss": sigstoretest.GitHubIssuer + "/"}), "the issuer is"),
		"a repository that goes on":      untrusted(sigstoretest.GitHub(repository+"-evil", workflow, mainBranch), `subject is "https://github.com/acme/api-evil/`),
		"a dot that is another letter":   untrusted(sigstoretest.GitHub(repository, ".github/workflows/releaseXyml", mainBranch), "the subject is"),
		"a branch that goes on":          untrusted(sigstoretest.GitHub(repository, workflow, mainBranch+"-evil"), "the subject is"),
		"the workflow in a query string": untrusted(jobOf(map[string]any{"job_workflow_ref": "evil/evil?https://github.com/" + repository + "/" + workflow + "@" + mainBranch}), "the subject is"),
	})
}

func TestAttack13WrongIdentity(t *testing.T) {
	const shared = "https://github.com/acme/workflows/.github/workflows/release.yml@refs/heads/main"
	called := func(caller, ref string) map[string]any {
		claims := sigstoretest.GitHub(caller, ".github/workflows/ci.yml", ref)
		claims["job_workflow_ref"] = "acme/workflows/.github/workflows/release.yml@refs/heads/main"
		return claims
	}
	reusable := func(change func(*Signer)) func(*Signer) {
		return func(s *Signer) {
			s.Subject = trust.Exactly(shared)
			change(s)
		}
	}
	repositoryIs := reusable(func(s *Signer) { s.SourceRepository = trust.Exactly("https://github.com/" + repository) })
	callerIs := reusable(func(s *Signer) {
		s.CallerWorkflow = trust.Exactly("https://github.com/" + repository + "/.github/workflows/ci.yml@" + mainBranch)
	})
	refIs := reusable(func(s *Signer) { s.SourceRef = trust.Exactly(mainBranch) })
	by := func(claims map[string]any, signer func(*Signer), says string) attempt {
		return attempt{forgery: forgery{claims: claims}, signer: signer, want: outcome.SignatureUntrusted, says: says}
	}
	newForgeBench(t).tryEach(t, map[string]attempt{
		"the right workflow by another issuer":        untrusted(jobOf(map[string]any{"iss": "https://gitlab.com"}), `issuer is "https://gitlab.com" and not "https://token.actions`),
		"the right workflow on another branch":        untrusted(sigstoretest.GitHub(repository, workflow, "refs/heads/topic"), `subject is "https://github.com/acme/api/.github/workflows/release.yml@refs/heads/topic"`),
		"the right workflow on a pull request":        untrusted(sigstoretest.GitHub(repository, workflow, "refs/pull/7/merge"), "the subject is"),
		"the same workflow of a fork":                 untrusted(sigstoretest.GitHub("mallory/api", workflow, mainBranch), "the subject is"),
		"another workflow of the repository":          untrusted(sigstoretest.GitHub(repository, ".github/workflows/test.yml", mainBranch), "the subject is"),
		"a person":                                    untrusted(sigstoretest.Email("mallory@example.com"), "the subject is"),
		"a reusable workflow that anybody called":     by(called("mallory/api", mainBranch), repositoryIs, `source-repository is "https://github.com/mallory/api"`),
		"a reusable workflow, called as it should be": {forgery: forgery{claims: called(repository, mainBranch)}, signer: repositoryIs},
		"a reusable workflow, called by another one":  by(called("mallory/api", mainBranch), callerIs, `caller-workflow is "https://github.com/mallory/api/`),
		"a reusable workflow, called on a branch":     by(called(repository, "refs/heads/topic"), refIs, `source-ref is "refs/heads/topic"`),
		"a token that names no repository": by(jobOf(map[string]any{"iss": "https://gitlab.example.com", "sub": "x"}), func(s *Signer) {
			s.Issuer, s.SourceRepository = trust.Exactly("https://gitlab.example.com"), trust.Exactly("https://gitlab.example.com/acme/api")
		}, "the source-repository is"),
	})
}

// Whoever is trusted with one thing is not trusted with another, and where a demand names its signers nobody else counts.
func TestAttack13TrustedWithSomethingElse(t *testing.T) {
	b := newForgeBench(t)
	mayOnly := func(kinds ...trust.Kind) Signer {
		s := releaser(b.sigstore)
		s.MaySign = kinds
		return s
	}
	other := Signer{Key: b.key.Public()}
	other.Name = "security"
	named := func(kind trust.Kind, names ...string) Requirements {
		return Requirements{Demands: []trust.Demand{{Kind: kind, Threshold: 1, Signers: names}}}
	}
	for name, c := range map[string]struct {
		required Requirements
		signer   Signer
		want     outcome.Reason
	}{
		"a signature by whom only SBOMs are taken": {require(trust.Signature), mayOnly(trust.SBOM), outcome.SignatureUntrusted},
		"an SBOM by whom only scans are taken":     {require(trust.SBOM), mayOnly(trust.Scan), outcome.AttestationUntrusted},
		"a scan by whom only SBOMs are taken":      {require(trust.Scan), mayOnly(trust.SBOM), outcome.AttestationUntrusted},
		"a scan by whom scans are taken":           {require(trust.Scan), mayOnly(trust.Scan), ""},
		"a scan by another than is asked for":      {named(trust.Scan, "security"), releaser(b.sigstore), outcome.AttestationUntrusted},
		"a scan by one who is asked for":           {named(trust.Scan, "security", "release"), releaser(b.sigstore), ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := b.on(t)
			b.plant(forgery{}, b.everything()...)
			b.ends(c.want, c.required, c.signer, other)
		})
	}
}

// Thresholds count people, not signatures and not names in the trust section.
func TestAttack13OneSignerForTwo(t *testing.T) {
	b := newForgeBench(t)
	two := Requirements{Demands: []trust.Demand{{Kind: trust.Signature, Threshold: 2}}}
	branches := releaser(b.sigstore)
	fits, err := trust.ParsePattern(trust.Subject, `^https://github\.com/acme/api/\.github/workflows/release\.yml@refs/heads/(main|next)$`)
	if err != nil {
		t.Fatal(err)
	}
	branches.Subject = fits
	tag := releaser(b.sigstore)
	tag.Name, tag.SourceRepository = "again", trust.Exactly("https://github.com/"+repository)
	for name, c := range map[string]struct {
		signers []Signer
		want    outcome.Reason
	}{
		"two signatures by one":                     {[]Signer{releaser(b.sigstore)}, outcome.TooFewSigners},
		"two branches of one signer":                {[]Signer{branches}, outcome.TooFewSigners},
		"one identity under two names":              {[]Signer{releaser(b.sigstore), tag}, outcome.TooFewSigners},
		"one identity, and a key that is not there": {[]Signer{releaser(b.sigstore), {Key: newTestKey(t, ed25519Key(t)).Public()}}, outcome.TooFewSigners},
		"an identity and a key":                     {[]Signer{releaser(b.sigstore), {Key: b.key.Public()}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := b.on(t)
			b.plant(forgery{}, b.signature(), b.about(evidence.SignaturePredicate, "{}", b.subject, b.push("shop", "second")))
			b.plant(forgery{claims: sigstoretest.GitHub(repository, workflow, "refs/heads/next")}, b.signature())
			b.attest(Bundle, b.signature())
			b.ends(c.want, two, c.signers...)
		})
	}
}
