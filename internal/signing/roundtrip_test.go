package signing

import (
	"context"
	"crypto"
	"crypto/elliptic"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/trust"
)

var eachRegistry = map[string]registrytest.Options{
	"referrers API": {},
	"fallback tag":  {Referrers: registrytest.ReferrersOff},
}

func TestEveryKeyInEveryFormat(t *testing.T) {
	keys := map[string]crypto.Signer{"P-256": ecdsaKey(t, elliptic.P256()), "P-384": ecdsaKey(t, elliptic.P384()),
		"RSA": rsaKey(t, 2048), "Ed25519": ed25519Key(t)}
	for kind, private := range keys {
		for where, opt := range eachRegistry {
			for _, format := range []Format{Bundle, Legacy, Both} {
				t.Run(kind+" "+where+" "+string(format), func(t *testing.T) {
					b := newBench(t, opt)
					b.key = newTestKey(t, private)
					b.signsAndVerifies(format)
				})
			}
		}
	}
}

func (b *bench) signsAndVerifies(format Format) {
	first := b.attest(format, b.everything()...)
	for i, w := range first {
		if !w.Added || w.Digest == (v1.Hash{}) || w.Bundle.Added != format.bundle() || w.Legacy.Added != format.legacy() {
			b.Errorf("statement %d: %+v", i, w)
		}
	}
	b.server.Forget()
	second := b.attest(format, b.everything()...)
	if n := b.writes(); n != 0 {
		b.Errorf("the second run writes %d times", n)
	}
	for i, w := range second {
		if w.Added || w.Digest != first[i].Digest {
			b.Errorf("statement %d: %+v, then %+v", i, first[i], w)
		}
	}
	v := b.refuses(all, "")
	want := map[Format][]Format{Bundle: {Bundle}, Legacy: {Legacy}, Both: {Bundle, Legacy}}[format]
	for i, r := range v.Requirements {
		if r.Result != Trusted || r.Signer != b.key.Signer() || !cmp.Equal(want, r.Formats) || r.Manifest != first[i].Digest.String() {
			b.Errorf("%+v", r)
		}
	}
	if v.Signer() != b.key.Signer() {
		b.Errorf("signer %q", v.Signer())
	}
}

func TestOnlyWhatIsMissingIsAdded(t *testing.T) {
	b := newBench(t, registrytest.Options{})
	b.attest(Bundle, b.signature())
	b.server.Forget()
	written := b.attest(Both, b.everything()...)
	if s := written[0]; s.Bundle.Added || !s.Legacy.Added {
		t.Errorf("signature: %+v", s)
	}
	if n := b.server.Requests().Count("PUT", b.path("/manifests/sha256:*")); n != 2 {
		t.Errorf("%d bundles are written instead of the two missing", n)
	}
	b.attest(Both, b.scan("accepted", noon))
	if v := b.refuses(all, ""); len(v.Requirements[2].Notes) != 1 || v.Requirements[2].Finished != "2026-05-04T12:00:00Z" {
		t.Errorf("%+v", v.Requirements[2])
	}
}

func TestASignatureByAnotherKeyIsCalledThat(t *testing.T) {
	for _, format := range []Format{Bundle, Legacy} {
		b := newBench(t, registrytest.Options{})
		b.attest(format, b.signature())
		v, err := b.verifyBy(require(trust.Signature), newTestKey(t, ed25519Key(t)))
		if got := outcome.Of(err); got == nil || got.Reason != outcome.SignatureUntrusted {
			t.Fatal(err)
		}
		if found := strings.Join(v.Requirements[0].Evidence, "\n"); !strings.Contains(found, errSignature.Error()) || strings.Contains(found, "threshold") {
			t.Errorf("%s: %s", format, found)
		}
	}
}

func TestAnotherSignersWorkIsLeftInPlace(t *testing.T) {
	b := newBench(t, registrytest.Options{Referrers: registrytest.ReferrersOff})
	b.attest(Both, b.everything()...)
	first := b.key
	b.key = newTestKey(t, ed25519Key(t))
	for i, w := range b.attest(Both, b.everything()...) {
		if !w.Bundle.Added || !w.Legacy.Added {
			t.Errorf("statement %d: %+v", i, w)
		}
	}
	for _, key := range []*Key{first, b.key} {
		if v, err := b.verifyBy(all, key); err != nil || v.Signer() != key.Signer() {
			t.Errorf("%s: %v", v.Signer(), err)
		}
	}
	if v, err := b.verifyBy(all, newTestKey(t, ed25519Key(t)), b.key); err != nil || v.Signer() != b.key.Signer() {
		t.Errorf("with two trusted keys: %s, %v", v.Signer(), err)
	}
}

func TestPredicateComesBackByteByByte(t *testing.T) {
	const delicate = "{\"bomFormat\":\"CycloneDX\",\"z\":\"<a>&\u2028\",\"n\":12345678901234567890}"
	b := newBench(t, registrytest.Options{})
	b.attest(Both, b.about(evidence.SBOMPredicate, delicate))
	s := newStore(b.registry, b.subject)
	ctx := context.Background()
	bundles, err := s.bundles(ctx)
	if err != nil {
		t.Fatal(err)
	}
	envelopes, err := s.attestations(ctx)
	if err != nil {
		t.Fatal(err)
	}
	e, err := newExaminer(ByKeys(b.key.Public()))
	if err != nil {
		t.Fatal(err)
	}
	found := e.examine(append(bundles.documents, envelopes.documents...))
	if len(found) != 2 {
		t.Fatalf("%d documents", len(found))
	}
	for _, f := range found {
		if f.err != nil || string(f.statement.Predicate) != delicate {
			t.Errorf("%s: %s, %v", f.store, f.statement.Predicate, f.err)
		}
	}
	v, err := b.verify(require(trust.SBOM))
	if want := evidence.Digest([]byte(delicate)); err != nil || v.Requirements[0].Document != want {
		t.Errorf("document %s, want %s (%v)", v.Requirements[0].Document, want, err)
	}
}

