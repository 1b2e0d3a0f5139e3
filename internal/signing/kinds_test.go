package signing

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/provenance"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/trust"
)

// beside puts a document beside the image and is the statement that refers to it.
func (b *bench) beside(document string) evidence.Statement {
	b.Helper()
	if err := remote.WriteLayer(b.subject.Context(), static.NewLayer([]byte(document), evidence.CycloneDXMediaType)); err != nil {
		b.Fatal(err)
	}
	predicate, err := evidence.Reference{Digest: evidence.Digest([]byte(document)), MediaType: evidence.CycloneDXMediaType,
		Location: "https://elsewhere.example/" + evidence.Digest([]byte(document))}.Predicate()
	if err != nil {
		b.Fatal(err)
	}
	return b.about(evidence.ReferencePredicate, string(predicate))
}

func TestSBOMByReference(t *testing.T) {
	sbomOf := func(digest string) string {
		return fmt.Sprintf(`{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"component":{"version":%q}}}`, digest)
	}
	t.Run("it counts as one that stands in its attestation", func(t *testing.T) {
		b := newBench(t, registrytest.Options{})
		document := sbomOf(b.subject.DigestStr())
		b.attest(Both, b.beside(document))
		v := b.refuses(bound(), "")
		if v.Requirements[0].Document != evidence.Digest([]byte(document)) {
			t.Errorf("%+v", v.Requirements[0])
		}
	})
	t.Run("one of another image does not", func(t *testing.T) {
		b := newBench(t, registrytest.Options{})
		b.attest(Both, b.beside(sbomOf(b.push("other", "2").DigestStr())))
		b.refuses(bound(), outcome.SBOMOtherImage)
	})
	t.Run("one that is gone could not be checked", func(t *testing.T) {
		b := newBench(t, registrytest.Options{})
		statement := b.beside(sbomOf(b.subject.DigestStr()))
		b.attest(Both, statement)
		document := sbomOf(b.subject.DigestStr())
		b.server.Behave(registrytest.Rule{Method: registrytest.Reads, Path: b.path("/blobs/" + evidence.Digest([]byte(document))), Answer: registrytest.Status(http.StatusNotFound)})
		b.refuses(require(trust.SBOM), outcome.ReferrersUnreadable)
	})
	t.Run("one that can be read in two ways does not", func(t *testing.T) {
		for name, change := range map[string]func(document, other string) string{
			"another one behind it": func(document, other string) string { return document + other },
			"a root twice": func(document, other string) string {
				_, metadata, _ := strings.Cut(strings.TrimSuffix(other, "}"), `"metadata":`)
				return strings.Replace(document, `"metadata":`, `"metadata":`+metadata+`,"metadata":`, 1)
			},
		} {
			b := newBench(t, registrytest.Options{})
			b.attest(Bundle, b.beside(change(sbomOf(b.subject.DigestStr()), sbomOf(b.push("other", "2").DigestStr()))))
			v := b.refuses(bound(), outcome.AttestationUntrusted)
			if text := strings.Join(v.Requirements[0].Evidence, "\n"); !strings.Contains(text, "which it refers to") {
				t.Errorf("%s: the evidence says %s", name, text)
			}
		}
	})
	t.Run("a stranger's reference is not followed", func(t *testing.T) {
		b := newBench(t, registrytest.Options{})
		document := sbomOf(b.subject.DigestStr())
		b.attest(Both, b.beside(document))
		b.server.Forget()
		stranger := newTestKey(t, ed25519Key(t))
		if _, err := b.verifyBy(require(trust.SBOM), stranger); err == nil {
			t.Error("it counts")
		}
		if n := b.server.Requests().Count("GET", b.path("/blobs/"+evidence.Digest([]byte(document)))); n != 0 {
			t.Errorf("%d requests for what a stranger names", n)
		}
	})
}

func provenanceBy(builder, repository string) string {
	doc, err := provenance.Write(provenance.Build{Builder: builder, Repository: repository, Commit: "0123456789012345678901234567890123456789", System: "test"})
	if err != nil {
		panic(err)
	}
	return string(doc)
}

