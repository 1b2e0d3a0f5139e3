package signing

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/stepseal/stepseal/internal/lifetime"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/strictjson"
)

// maxTrustedRoot bounds a trusted_root.json, and a chain of certificates in PEM.
const maxTrustedRoot = 1 << 20

// Sigstore certifies who signed: its certificate authority for the identity, its logs and timestamp authorities for that
// and for when. All of it is checked by sigstore-go, with no network.
// https://github.com/sigstore/architecture-docs/blob/main/client-spec.md#4-verification
type Sigstore struct {
	name     string
	material root.TrustedMaterial
	options  []verify.VerifierOption
	bundles  *verify.Verifier
	demanded []lifetime.Role
	ordinary bool // no Sigstore, but a certificate authority that asks for no identity token
	logged   bool // signatures must be in a log
}

// namesNoIssuer says whether its certificates need not name the issuer of an identity token, so that the subject is all
// that a signer is known by.
func (s *Sigstore) namesNoIssuer() bool { return s != nil && s.ordinary }

// Without says what a Sigstore does not have, so that it is not demanded.
type Without struct{ CTLog, Log bool }

// NewSigstore reads a trusted_root.json. The name is for messages.
// https://github.com/sigstore/protobuf-specs/blob/v0.5.0/protos/sigstore_trustroot.proto
func NewSigstore(name string, trustedRoot []byte, without Without) (*Sigstore, error) {
	if err := strictjson.Check(trustedRoot, strictjson.Bounds{Bytes: maxTrustedRoot, Depth: 32, FoldKeys: true}); err != nil {
		return nil, outcome.New(outcome.TrustUnusable, "trusted root of %s", name).Because(err)
	}
	material, err := root.NewTrustedRootFromJSON(trustedRoot)
	if err != nil {
		return nil, outcome.New(outcome.TrustUnusable, "trusted root of %s: %s", name, printable(err.Error()))
	}
	s := &Sigstore{name: name, material: material, logged: !without.Log && signaturesLogged() != nil}
	for _, part := range []struct {
		role    lifetime.Role
		what    string
		wanted  bool
		there   int
		options []verify.VerifierOption
	}{
		{lifetime.CertificateAuthority, "certificate authority", true, len(material.FulcioCertificateAuthorities()), nil},
		{lifetime.CertificateLog, "certificate transparency log (certificate-transparency: false does without)", !without.CTLog, len(material.CTLogs()), certificatesLogged()},
		{lifetime.TransparencyLog, "transparency log (transparency-log: false does without)", !without.Log, len(material.RekorLogs()), signaturesLogged()},
		{lifetime.TimestampAuthority, "timestamp authority, and there is no log either that could say when", without.Log, len(material.TimestampingAuthorities()), nil},
	} {
		switch {
		case !part.wanted:
		case isMissing(part.there):
			return nil, outcome.New(outcome.TrustUnusable, "trusted root of %s: it has no %s", name, part.what)
		default:
			s.demand(part.role, part.options...)
		}
	}
	s.options = append(s.options, signedInTime(without))
	return s, s.finish()
}

func (s *Sigstore) demand(role lifetime.Role, options ...verify.VerifierOption) {
	s.options = append(s.options, options...)
	s.demanded = append(s.demanded, role)
}

// NewCertificates trusts a certificate authority that is no Sigstore: its chain in PEM, intermediates first and the root
// last. When something was signed, a timestamp authority says, whose chain begins with the certificate that stamps;
// without one certificates must be valid now.
func NewCertificates(name string, chain, timestamps []byte) (*Sigstore, error) {
	certificates, err := parseChain(chain)
	if err != nil {
		return nil, outcome.New(outcome.TrustUnusable, "certificates of %s", name).Because(err)
	}
	last := len(certificates) - 1
	material := &certificateMaterial{authority: &root.FulcioCertificateAuthority{Root: certificates[last], Intermediates: certificates[:last]}}
	s := &Sigstore{name: name, ordinary: true, demanded: []lifetime.Role{lifetime.CertificateAuthority}, options: []verify.VerifierOption{verify.WithCurrentTime()}}
	if timestamps != nil {
		stamping, err := parseChain(timestamps)
		if err == nil && len(stamping) < 2 {
			err = errors.New("it is one certificate, and the one that stamps and its root are two")
		}
		if err != nil {
			return nil, outcome.New(outcome.TrustUnusable, "timestamp authority of %s", name).Because(err)
		}
		last := len(stamping) - 1
		material.timestamps = &root.SigstoreTimestampingAuthority{Leaf: stamping[0], Intermediates: stamping[1:last], Root: stamping[last], URI: name}
		s.options = nil
		s.demand(lifetime.TimestampAuthority, signedInTime(Without{Log: true}))
	}
	s.material = material
	return s, s.finish()
}

