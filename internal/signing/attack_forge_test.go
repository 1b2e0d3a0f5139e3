package signing

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	bundles "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"github.com/sigstore/sigstore-go/pkg/sign"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/sigstoretest"
	"github.com/stepseal/stepseal/internal/trust"
)

var (
	logged  = []sigstoretest.Service{sigstoretest.Rekor, sigstoretest.TimestampAuthority}
	tiled   = []sigstoretest.Service{sigstoretest.RekorTiles, sigstoretest.TimestampAuthority}
	stamped = []sigstoretest.Service{sigstoretest.TimestampAuthority}
)

// forgery is what somebody makes who can write beside the image. Unlike sign-attest he takes whatever the services answer,
// and changes it. The zero value is what the release workflow signs, with nothing wrong about it.
type forgery struct {
	claims   map[string]any // nil: the release workflow's
	services []sigstoretest.Service
	faults   sigstoretest.Faults
	skew     time.Duration // of the clocks of all services
	change   func(*x509.Certificate)
	alter    func(*keylessBench, *bundles.Bundle) error
}

// attempt is a forgery with how the verification must end.
type attempt struct {
	forgery
	without Without             // what the trusted Sigstore does not have
	root    func([]byte) []byte // changes its trusted_root.json
	signer  func(*Signer)
	want    outcome.Reason
	says    string // in the evidence
}

// on is the bench with an image of its own, for a part of a test.
func (b *keylessBench) on(t *testing.T) *keylessBench {
	t.Helper()
	inner := *b.bench
	inner.T = t
	part := *b
	part.bench = &inner
	part.subject = inner.push("shop", evidence.Digest([]byte(t.Name()))[7:39])
	return &part
}

// forger has an identity, a certificate for it and the services that stand behind it.
func (b *keylessBench) forger(f forgery) *Keyless {
	b.Helper()
	claims := f.claims
	if claims == nil {
		claims = sigstoretest.GitHub(repository, workflow, mainBranch)
	}
	token, err := b.lab.Token(claims)
	if err != nil {
		b.Fatal(err)
	}
	services := f.services
	if services == nil {
		services = logged
	}
	k := &Keyless{sigstore: b.sigstore, services: b.services(services...)}
	k.services.transport = patient{context.Background(), b.registry.Transport()}
	if k.keypair, err = sign.NewEphemeralKeypair(nil); err != nil {
		b.Fatal(err)
	}
	k.issued, err = b.lab.Provider(f.change).GetCertificate(context.Background(), k.keypair, &sign.CertificateProviderOptions{IDToken: token})
	if err != nil {
		b.Fatal(err)
	}
	return k
}

// during lets the services misbehave as the forgery wants it.
func (b *keylessBench) during(f forgery, do func()) {
	b.Helper()
	if err := b.lab.Misbehave(f.faults); err != nil {
		b.Fatal(err)
	}
	b.skew(f.skew)
	do()
	b.skew(0)
	if err := b.lab.Misbehave(sigstoretest.Faults{}); err != nil {
		b.Fatal(err)
	}
}

func (b *keylessBench) skew(by time.Duration) {
	for _, of := range []sigstoretest.Service{sigstoretest.Issuer, sigstoretest.Fulcio, sigstoretest.Rekor, sigstoretest.TimestampAuthority} {
		b.lab.Skew(of, by)
	}
}

// forge is a forged bundle around the statement.
func (b *keylessBench) forge(f forgery, s evidence.Statement) []byte {
	b.Helper()
	var content []byte
	b.during(f, func() { content = b.forgeNow(f, s) })
	return content
}

func (b *keylessBench) forgeNow(f forgery, s evidence.Statement) []byte {
	b.Helper()
	k := b.forger(f)
	made, err := k.sign(context.Background(), &sign.DSSEData{Data: marshal(b.T, s), PayloadType: evidence.PayloadType}, k.services.stamping())
	if err == nil && f.alter != nil {
		err = f.alter(b, made)
	}
	if err != nil {
		b.Fatal(err)
	}
	content, err := compactJSON(made)
	if err != nil {
		b.Fatal(err)
	}
	return content
}