func TestAttack06SecondSubject(t *testing.T) {
	b := newBench(t, registrytest.Options{})
	platform, index := b.subject, b.push("shop", "index")
	s := b.about(evidence.SBOMPredicate, `{"bomFormat":"CycloneDX","metadata":{"component":{"version":"`+platform.DigestStr()+`"}}}`, platform, index)
	b.attest(Both, s)
	b.refuses(require(trust.SBOM), "")

	// Attached to the index too, it is still about the platform.
	b.subject = index
	b.attest(Both, s)
	v := b.refuses(require(trust.SBOM), outcome.AttestationUntrusted)
	if got := strings.Join(v.Requirements[0].Evidence, "\n"); !strings.Contains(got, platform.DigestStr()) {
		t.Errorf("the evidence does not name what it is about:\n%s", got)
	}
	if _, err := Attest(context.Background(), b.registry, b.push("shop", "third"), b.key, s, Both, noon); err == nil {
		t.Error("a statement is attached to something that it is not about")
	}
}

func TestAttack32LostWritesAreRepeated(t *testing.T) {
	t.Parallel()
	for where, opt := range eachRegistry {
		t.Run(where, func(t *testing.T) {
			b := newBench(t, opt)
			// The first two manifests of the .att tag are taken and not kept.
			tag := b.path("/manifests/" + attestationTag(b.subject).TagStr())
			b.server.Behave(registrytest.Rule{Method: "PUT", Path: tag, Times: 2, Answer: registrytest.Status(http.StatusCreated)})
			b.attest(Both, b.everything()...)
			b.refuses(all, "")
			b.server.Calm()
			b.server.Forget()
			b.attest(Both, b.everything()...)
			if n := b.writes(); n != 0 {
				t.Errorf("%d writes afterwards", n)
			}
		})
	}
}

func TestAttack32WritesThatStayLost(t *testing.T) {
	t.Parallel()
	b := newBench(t, registrytest.Options{})
	b.server.Behave(registrytest.Rule{Method: "PUT", Path: b.path("/manifests/*.sig"), Answer: registrytest.Status(http.StatusCreated)})
	_, err := Attest(context.Background(), b.registry, b.subject, b.key, b.signature(), Legacy, noon)
	if outcome.Of(err) == nil || outcome.Of(err).Reason != outcome.WriteLost {
		t.Errorf("%v", err)
	}
}

func TestWritersWhoMayNot(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 403, 405} {
		for _, format := range []Format{Bundle, Legacy, Both} {
			b := newBench(t, registrytest.Options{})
			b.server.Behave(registrytest.Rule{Method: registrytest.Writes, Answer: registrytest.Status(status)})
			_, err := Attest(context.Background(), b.registry, b.subject, b.key, b.signature(), format, noon)
			if outcome.Of(err) == nil || outcome.Of(err).Reason != outcome.NoWritePermission {
				t.Errorf("%d, %s: %v", status, format, err)
			}
		}
	}
}

func TestNothingIsWrittenWhereReferrersCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 403, 405, 500} {
		b := newBench(t, registrytest.Options{Referrers: registrytest.Referrers(status)})
		_, err := Attest(context.Background(), b.registry, b.subject, b.key, b.signature(), Both, noon)
		if outcome.Of(err) == nil || outcome.Of(err).Reason != outcome.ReferrersUnreadable || b.writes() != 0 {
			t.Errorf("%d: %v after %d writes", status, err, b.writes())
		}
		// The tags need no referrers.
		b.attest(Legacy, b.everything()...)
	}
}

func TestAttestStopsWithItsContext(t *testing.T) {
	b := newBench(t, registrytest.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Attest(ctx, b.registry, b.subject, b.key, b.signature(), Both, noon); !errors.Is(err, context.Canceled) && (outcome.Of(err) == nil || outcome.Of(err).Reason != outcome.Interrupted) {
		t.Errorf("%v", err)
	}
	v, err := Verify(ctx, b.registry, b.subject, ByKeys(b.key.Public()), all, noon)
	if !errors.Is(err, context.Canceled) || v.Verdict != "undecided" || v.Reason != outcome.Interrupted {
		t.Errorf("%v, %+v", err, v)
	}
}

func TestLegacyManifestIsAsCosignWritesIt(t *testing.T) {
	b := newBench(t, registrytest.Options{})
	b.attest(Legacy, b.everything()...)
	for tag, layers := range map[name.Tag]int{signatureTag(b.subject): 1, attestationTag(b.subject): 2} {
		img, err := remote.Image(tag)
		if err != nil {
			t.Fatal(err)
		}
		config, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		m, err := img.Manifest()
		if err != nil || len(m.Layers) != layers || len(config.RootFS.DiffIDs) != layers {
			t.Errorf("%s: %d layers, %d diff ids, %v", tag, len(m.Layers), len(config.RootFS.DiffIDs), err)
		}
	}
	ours, err := newSimpleSigning(b.subject)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"critical":{"identity":{"docker-reference":"` + b.subject.Context().Name() + `"},"image":{"docker-manifest-digest":"` +
		b.subject.DigestStr() + `"},"type":"cosign container image signature"},"optional":null}`
	if diff := cmp.Diff(want, string(ours)); diff != "" {
		t.Error(diff)
	}
}