func (s *Sigstore) finish() (err error) {
	s.options = append(s.options, verify.WithoutStatementPredicate())
	s.bundles, err = verify.NewVerifier(s.material, s.options...)
	return err
}

// certificateMaterial is a certificate authority, and who may say when.
type certificateMaterial struct {
	root.BaseTrustedMaterial
	authority  root.CertificateAuthority
	timestamps root.TimestampingAuthority // nil: nobody
}

func (m *certificateMaterial) FulcioCertificateAuthorities() []root.CertificateAuthority {
	return []root.CertificateAuthority{m.authority}
}

func (m *certificateMaterial) TimestampingAuthorities() []root.TimestampingAuthority {
	if m.timestamps == nil {
		return nil
	}
	return []root.TimestampingAuthority{m.timestamps}
}

// parseChain reads certificates that each are issued by the next; the last one is a root.
func parseChain(content []byte) ([]*x509.Certificate, error) {
	if len(content) > maxTrustedRoot {
		return nil, fmt.Errorf("it is larger than %d KiB", maxTrustedRoot>>10)
	}
	var chain []*x509.Certificate
	for len(bytes.TrimSpace(content)) > 0 {
		block, rest := pem.Decode(content)
		if block == nil || block.Type != "CERTIFICATE" {
			return nil, errors.New("it holds something else than certificates in PEM form")
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		chain, content = append(chain, certificate), rest
	}
	if len(chain) == 0 {
		return nil, errors.New("it holds no certificate")
	}
	for i, certificate := range chain {
		issuer := chain[min(i+1, len(chain)-1)]
		if err := certificate.CheckSignatureFrom(issuer); err != nil {
			return nil, fmt.Errorf("certificate %d, %.100q, is not issued by the next one: %w", i+1, certificate.Subject, err)
		}
	}
	return chain, nil
}

// vouch leaves the comparison of the identity to the caller, who knows whom it may be.
func (s *Sigstore) vouch(sig signed) (proof, error) {
	verifier, b := s.bundles, sig.bundle
	policy := verify.WithoutArtifactUnsafe()
	if b == nil {
		var err error
		if b, err = sig.layer.bundle(sig); err != nil {
			return proof{}, err
		}
		if sig.payload == nil {
			policy = verify.WithArtifact(bytes.NewReader(sig.message))
		} else if verifier, err = s.stampsOver(sig.layer.content); err != nil {
			return proof{}, err
		}
	}
	if b.GetVerificationMaterial().GetPublicKey() != nil {
		return proof{}, errOtherKind
	}
	result, err := verifier.Verify(b, verify.NewPolicy(policy, verify.WithoutIdentitiesUnsafe()))
	switch {
	case err != nil:
		return proof{}, err
	case result.Signature == nil || result.Signature.Certificate == nil:
		return proof{}, errOtherKind
	case sig.payload != nil && result.Statement == nil:
		return proof{}, errNoStatement
	}
	certificate := newCertificate(*result.Signature.Certificate)
	p := proof{who: certificate.String(), certificate: &certificate, at: earliest(result.VerifiedTimestamps)}
	return p, s.loggedThen(b, p.at)
}

// earliest is when it was signed at the latest. Whoever has a signature can have it stamped anew; the first stamp counts.
func earliest(stamps []verify.TimestampVerificationResult) time.Time {
	var first time.Time
	for _, stamp := range stamps {
		if stamp.Type != "CurrentTime" && (first.IsZero() || stamp.Timestamp.Before(first)) {
			first = stamp.Timestamp
		}
	}
	return first
}

// stampsOver is the verifier for an envelope under cosign's .att tag, whose timestamp is over the envelope and not over
// the signature in it.
func (s *Sigstore) stampsOver(envelope []byte) (*verify.Verifier, error) {
	return verify.NewVerifier(overEnvelope{s.material, envelope}, s.options...)
}

type overEnvelope struct {
	root.TrustedMaterial
	envelope []byte
}

func (o overEnvelope) TimestampingAuthorities() []root.TimestampingAuthority {
	var list []root.TimestampingAuthority
	for _, authority := range o.TrustedMaterial.TimestampingAuthorities() {
		list = append(list, overBytes{authority, o.envelope})
	}
	return list
}

type overBytes struct {
	root.TimestampingAuthority
	content []byte
}

func (o overBytes) Verify(stamp, _ []byte) (*root.Timestamp, error) {
	return o.TimestampingAuthority.Verify(stamp, o.content)
}
