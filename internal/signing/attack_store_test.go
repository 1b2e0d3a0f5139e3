package signing

import (
	"strings"
	"testing"
	"time"

	bundles "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/sigstoretest"
	"github.com/stepseal/stepseal/internal/trust"
)

// Whatever strangers put beside a keyless signature, it is neither hidden nor made up by it.
func TestAttack21StrangersBundlesBesideKeylessOnes(t *testing.T) {
	b := newForgeBench(t)
	litter := func(b *keylessBench) {
		for _, content := range []string{"", "{", "null", `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}`} {
			b.attach([]byte(content), evidence.SignaturePredicate)
		}
		b.plant(forgery{claims: sigstoretest.Email("mallory@example.com")}, b.everything()...)
		b.plant(forgery{faults: sigstoretest.Faults{UnknownAuthority: true}}, b.everything()...)
		b.attest(Both, b.everything()...) // by a key that is not trusted
	}
	for _, format := range []Format{Bundle, Legacy, Both} {
		t.Run(string(format), func(t *testing.T) {
			b := b.on(t)
			litter(b)
			b.ends(outcome.SignatureUntrusted, require(trust.Signature), releaser(b.sigstore))
			b.ends(outcome.AttestationUntrusted, require(trust.SBOM, trust.Scan), releaser(b.sigstore))
			b.mustWrite(b.release(logged...), format)
			b.ends("", all, releaser(b.sigstore))
		})
	}
}

// stripEntries takes away what the log said.
func stripEntries(_ *keylessBench, made *bundles.Bundle) error {
	made.GetVerificationMaterial().TlogEntries = nil
	return nil
}

// A registry that serves the weaker form alone, and whoever takes something away from a bundle, get no less asked of them.
func TestAttack22Downgrade(t *testing.T) {
	b := newForgeBench(t)
	old := func(b *keylessBench, made *bundles.Bundle) error {
		made.MediaType = layerBundleType
		return stripEntries(b, made)
	}
	keys := func(b *keylessBench) Trust { return ByKeys(b.key.Public()) }
	identities := func(b *keylessBench) Trust { return Trust{Signers: []Signer{releaser(b.sigstore)}} }
	bundlesOnly := func(of func(*keylessBench) Trust) func(*keylessBench) Trust {
		return func(b *keylessBench) Trust {
			only := of(b)
			only.BundlesOnly = true
			return only
		}
	}
	for name, c := range map[string]struct {
		plant func(*keylessBench)
		trust func(*keylessBench) Trust
		want  outcome.Reason
		says  string
	}{
		"cosign's tags by an identity, and only bundles count": {func(b *keylessBench) { b.mustWrite(b.release(logged...), Legacy) }, bundlesOnly(identities), outcome.SignatureUntrusted, "only bundles are trusted"},
		"cosign's tags by a key, and only bundles count":       {func(b *keylessBench) { b.attest(Legacy, b.everything()...) }, bundlesOnly(keys), outcome.SignatureUntrusted, "only bundles are trusted"},
		"both forms, and only bundles count":                   {func(b *keylessBench) { b.mustWrite(b.release(logged...), Both) }, bundlesOnly(identities), "", ""},
		"cosign's tags, and both forms count":                  {func(b *keylessBench) { b.mustWrite(b.release(logged...), Legacy) }, identities, "", ""},
		"a bundle whose log entry was taken away":              {func(b *keylessBench) { b.plant(forgery{alter: stripEntries}, b.everything()...) }, identities, outcome.SignatureUntrusted, "transparency log"},
		"the same in the form of version 0.1":                  {func(b *keylessBench) { b.plant(forgery{alter: old}, b.everything()...) }, identities, outcome.SignatureUntrusted, "transparency log"},
		"a key where an identity is asked for":                 {func(b *keylessBench) { b.attest(Both, b.everything()...) }, identities, outcome.SignatureUntrusted, "signed in a way that nobody who is trusted signs in"},
		"an identity where a key is asked for":                 {func(b *keylessBench) { b.mustWrite(b.release(logged...), Bundle) }, keys, outcome.SignatureUntrusted, "signed in a way that nobody who is trusted signs in"},
	} {
		t.Run(name, func(t *testing.T) {
			b := b.on(t)
			c.plant(b)
			v, err := Verify(t.Context(), b.registry, b.subject, c.trust(b), all, noon)
			var got outcome.Reason
			var lines []string
			if err != nil {
				got, lines = outcome.Of(err).Reason, v.Requirements[0].Evidence
			}
			if text := strings.Join(lines, "\n"); got != c.want || !strings.Contains(text, c.says) {
				t.Errorf("ended as %q (%v), want %q and %q:\n%s", got, err, c.want, c.says, text)
			}
		})
	}
}