const builder, source = "https://github.com/acme/api/.github/workflows/release.yml@refs/heads/main", "https://github.com/acme/api"

func builtBy(builders ...string) Requirements {
	return Requirements{Demands: []trust.Demand{{Kind: trust.Provenance, Threshold: 1, Builders: builders}}}
}

func TestProvenanceDemands(t *testing.T) {
	b := newBench(t, registrytest.Options{})
	b.refuses(builtBy(), outcome.AttestationMissing)
	b.attest(Bundle, b.about(provenance.PredicateType, `{}`))
	b.refuses(builtBy(), outcome.AttestationUntrusted)
	b.attest(Bundle, b.about(provenance.PredicateType, provenanceBy("https://ci.example/other", source)))
	b.refuses(builtBy(builder), outcome.BuilderNotAccepted)
	b.attest(Bundle, b.about(provenance.PredicateType, provenanceBy(builder, source)))
	if v := b.refuses(builtBy(builder), ""); v.Requirements[0].Builder != builder || v.Requirements[0].Source != source {
		t.Errorf("%+v", v.Requirements[0])
	}
}

// Whoever signs provenance says who built what. A certificate says for which repository its job ran, and provenance of
// another is a contradiction.
func TestAttack13ProvenanceOfAnotherBuild(t *testing.T) {
	b := newForgeBench(t)
	for name, c := range map[string]struct {
		builder, source string
		want            outcome.Reason
	}{
		"as it was built":       {builder, source, ""},
		"by another builder":    {"https://ci.example/other", source, outcome.BuilderNotAccepted},
		"of another repository": {builder, "https://github.com/acme/other", outcome.AttestationUntrusted},
	} {
		t.Run(name, func(t *testing.T) {
			b := b.on(t)
			b.plant(forgery{}, b.about(provenance.PredicateType, provenanceBy(c.builder, c.source)))
			b.ends(c.want, builtBy(builder), releaser(b.sigstore))
		})
	}
}

func TestAttack25VerificationSummaries(t *testing.T) {
	const verifier, policy = "https://verify.acme.example", "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for name, test := range map[string]struct {
		change func(*evidence.VerificationSummary)
		want   outcome.Reason
	}{
		"as it should be":            {func(*evidence.VerificationSummary) {}, ""},
		"of another verifier":        {func(s *evidence.VerificationSummary) { s.Verifier = "https://other.example" }, outcome.AttestationUntrusted},
		"about another place":        {func(s *evidence.VerificationSummary) { s.Resource = "oci://elsewhere.example/shop@" + policy }, outcome.AttestationUntrusted},
		"by another policy":          {func(s *evidence.VerificationSummary) { s.Policy.Digest = "sha256:" + fmt.Sprintf("%064d", 1) }, outcome.PolicyNotAccepted},
		"that says FAILED":           {func(s *evidence.VerificationSummary) { s.Passed, s.Levels = false, nil }, outcome.SummaryFailed},
		"of last year":               {func(s *evidence.VerificationSummary) { s.Time = noon.AddDate(-1, 0, 0) }, outcome.SummaryTooOld},
		"that claims to be of later": {func(s *evidence.VerificationSummary) { s.Time = noon.AddDate(1, 0, 0) }, outcome.SummaryTooOld},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, registrytest.Options{})
			s := evidence.VerificationSummary{Verifier: verifier, Time: noon.Add(-time.Hour), Resource: evidence.ImageURI(b.subject.Context().Name(), b.subject.DigestStr()),
				Policy: evidence.Evidence{URI: "https://acme.example/policy", Digest: policy}, Passed: true, Levels: []string{"SLSA_BUILD_LEVEL_1"}}
			test.change(&s)
			predicate, err := s.Predicate()
			if err != nil {
				t.Fatal(err)
			}
			b.attest(Both, b.about(evidence.SummaryPredicate, string(predicate)))
			b.refuses(Requirements{Demands: []trust.Demand{{Kind: trust.VerificationSummary, Threshold: 1, MaxAge: 24 * time.Hour,
				Verifiers: []string{verifier}, Policies: []string{policy}}}}, test.want)
		})
	}
}

