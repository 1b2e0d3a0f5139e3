package signing

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
	"time"

	bundles "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/sign"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/trust"
)

// Keyless signs with a key that is made for one run, and with the certificate that a Sigstore issued for it to the
// identity in a token. The key never leaves the process.
type Keyless struct {
	sigstore *Sigstore
	services Services
	keypair  *sign.EphemeralKeypair
	issued   heldCertificate
	identity Certificate
}

// NewKeyless asks the certificate authority for a certificate, and takes it only where the Sigstore's own root vouches
// for it. The token is sent to the authority and to nobody else.
func NewKeyless(ctx context.Context, sigstore *Sigstore, services Services, token string, transport http.RoundTripper, now time.Time) (*Keyless, error) {
	services.transport = patient{ctx, transport}
	keypair, err := sign.NewEphemeralKeypair(nil)
	if err != nil {
		return nil, err
	}
	der, err := services.fulcio().GetCertificate(ctx, keypair, &sign.CertificateProviderOptions{IDToken: token})
	if err != nil {
		return nil, services.failed(ctx, "the certificate authority", services.authority.URL, without(token, err))
	}
	k := &Keyless{sigstore: sigstore, services: services, keypair: keypair, issued: der}
	leaf, err := x509.ParseCertificate(der)
	if err == nil {
		err = sigstore.issued(leaf, now)
	}
	if err != nil {
		return nil, outcome.New(outcome.SigstoreUntrusted, "%s issued a certificate that the trusted root of %s does not vouch for: %s", services.authority.URL, sigstore.name, printable(err.Error()))
	}
	summary, err := certificate.SummarizeCertificate(leaf)
	if err != nil {
		return nil, outcome.New(outcome.SigstoreUntrusted, "the certificate by %s: %s", services.authority.URL, printable(err.Error()))
	}
	k.identity = newCertificate(summary)
	return k, nil
}

// without is the error where its text, which may be the answer of a service or a proxy, does not show the token.
func without(token string, err error) error {
	text := err.Error()
	if !strings.Contains(text, token) {
		return err
	}
	return errors.New(strings.ReplaceAll(text, token, "..."))
}

// issued says whether any authority of the root issued the certificate.
func (s *Sigstore) issued(leaf *x509.Certificate, now time.Time) (err error) {
	at := now
	if leaf.NotBefore.After(at) && leaf.NotBefore.Before(at.Add(maxClockSkew)) {
		at = leaf.NotBefore
	}
	for _, authority := range s.material.FulcioCertificateAuthorities() {
		if _, err = authority.Verify(leaf, at); err == nil {
			return nil
		}
	}
	return err
}

// Identity is whom the certificate names.
func (k *Keyless) Identity() Certificate { return k.identity }

// Signer names the identity as verifications do.
func (k *Keyless) Signer() string { return k.identity.String() }

// own is exactly this identity, with all that a trust may tell it by: a reusable workflow has one subject, whoever calls it.
func (k *Keyless) own() Trust {
	return Trust{Signers: []Signer{{Sigstore: k.sigstore, Signer: trust.Signer{Name: "this run",
		Issuer: trust.Exactly(k.identity.Issuer), Subject: trust.Exactly(k.identity.Subject), CallerWorkflow: trust.Exactly(k.identity.CallerWorkflow),
		SourceRepository: trust.Exactly(k.identity.SourceRepository), SourceRef: trust.Exactly(k.identity.SourceRef)}}}}
}

// MaySign says whether the trust takes the author's word on the kind, so that nothing is written that nobody believes.
func (t Trust) MaySign(author Author, kind trust.Kind) error {
	var may []*Signer
	for i, s := range t.Signers {
		if s.maySign(kind) && author.mayBe(s) {
			may = append(may, &t.Signers[i])
		}
	}
	for _, s := range may {
		if author.is(*s) {
			return nil
		}
	}
	no := outcome.New(outcome.SignerNotTrusted, "the signature would be by %s, whose word on %s the trust section does not take", author.Signer(), kind)
	if k, ok := author.(*Keyless); ok && len(may) > 0 {
		no.With(k.identity.nearest(may).Error())
	}
	return no
}

// mayBe says whether the signer is certified, as the author is.
func (k *Keyless) mayBe(s Signer) bool { return s.Sigstore != nil }

func (k *Keyless) is(s Signer) bool { return s.Sigstore != nil && len(k.identity.differs(s)) == 0 }

func (k *Keyless) bundle(ctx context.Context, payload []byte) ([]byte, error) {
	b, err := k.sign(ctx, &sign.DSSEData{Data: payload, PayloadType: evidence.PayloadType}, k.services.stamping())
	if err != nil {
		return nil, err
	}
	content, err := compactJSON(b)
	if err != nil {
		return nil, err
	}
	made, err := openBundle(content)
	if err != nil {
		return nil, err
	}
	return content, k.checked(signed{bundle: made, payload: payload})
}