// Three answers that must not be taken for each other: nothing is there, nothing that is trusted is there, and it could
// not be found out.
func TestAttack26NoneUntrustedUnreadable(t *testing.T) {
	b := newForgeBench(t)
	stranger := forgery{claims: sigstoretest.Email("mallory@example.com")}
	unreadable := func(status int) func(*keylessBench) {
		return func(b *keylessBench) { b.server.SetReferrers(registrytest.Referrers(status)) }
	}
	for name, c := range map[string]struct {
		prepare func(*keylessBench)
		want    outcome.Reason
		ending  outcome.Ending
	}{
		"none":          {func(*keylessBench) {}, outcome.SignatureMissing, outcome.Refused},
		"untrusted":     {func(b *keylessBench) { b.plant(stranger, b.signature()) }, outcome.SignatureUntrusted, outcome.Refused},
		"401":           {unreadable(401), outcome.ReferrersUnreadable, outcome.Undecided},
		"403":           {unreadable(403), outcome.ReferrersUnreadable, outcome.Undecided},
		"429":           {unreadable(429), outcome.ReferrersUnreadable, outcome.Undecided},
		"500":           {unreadable(500), outcome.ReferrersUnreadable, outcome.Undecided},
		"503":           {unreadable(503), outcome.ReferrersUnreadable, outcome.Undecided},
		"404, and none": {unreadable(404), outcome.SignatureMissing, outcome.Refused}, // a registry without the referrers API
	} {
		t.Run(name, func(t *testing.T) {
			t.Cleanup(func() { b.server.SetReferrers(registrytest.ReferrersOn) })
			b := b.on(t)
			c.prepare(b)
			b.ends(c.want, require(trust.Signature), releaser(b.sigstore))
			if c.want.Ending() != c.ending {
				t.Errorf("%s ends as %s", c.want, c.want.Ending())
			}
		})
	}
}

// What is attached to another image is not ours because the registry lists it for us.
func TestAttack27ReferrerOfAnotherSubject(t *testing.T) {
	b := newForgeBench(t)
	for name, of := range map[string]func(b *keylessBench, other evidence.Statement) evidence.Statement{
		"about the other image": func(_ *keylessBench, other evidence.Statement) evidence.Statement { return other },
		"about this image":      func(b *keylessBench, _ evidence.Statement) evidence.Statement { return b.signature() },
	} {
		t.Run(name, func(t *testing.T) {
			b := b.on(t)
			mine := b.subject
			other := b.push("shop", "other-"+evidence.Digest([]byte(name))[7:20])
			statement := of(b, b.about(evidence.SignaturePredicate, "{}", other))
			content := b.forge(forgery{}, statement)
			b.subject = other
			b.attach(content, evidence.SignaturePredicate)
			b.subject = mine
			b.server.Behave(registrytest.Rule{Method: "GET", Path: b.path("/referrers/" + mine.DigestStr()), Answer: registrytest.From(b.path("/referrers/" + other.DigestStr()))})
			v, err := b.check(require(trust.Signature), releaser(b.sigstore))
			if err == nil || outcome.Of(err).Reason != outcome.SignatureMissing || !strings.Contains(strings.Join(v.Notes, "\n"), "refers to another subject") {
				t.Errorf("%v: notes %q", err, v.Notes)
			}
		})
	}
}

// signedAgo is a scan that was signed so long ago, whatever it claims.
func (b *keylessBench) signedAgo(ago time.Duration, verdict string, claimed time.Time) {
	b.Helper()
	b.plant(forgery{skew: -ago}, b.scan(verdict, claimed))
}

// Nobody can tell that a registry withholds a newer scan; that an old one is old, everybody can.
func TestAttack23OldScan(t *testing.T) {
	b := newForgeBench(t)
	t.Run("old, claims to be young, and was signed again", func(t *testing.T) {
		b := b.on(t)
		b.signedAgo(time.Hour, "accepted", noon.Add(-time.Hour))
		b.signedAgo(12*time.Hour, "accepted", noon.Add(-time.Hour))
		b.ends(outcome.ScanTooOld, younger(10*time.Hour), releaser(b.sigstore))
	})
	for name, c := range map[string]struct {
		ago     time.Duration // signed
		claimed time.Duration // before now
		want    outcome.Reason
	}{
		"young":                        {time.Hour, time.Hour, ""},
		"old":                          {12 * time.Hour, 12 * time.Hour, outcome.ScanTooOld},
		"old, and claims to be young":  {12 * time.Hour, time.Hour, outcome.ScanTooOld},
		"old, and was signed just now": {time.Hour, 12 * time.Hour, outcome.ScanTooOld},
		"of tomorrow":                  {time.Hour, -24 * time.Hour, outcome.ScanInFuture},
	} {
		t.Run(name, func(t *testing.T) {
			b := b.on(t)
			b.signedAgo(c.ago, "accepted", noon.Add(-c.claimed))
			b.ends(c.want, younger(10*time.Hour), releaser(b.sigstore))
		})
	}
}

