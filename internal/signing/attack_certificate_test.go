package signing

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	bundles "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"github.com/sigstore/sigstore-go/pkg/root"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/sigstoretest"
	"github.com/stepseal/stepseal/internal/trust"
)

func refusedBecause(says string, f forgery) attempt {
	return attempt{forgery: f, want: outcome.SignatureUntrusted, says: says}
}

func TestAttack15CertificateOfAnotherKind(t *testing.T) {
	chain := func(b *keylessBench, made *bundles.Bundle) error { b.lab.Chain(made); return nil }
	oldChain := func(b *keylessBench, made *bundles.Bundle) error {
		made.MediaType = layerBundleType
		return chain(b, made)
	}
	newForgeBench(t).tryEach(t, map[string]attempt{
		"by a root of its own":                     refusedBecause("leaf certificate verification failed", forgery{faults: sigstoretest.Faults{UnknownAuthority: true}}),
		"by a root of its own, which it brings":    refusedBecause("cannot be X.509 certificate chain", forgery{faults: sigstoretest.Faults{UnknownAuthority: true}, alter: chain}),
		"with a chain, which version 0.3 has not":  refusedBecause("cannot be X.509 certificate chain", forgery{alter: chain}),
		"by a root of its own, in version 0.1":     refusedBecause("leaf certificate verification failed", forgery{faults: sigstoretest.Faults{UnknownAuthority: true}, alter: oldChain}),
		"not for code":                             refusedBecause("leaf certificate verification failed", forgery{change: sigstoretest.NotForCode}),
		"with a critical extension nobody knows":   refusedBecause("leaf certificate verification failed", forgery{change: sigstoretest.UnknownCritical}),
		"by an intermediate that is not for code":  refusedBecause("leaf certificate verification failed", forgery{faults: sigstoretest.Faults{ServerIntermediate: true}}),
		"with a second signature in the envelope":  refusedBecause("one signature", forgery{alter: func(_ *keylessBench, made *bundles.Bundle) error { return sigstoretest.Countersign(made) }}),
		"with the certificate of somebody trusted": refusedBecause("transparency log certificate does not match", forgery{alter: swapCertificate}),
	})
}

// swapCertificate puts a certificate of the release workflow beside a signature by another key.
func swapCertificate(b *keylessBench, made *bundles.Bundle) error {
	other, err := b.forger(forgery{}).issued.GetCertificate(context.Background(), nil, nil)
	made.GetVerificationMaterial().GetCertificate().RawBytes = other
	return err
}

func TestAttack16OutOfTime(t *testing.T) {
	b := newForgeBench(t)
	withoutStamps := func(_ *keylessBench, made *bundles.Bundle) error {
		made.GetVerificationMaterial().TimestampVerificationData = nil
		return nil
	}
	restamp := func(over func(*bundles.Bundle) []byte, at time.Duration) func(*keylessBench, *bundles.Bundle) error {
		return func(b *keylessBench, made *bundles.Bundle) error {
			b.lab.Skew(sigstoretest.TimestampAuthority, at)
			return b.lab.Restamp(made, over(made))
		}
	}
	payload := func(made *bundles.Bundle) []byte { return made.GetDsseEnvelope().GetPayload() }
	signature := func(made *bundles.Bundle) []byte { return made.GetDsseEnvelope().GetSignatures()[0].GetSig() }
	attempts := map[string]attempt{
		"a stamp over the signature, in time": {forgery: forgery{services: stamped, alter: restamp(signature, time.Minute)}},
		"no timestamp":                        refusedBecause("threshold not met", forgery{services: stamped, alter: withoutStamps}),
		"a stamp over the envelope":           refusedBecause("threshold not met", forgery{services: stamped, alter: restamp(payload, 0)}),
		"a stamp after the certificate ended": refusedBecause("leaf certificate verification failed", forgery{services: stamped, alter: restamp(signature, time.Hour)}),
		"a stamp before the certificate":      refusedBecause("leaf certificate verification failed", forgery{services: stamped, alter: restamp(signature, -time.Hour)}),
	}
	for name, a := range attempts {
		a.without = Without{Log: true}
		attempts[name] = a
	}
	attempts["an intermediate that had expired"] = refusedBecause("leaf certificate verification failed", forgery{faults: sigstoretest.Faults{ExpiredIntermediate: true}})
	for part, says := range map[string]string{"certificateAuthorities": "leaf certificate verification failed", "ctlogs": "SCT", "tlogs": "the key of the transparency log was not valid then", "timestampAuthorities": "threshold not met"} {
		a := refusedBecause(says, forgery{services: tiled})
		a.root = func(doc []byte) []byte { return ended(b.T, doc, part) }
		attempts["after the end of the "+part+" in the trusted root"] = a
	}
	b.tryEach(t, attempts)
	t.Run("a certificate authority without timestamps", func(t *testing.T) {
		b := b.on(t)
		b.plant(forgery{}, b.signature())
		text := b.ends(outcome.SignatureUntrusted, require(trust.Signature), releaser(b.certificates()))
		if !strings.Contains(text, "leaf certificate verification failed") {
			t.Error(text)
		}
	})
}

// ended is a trusted root in which a part was good until an hour ago only.
func ended(t *testing.T, doc []byte, part string) []byte {
	t.Helper()
	var trusted map[string]any
	if err := json.Unmarshal(doc, &trusted); err != nil {
		t.Fatal(err)
	}
	for _, one := range trusted[part].([]any) {
		of := one.(map[string]any)
		if key, ok := of["publicKey"].(map[string]any); ok {
			of = key
		}
		of["validFor"].(map[string]any)["end"] = noon.Add(-time.Hour).Format(time.RFC3339)
	}
	changed, err := json.Marshal(trusted)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

// certificates trusts the authority of the lab as one that is no Sigstore, whose certificates must be valid now. The lab's
// were valid at noon for ten minutes.
func (b *keylessBench) certificates() *Sigstore {
	b.Helper()
	authority := b.sigstore.material.FulcioCertificateAuthorities()[0].(*root.FulcioCertificateAuthority)
	var chain []byte
	for _, c := range append(authority.Intermediates, authority.Root) {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	s, err := NewCertificates("lab", chain, nil)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func TestAttack17NoPromiseOfACertificateLog(t *testing.T) {
	newForgeBench(t).tryEach(t, map[string]attempt{
		"no promise":                            refusedBecause("SCT", forgery{faults: sigstoretest.Faults{WithoutSCT: true}}),
		"the promise of a log nobody knows":     refusedBecause("SCT", forgery{faults: sigstoretest.Faults{UnknownCTLog: true}}),
		"no promise, and none is asked for":     {forgery: forgery{faults: sigstoretest.Faults{WithoutSCT: true}}, without: Without{CTLog: true}},
		"no log either, and a promise is asked": {forgery: forgery{services: stamped, faults: sigstoretest.Faults{WithoutSCT: true}}, without: Without{Log: true}, want: outcome.SignatureUntrusted, says: "SCT"},
	})
}
