package sigstoretest

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"

	"github.com/digitorus/timestamp"
	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	dssepb "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	"github.com/sigstore/sigstore-go/pkg/sign"
)

// Provider gives a client of sigstore-go certificates that change altered before they were logged and signed. It asks for
// no proof that the client holds the key.
func (s *Sigstore) Provider(change func(*x509.Certificate)) sign.CertificateProvider {
	return provider{s, change}
}

type provider struct {
	*Sigstore
	change func(*x509.Certificate)
}

func (p provider) GetCertificate(ctx context.Context, key sign.Keypair, opt *sign.CertificateProviderOptions) ([]byte, error) {
	certificate, err := p.Certificate(ctx, opt.IDToken, key.GetPublicKey(), p.change)
	if err != nil {
		return nil, err
	}
	return certificate.Raw, nil
}

// NotForCode is a change that makes a certificate one for servers.
func NotForCode(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }

// UnknownCritical is a change that adds an extension that nobody knows and that must not be passed over.
func UnknownCritical(c *x509.Certificate) {
	c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 32473, 1}, Critical: true, Value: asn1.NullBytes})
}

// Chain makes the certificate in a bundle a chain that ends in the root of whoever certifies now, which a bundle of
// version 0.3 must not have.
func (s *Sigstore) Chain(b *bundlepb.Bundle) {
	issuer, _ := s.certifiers()
	chain := []*commonpb.X509Certificate{b.GetVerificationMaterial().GetCertificate()}
	for _, one := range issuer.chain() {
		chain = append(chain, &commonpb.X509Certificate{RawBytes: one.Raw})
	}
	b.VerificationMaterial.Content = &bundlepb.VerificationMaterial_X509CertificateChain{
		X509CertificateChain: &commonpb.X509CertificateChain{Certificates: chain},
	}
}

// Countersign puts a second signature into the envelope of a bundle: good, and by a key that nobody knows.
func Countersign(b *bundlepb.Bundle) error {
	envelope := b.GetDsseEnvelope()
	if envelope == nil {
		return errors.New("the bundle has no envelope")
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	digest := sha256.Sum256((&sign.DSSEData{Data: envelope.Payload, PayloadType: envelope.PayloadType}).PreAuthEncoding())
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	envelope.Signatures = append(envelope.Signatures, &dssepb.Signature{Sig: signature})
	return err
}

// Restamp replaces the timestamps of a bundle by one over those bytes, which should be the signature's.
func (s *Sigstore) Restamp(b *bundlepb.Bundle, over []byte) error {
	digest := sha256.Sum256(over)
	query, err := (&timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: digest[:]}).Marshal()
	if err != nil {
		return err
	}
	reply, err := s.timestamp(query)
	if err != nil {
		return err
	}
	b.VerificationMaterial.TimestampVerificationData = &bundlepb.TimestampVerificationData{
		Rfc3161Timestamps: []*commonpb.RFC3161SignedTimestamp{{SignedTimestamp: reply}},
	}
	return nil
}