// plant puts forged bundles beside the image.
func (b *keylessBench) plant(f forgery, statements ...evidence.Statement) {
	b.Helper()
	for _, s := range statements {
		b.attach(b.forge(f, s), s.PredicateType)
	}
}

// plantLayer puts a forged signature under the .sig tag, in cosign's own form.
func (b *keylessBench) plantLayer(f forgery) {
	b.Helper()
	k := b.forger(f)
	payload, err := newSimpleSigning(b.subject)
	if err != nil {
		b.Fatal(err)
	}
	made, err := k.sign(context.Background(), &sign.PlainData{Data: payload}, k.services.stamping())
	if err != nil {
		b.Fatal(err)
	}
	annotations, err := k.beside(made)
	if err != nil {
		b.Fatal(err)
	}
	annotations[annotationChain] = b.chainOf(made)
	annotations[annotationSignature] = base64.StdEncoding.EncodeToString(made.GetMessageSignature().GetSignature())
	b.tag(".sig", "application/vnd.dev.cosign.simplesigning.v1+json", annotations, payload)
}

// chainOf is the chain of whoever certifies now, as somebody would put it beside his layer.
func (b *keylessBench) chainOf(made *bundles.Bundle) string {
	b.lab.Chain(made)
	var chain bytes.Buffer
	for _, c := range made.GetVerificationMaterial().GetX509CertificateChain().GetCertificates()[1:] {
		if err := pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: c.GetRawBytes()}); err != nil {
			b.Fatal(err)
		}
	}
	return chain.String()
}

// try plants a signature as a bundle, and under cosign's tag where that can hold it, and wants each refused.
func (b *keylessBench) try(t *testing.T, a attempt) {
	t.Helper()
	forms := map[Format]func(*keylessBench){Bundle: func(b *keylessBench) { b.attach(b.forgeNow(a.forgery, b.signature()), evidence.SignaturePredicate) }}
	if a.alter == nil && (len(a.services) == 0 || a.services[0] != sigstoretest.RekorTiles) {
		forms[Legacy] = func(b *keylessBench) { b.plantLayer(a.forgery) }
	}
	for format, plant := range forms {
		t.Run(string(format), func(t *testing.T) {
			b := b.on(t)
			var sigstore *Sigstore
			b.during(a.forgery, func() {
				sigstore = b.rootOf(a)
				plant(b)
			})
			signer := releaser(sigstore)
			if a.signer != nil {
				a.signer(&signer)
			}
			text := b.ends(a.want, require(trust.Signature), signer)
			t.Log(text)
			if !strings.Contains(text, a.says) {
				t.Errorf("the evidence does not say %q:\n%s", a.says, text)
			}
		})
	}
}

func (b *keylessBench) rootOf(a attempt) *Sigstore {
	b.Helper()
	doc := b.lab.TrustedRoot()
	if a.root != nil {
		doc = a.root(doc)
	}
	s, err := NewSigstore("lab", doc, a.without)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func (b *keylessBench) tryEach(t *testing.T, attempts map[string]attempt) {
	t.Helper()
	for name, a := range attempts {
		t.Run(name, func(t *testing.T) { b.try(t, a) })
	}
}

// newForgeBench wants nothing to be wrong with what the forger makes when he forges nothing: otherwise a test could pass for
// another reason than its own.
func newForgeBench(t *testing.T) *keylessBench {
	t.Helper()
	b := newKeylessBench(t, registrytest.Options{})
	b.tryEach(t, map[string]attempt{
		"nothing forged":                    {},
		"nothing forged, Rekor v2":          {forgery: forgery{services: tiled}},
		"nothing forged, a timestamp alone": {forgery: forgery{services: stamped}, without: Without{Log: true}},
	})
	return b
}