// summary is one by the verifier, of that time.
func (b *bench) summary(passed bool, at time.Time) evidence.Statement {
	b.Helper()
	s := evidence.VerificationSummary{Verifier: "https://v.example", Time: at, Resource: evidence.ImageURI(b.subject.Context().Name(), b.subject.DigestStr()),
		Policy: evidence.Evidence{URI: "https://acme.example/policy"}, Passed: passed}
	if passed {
		s.Levels = []string{"SLSA_BUILD_LEVEL_0"}
	}
	predicate, err := s.Predicate()
	if err != nil {
		b.Fatal(err)
	}
	return b.about(evidence.SummaryPredicate, string(predicate))
}

// summaries demands a verification summary by as many signers.
func summaries(threshold int) Requirements {
	return Requirements{Demands: []trust.Demand{{Kind: trust.VerificationSummary, Threshold: threshold, Verifiers: []string{"https://v.example"}}}}
}

// A summary that failed takes the place of an older one that passed.
func TestNewestVerificationSummaryCounts(t *testing.T) {
	b := newBench(t, registrytest.Options{})
	b.attest(Bundle, b.summary(true, noon.Add(-5*time.Hour)))
	b.refuses(summaries(1), "")
	b.attest(Bundle, b.summary(false, noon.Add(-4*time.Hour)))
	b.refuses(summaries(1), outcome.SummaryFailed)
}

// Who has taken a summary back is not counted for it.
func TestASignerCountsByTheNewestOfHisSummaries(t *testing.T) {
	b := newBench(t, registrytest.Options{})
	first, second := b.key, newTestKey(t, ed25519Key(t))
	by := func(key *Key, passed bool, age time.Duration) {
		b.key = key
		b.attest(Bundle, b.summary(passed, noon.Add(-age)))
	}
	by(first, true, 5*time.Hour)
	by(second, true, 4*time.Hour)
	if _, err := b.verifyBy(summaries(2), first, second); err != nil {
		t.Fatal(err)
	}
	by(first, false, 3*time.Hour)
	by(second, true, 2*time.Hour)
	if _, err := b.verifyBy(summaries(2), first, second); outcome.Verdict(err) != outcome.Refused || outcome.Of(err).Reason != outcome.TooFewSigners {
		t.Errorf("it ends with %v", err)
	}
}

// A verification summary lists all the attestations that it rests on, or none.
func TestAnAnswerSaysAllThatItRestsOn(t *testing.T) {
	b := newBench(t, registrytest.Options{})
	first, second := b.key, newTestKey(t, ed25519Key(t))
	var want []string
	by := func(key *Key, statements ...evidence.Statement) {
		b.key = key
		for _, w := range b.attest(Bundle, statements...) {
			want = append(want, w.Digest.String())
		}
	}
	two := Requirements{Demands: []trust.Demand{{Kind: trust.Signature, Threshold: 2}, {Kind: trust.Scan, Threshold: 1}}}
	rests := func(verdict outcome.Ending) {
		t.Helper()
		v, err := b.verifyBy(two, first, second)
		got := v.Attestations()
		slices.Sort(got)
		slices.Sort(want)
		if outcome.Verdict(err) != verdict || !slices.Equal(got, want) {
			t.Errorf("it ends with %v and rests on %v, want %v", err, got, want)
		}
	}
	by(first, b.signature())
	by(second, b.signature(), b.scan("accepted", noon.Add(-2*time.Hour)))
	rests(outcome.Accepted)
	want = want[:0]
	v, _ := b.verifyBy(require(trust.Signature), first, second)
	if len(v.Attestations()) != 1 {
		t.Errorf("one of one signer is enough, and it rests on %v", v.Attestations())
	}
	b.subject = b.push("shop", "refused")
	by(first, b.signature(), b.scan("refused", noon.Add(-time.Hour)))
	by(second, b.signature())
	rests(outcome.Refused)
}