func TestAttack31NewestScan(t *testing.T) {
	b := newForgeBench(t)
	ago := func(hours int) time.Time { return noon.Add(-time.Duration(hours) * time.Hour) }
	for name, c := range map[string]struct {
		plant func(*keylessBench)
		want  outcome.Reason
	}{
		"a refusal that is newer": {func(b *keylessBench) {
			b.signedAgo(3*time.Hour, "accepted", ago(3))
			b.signedAgo(2*time.Hour, "refused", ago(2))
		}, outcome.ScanRefused},
		"a pass that is newer": {func(b *keylessBench) {
			b.signedAgo(3*time.Hour, "refused", ago(3))
			b.signedAgo(2*time.Hour, "accepted", ago(2))
		}, ""},
		"an older pass that claims to be newer": {func(b *keylessBench) {
			b.signedAgo(3*time.Hour, "accepted", ago(0))
			b.signedAgo(2*time.Hour, "refused", ago(2))
		}, outcome.ScanRefused},
		"a newer refusal that claims to be older": {func(b *keylessBench) {
			b.signedAgo(3*time.Hour, "accepted", ago(3))
			b.signedAgo(2*time.Hour, "refused", ago(9))
		}, outcome.ScanRefused},
		"a pass that was signed again later": {func(b *keylessBench) {
			b.signedAgo(3*time.Hour, "accepted", ago(3))
			b.signedAgo(2*time.Hour, "refused", ago(2))
			b.signedAgo(1*time.Hour, "accepted", ago(3))
		}, outcome.ScanRefused},
		"the same, and the registry lists it first": {func(b *keylessBench) {
			b.signedAgo(1*time.Hour, "accepted", ago(3))
			b.signedAgo(2*time.Hour, "refused", ago(2))
			b.signedAgo(3*time.Hour, "accepted", ago(3))
		}, outcome.ScanRefused},
		"a newer scan by a version that says it otherwise": {func(b *keylessBench) {
			b.signedAgo(3*time.Hour, "accepted", ago(3))
			b.plant(forgery{skew: -2 * time.Hour}, b.about(evidence.ScanPredicate,
				`{"scanner":{"uri":"`+evidence.ScanMadeBy+`","result":{"schema":"stepseal.scan/v99","verdict":"refused"}},"metadata":{"scanFinishedOn":"`+ago(2).Format(time.RFC3339)+`"}}`))
		}, outcome.ScanWithoutVerdict},
		"a refusal that claims to be of the future": {func(b *keylessBench) {
			b.signedAgo(3*time.Hour, "refused", ago(-9))
			b.signedAgo(2*time.Hour, "accepted", ago(2))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := b.on(t)
			c.plant(b)
			b.ends(c.want, require(trust.Scan), releaser(b.sigstore))
		})
	}
}

// Whoever has a signature can have it stamped anew while its certificate is valid: the old stamp is thrown away, and a pass
// from before a refusal would be the newer one.
func TestAttack31PassStampedAgain(t *testing.T) {
	b := newForgeBench(t)
	b.sigstore = b.root(Without{Log: true})
	again := func(b *keylessBench, made *bundles.Bundle) error {
		b.lab.Skew(sigstoretest.TimestampAuthority, -52*time.Minute)
		return b.lab.Restamp(made, made.GetDsseEnvelope().GetSignatures()[0].GetSig())
	}
	for what, c := range map[string]struct {
		say      func(b *keylessBench, yes bool, at time.Time) evidence.Statement
		required Requirements
		no       outcome.Reason
	}{
		"a scan": {func(b *keylessBench, yes bool, at time.Time) evidence.Statement {
			return b.scan(map[bool]string{true: "accepted", false: "refused"}[yes], at)
		}, require(trust.Scan), outcome.ScanRefused},
		"a verification summary": {func(b *keylessBench, yes bool, at time.Time) evidence.Statement { return b.summary(yes, at) }, summaries(1), outcome.SummaryFailed},
	} {
		t.Run(what+", and a refusal was made in between", func(t *testing.T) {
			b := b.on(t)
			b.plant(forgery{services: stamped, skew: -time.Hour, alter: again}, c.say(b, true, noon.Add(-time.Hour)))
			b.ends("", c.required, releaser(b.sigstore))
			b.plant(forgery{services: stamped, skew: -55 * time.Minute}, c.say(b, false, noon.Add(-55*time.Minute)))
			b.ends(c.no, c.required, releaser(b.sigstore))
			b.plant(forgery{services: stamped, skew: -50 * time.Minute}, c.say(b, true, noon.Add(-50*time.Minute)))
			b.ends("", c.required, releaser(b.sigstore))
		})
	}
}