// simple makes what cosign's readers of .sig tags know.
func (k *Keyless) simple(ctx context.Context, payload []byte) (map[string]string, error) {
	b, err := k.sign(ctx, &sign.PlainData{Data: payload}, k.services.stamping())
	if err != nil {
		return nil, err
	}
	annotations, err := k.beside(b)
	if err != nil {
		return nil, err
	}
	sig := b.GetMessageSignature().GetSignature()
	annotations[annotationSignature] = base64.StdEncoding.EncodeToString(sig)
	return annotations, k.checked(signed{layer: document{content: payload, annotations: annotations}, message: payload, signature: sig})
}

// envelope makes what cosign's readers of .att tags know: there a timestamp is over the whole envelope, and so is the hash in
// an entry of a Rekor v1. The layer is therefore written as sigstore-go wrote what it had logged.
// https://github.com/sigstore/sigstore-go/blob/v1.3.0/pkg/sign/transparency.go#L254
func (k *Keyless) envelope(ctx context.Context, payload []byte) ([]byte, map[string]string, error) {
	b, err := k.sign(ctx, &sign.DSSEData{Data: payload, PayloadType: evidence.PayloadType}, nil)
	if err != nil {
		return nil, nil, err
	}
	sig := b.GetDsseEnvelope().GetSignatures()[0].GetSig()
	content, err := json.Marshal(b.GetDsseEnvelope())
	if err != nil {
		return nil, nil, err
	}
	if err := k.stamp(ctx, b, content); err != nil {
		return nil, nil, err
	}
	annotations, err := k.beside(b)
	if err != nil {
		return nil, nil, err
	}
	return content, annotations, k.checked(signed{layer: document{content: content, annotations: annotations},
		message: preAuthEncoding(payload), signature: sig, payload: payload})
}

func (k *Keyless) sign(ctx context.Context, content sign.Content, stamping []*sign.TimestampAuthority) (*bundles.Bundle, error) {
	b, err := sign.Bundle(content, k.keypair, sign.BundleOptions{Context: ctx, CertificateProvider: k.issued,
		TimestampAuthorities: stamping, TransparencyLogs: k.services.logging()})
	if err != nil {
		return nil, k.services.failed(ctx, "the log or the timestamp authority", k.services.where(), err)
	}
	return b, nil
}

// stamp adds timestamps over something else than the signature.
func (k *Keyless) stamp(ctx context.Context, b *bundles.Bundle, over []byte) error {
	for _, authority := range k.services.stamping() {
		response, err := authority.GetTimestamp(ctx, over)
		if err != nil {
			return k.services.failed(ctx, "the timestamp authority", k.services.where(), err)
		}
		addStamp(b, response)
	}
	return nil
}

// beside are the annotations of a layer in cosign's own form.
func (k *Keyless) beside(b *bundles.Bundle) (map[string]string, error) {
	annotations, err := layerAnnotations(b, k.chain())
	if err != nil {
		return nil, outcome.New(outcome.InvalidInput, "%s: %s", k.services.where(), err).Hint("sign with --signature-format bundle, or with a signing config that names a Rekor v1")
	}
	return annotations, nil
}

// chain is that of the authority which issued the certificate, in PEM, for readers that have no trusted root.
func (k *Keyless) chain() []byte {
	leaf, err := x509.ParseCertificate(k.issued)
	if err != nil {
		return nil
	}
	var chain bytes.Buffer
	for _, authority := range k.sigstore.material.FulcioCertificateAuthorities() {
		chains, err := authority.Verify(leaf, leaf.NotBefore)
		if err != nil || len(chains) == 0 {
			continue
		}
		for _, certificate := range chains[0][1:] {
			_ = pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}) // a buffer takes everything
		}
		break
	}
	return chain.Bytes()
}

// checked verifies what was made, before anybody else has to.
func (k *Keyless) checked(s signed) error {
	if _, err := k.sigstore.vouch(s); err != nil {
		return outcome.New(outcome.SigstoreUntrusted, "what %s made does not verify under the trusted root of %s: %s", k.services.where(), k.sigstore.name, printable(err.Error()))
	}
	return nil
}

// heldCertificate is asked for once, and serves all signatures of a run.
type heldCertificate []byte

func (h heldCertificate) GetCertificate(context.Context, sign.Keypair, *sign.CertificateProviderOptions) ([]byte, error) {
	return h, nil
}

// compactJSON undoes the white space that protojson adds at random, to teach that its output is not stable.
func compactJSON(b *bundles.Bundle) ([]byte, error) {
	raw, err := protojson.Marshal(b)
	if err != nil {
		return nil, err
	}
	var compact bytes.Buffer
	err = json.Compact(&compact, raw)
	return compact.Bytes(), err
}
