package signing

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
)

// indexed is an index of two platforms, and somebody who may sign it.
type indexed struct {
	*bench
	index     name.Digest
	platforms []name.Digest
	listed    []Listed
}

func newIndexed(t *testing.T, opt registrytest.Options) *indexed {
	t.Helper()
	b := newBench(t, opt)
	x := &indexed{bench: b}
	var entries []mutate.IndexAddendum
	for _, platform := range []string{"linux/amd64", "linux/arm64"} {
		img, err := mutate.Config(empty.Image, v1.Config{Labels: map[string]string{"platform": platform}})
		if err != nil {
			t.Fatal(err)
		}
		p, err := v1.ParsePlatform(platform)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: p}})
		digest, err := img.Digest()
		if err != nil {
			t.Fatal(err)
		}
		x.platforms = append(x.platforms, b.subject.Context().Digest(digest.String()))
		x.listed = append(x.listed, Listed{Platform: platform, Digest: digest.String()})
	}
	digest, err := b.server.PushIndex("shop:index", mutate.AppendManifests(empty.Index, entries...))
	if err != nil {
		t.Fatal(err)
	}
	x.index = b.subject.Context().Digest(digest.String())
	return x
}

// documents are the SBOM and the scan of a platform, about it first and about the index second.
func (x *indexed) documents(platform int, verdict string, finished time.Time) []evidence.Statement {
	x.subject = x.platforms[platform]
	both := []name.Digest{x.platforms[platform], x.index}
	return []evidence.Statement{
		x.about(evidence.SBOMPredicate, string(x.sbom(x.subject.DigestStr()).Predicate), both...),
		x.about(evidence.ScanPredicate, string(x.scan(verdict, finished).Predicate), both...),
	}
}

func (x *indexed) attestTo(at name.Digest, statements ...evidence.Statement) {
	x.Helper()
	x.subject = at
	x.attest(Both, statements...)
}

func (x *indexed) signatureOf(at name.Digest) evidence.Statement {
	return x.about(evidence.SignaturePredicate, "{}", at)
}

// signWhole signs and attests everything as sign-attest does.
func (x *indexed) signWhole() {
	x.Helper()
	everything := []evidence.Statement{x.signatureOf(x.index)}
	for i, p := range x.platforms {
		documents := x.documents(i, "accepted", noon.Add(-time.Hour))
		x.attestTo(p, append([]evidence.Statement{x.signatureOf(p)}, documents...)...)
		everything = append(everything, documents...)
	}
	x.attestTo(x.index, everything...)
}

func (x *indexed) refusesWhole(want outcome.Reason) Verification {
	x.Helper()
	v, err := VerifyIndex(context.Background(), x.registry, x.index, x.listed, ByKeys(x.key.Public()), all, noon)
	var got outcome.Reason
	if err != nil {
		got = outcome.Of(err).Reason
	}
	if got != want || v.Reason != want || v.Verdict != outcome.Verdict(err).String() {
		x.Errorf("ended as %q (%v), want %q; the document says %q, %q", got, err, want, v.Verdict, v.Reason)
	}
	return v
}

func TestAnIndexIsVerifiedAsAWhole(t *testing.T) {
	for where, opt := range eachRegistry {
		t.Run(where, func(t *testing.T) {
			x := newIndexed(t, opt)
			x.refusesWhole(outcome.SignatureMissing)
			x.signWhole()
			v := x.refusesWhole("")
			if len(v.Requirements) != 1 || len(v.Platforms) != 2 || len(v.Platforms[1].Requirements) != 3 || v.Index != x.index.DigestStr() {
				t.Errorf("got %+v", v)
			}
			raw, err := v.Marshal()
			if err != nil || !json.Valid(raw) {
				t.Error(err)
			}
			for _, p := range x.platforms {
				x.subject = p
				x.refuses(all, "")
			}
		})
	}
}

// Everything is signed, and one part of it is missing or about something else.
func TestAttack02IndexSignedInPart(t *testing.T) {
	first, second := 0, 1
	for title, test := range map[string]struct {
		sign func(*indexed)
		want outcome.Reason
	}{
		"the index is signed, a platform is not": {func(x *indexed) {
			documents := x.documents(second, "accepted", noon.Add(-time.Hour))
			x.attestTo(x.platforms[first], append(x.documents(first, "accepted", noon.Add(-time.Hour)), x.signatureOf(x.platforms[first]))...)
			x.attestTo(x.platforms[second], documents...)
			x.attestTo(x.index, x.signatureOf(x.index))
		}, outcome.SignatureMissing},
		"the platforms are signed, the index is not": {func(x *indexed) {
			for i, p := range x.platforms {
				x.attestTo(p, append(x.documents(i, "accepted", noon.Add(-time.Hour)), x.signatureOf(p))...)
			}
		}, outcome.SignatureMissing},
		"a platform has no documents": {func(x *indexed) {
			x.attestTo(x.platforms[first], append(x.documents(first, "accepted", noon.Add(-time.Hour)), x.signatureOf(x.platforms[first]))...)
			x.attestTo(x.platforms[second], x.signatureOf(x.platforms[second]))
			x.attestTo(x.index, x.signatureOf(x.index))
		}, outcome.AttestationMissing},
		"the documents lie beside the index alone": {func(x *indexed) {
			everything := []evidence.Statement{x.signatureOf(x.index)}
			for i, p := range x.platforms {
				everything = append(everything, x.documents(i, "accepted", noon.Add(-time.Hour))...)
				x.attestTo(p, x.signatureOf(p))
			}
			x.attestTo(x.index, everything...)
		}, ""},
		"a signature of a platform lies beside the index": {func(x *indexed) {
			x.signWhole()
			x.subject = x.index
			x.attach(bundleOf(x.T, x.key, marshal(x.T, x.signatureOf(x.platforms[first]))), evidence.SignaturePredicate)
		}, ""},
	} {
		t.Run(title, func(t *testing.T) {
			x := newIndexed(t, registrytest.Options{})
			test.sign(x)
			x.refusesWhole(test.want)
		})
	}
}

// A refusal of one platform that is newer revokes the whole, wherever it lies.
func TestANewerScanOfOnePlatformRevokesTheIndex(t *testing.T) {
	for title, at := range map[string]func(*indexed) name.Digest{
		"beside the platform": func(x *indexed) name.Digest { return x.platforms[1] },
		"beside the index":    func(x *indexed) name.Digest { return x.index },
	} {
		t.Run(title, func(t *testing.T) {
			x := newIndexed(t, registrytest.Options{})
			x.signWhole()
			refused := x.documents(1, "refused", noon.Add(-time.Minute))[1]
			x.attestTo(at(x), refused)
			x.refusesWhole(outcome.ScanRefused)
		})
	}
}

// What cannot be listed beside one platform may be a refusal.
func TestAPlatformThatCannotBeLookedAt(t *testing.T) {
	x := newIndexed(t, registrytest.Options{})
	x.signWhole()
	x.server.Behave(registrytest.Rule{Method: "GET", Path: x.path("/referrers/" + x.platforms[1].DigestStr()), Answer: registrytest.Status(403)})
	v := x.refusesWhole(outcome.ReferrersUnreadable)
	if v.Verdict != "undecided" || v.Platforms[0].Requirements[2].Result != Trusted || v.Platforms[1].Requirements[2].Result != CouldNotCheck {
		t.Errorf("got %+v", v.Platforms)
	}
}

// An attestation of a platform of another index, or by a stranger, counts for nothing.
func TestForeignStatementsBesideAnIndex(t *testing.T) {
	x := newIndexed(t, registrytest.Options{})
	mine := x.key
	x.key = newTestKey(t, ed25519Key(t))
	x.signWhole()
	x.key = mine
	x.refusesWhole(outcome.SignatureUntrusted)
	x.signWhole()
	x.refusesWhole("")
}

// Whoever verified the index has verified all that it lists: verify attests its answer about the index alone.
func TestASummaryOfTheIndexIsOneOfItsPlatforms(t *testing.T) {
	x := newIndexed(t, registrytest.Options{})
	check := func(want outcome.Reason) {
		t.Helper()
		v, err := VerifyIndex(t.Context(), x.registry, x.index, x.listed, ByKeys(x.key.Public()), summaries(1), noon)
		if v.Reason != want || (err == nil) != (want == "") {
			t.Errorf("ended as %q (%v), want %q", v.Reason, err, want)
		}
	}
	say := func(of name.Digest, passed bool, age time.Duration) {
		x.subject = of
		x.attestTo(of, x.summary(passed, noon.Add(-age)))
	}
	other := x.push("shop", "2")
	x.subject = other
	x.attestTo(x.index, x.about(evidence.SummaryPredicate, string(x.summary(true, noon.Add(-9*time.Hour)).Predicate), x.index))
	check(outcome.AttestationUntrusted) // it is about another image, whatever its first subject
	say(x.index, true, 8*time.Hour)
	check("")
	say(x.platforms[1], false, 7*time.Hour)
	check(outcome.SummaryFailed)
	say(x.index, true, 6*time.Hour)
	check("")
	say(x.index, false, 5*time.Hour)
	check(outcome.SummaryFailed)
	say(x.platforms[0], true, 4*time.Hour)
	check(outcome.SummaryFailed)
	say(x.platforms[1], true, 3*time.Hour)
	check("")
}
