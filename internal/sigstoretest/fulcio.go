package sigstoretest

import (
	"context"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"io"
	"net/http"
	"strings"

	fulcioca "github.com/sigstore/fulcio/pkg/ca"
	"github.com/sigstore/fulcio/pkg/ca/baseca"
	"github.com/sigstore/fulcio/pkg/challenges"
	"github.com/sigstore/fulcio/pkg/generated/protobuf"
	"github.com/sigstore/fulcio/pkg/identity"
	"github.com/sigstore/sigstore/pkg/signature"
	"google.golang.org/protobuf/encoding/protojson"
)

// Certificate is what Fulcio makes of a token for that key, without asking for a proof that the caller holds it. Change
// may be nil, or alter the certificate before it is logged and signed.
func (s *Sigstore) Certificate(ctx context.Context, token string, key crypto.PublicKey, change func(*x509.Certificate)) (*x509.Certificate, error) {
	who, err := s.authenticate(ctx, token)
	if err != nil {
		return nil, err
	}
	certificate, _, err := s.issue(ctx, who, key, change)
	return certificate, err
}

// fulcioHandler is the one call that signs. Fulcio's own server is not used: it reads the clock of the machine for tokens
// and certificates, logs refusals to the standard output, and registers metrics for the whole process.
// https://github.com/sigstore/fulcio/blob/v1.8.7/fulcio.proto
func fulcioHandler(s *Sigstore) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v2/signingCert", func(w http.ResponseWriter, req *http.Request) {
		reply, err := s.certify(req)
		if err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
		answerProto(w, http.StatusOK, reply)
	})
	mux.HandleFunc("GET /api/v2/trustBundle", func(w http.ResponseWriter, _ *http.Request) {
		issuer, _ := s.certifiers()
		answerProto(w, http.StatusOK, &protobuf.TrustBundle{Chains: []*protobuf.CertificateChain{{Certificates: issuer.chainPEM()}}})
	})
	return mux
}

func (s *Sigstore) certify(req *http.Request) (*protobuf.SigningCertificate, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	var asked protobuf.CreateSigningCertificateRequest
	if err := protojson.Unmarshal(body, &asked); err != nil {
		return nil, err
	}
	token := asked.GetCredentials().GetOidcIdentityToken()
	if token == "" {
		token = strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
	}
	who, err := s.authenticate(req.Context(), token)
	if err != nil {
		return nil, err
	}
	key, err := provenKey(asked.GetPublicKeyRequest(), who.Name(req.Context()))
	if err != nil {
		return nil, err
	}
	certificate, issuer, err := s.issue(req.Context(), who, key, nil)
	if err != nil {
		return nil, err
	}
	return s.reply(certificate, issuer), nil
}

func (s *Sigstore) authenticate(ctx context.Context, token string) (identity.Principal, error) {
	key, err := s.issuer.key()
	if err != nil {
		return nil, err
	}
	return s.identities.of(ctx, token, key.Public(), s.clock(Fulcio))
}

// provenKey is the key in the request, which must have signed the name in the token.
func provenKey(asked *protobuf.PublicKeyRequest, name string) (crypto.PublicKey, error) {
	if asked == nil {
		return nil, errors.New("the request has no publicKeyRequest, and a certificateSigningRequest is not taken here")
	}
	key, err := challenges.ParsePublicKey(asked.GetPublicKey().GetContent())
	if err != nil {
		return nil, err
	}
	verifier, err := signature.LoadDefaultVerifier(key)
	if err != nil {
		return nil, err
	}
	return key, challenges.CheckSignatureWithVerifier(verifier, asked.GetProofOfPossession(), name)
}

// issue signs a precertificate, has it logged, and signs the certificate with the log's promise in it.
// https://www.rfc-editor.org/rfc/rfc6962#section-3.1
func (s *Sigstore) issue(ctx context.Context, who identity.Principal, key crypto.PublicKey, change func(*x509.Certificate)) (*x509.Certificate, *authority, error) {
	template, err := fulcioca.MakeX509(ctx, who, key)
	if err != nil {
		return nil, nil, err
	}
	now := s.clock(Fulcio)
	template.NotBefore, template.NotAfter = now, now.Add(template.NotAfter.Sub(template.NotBefore))
	if change != nil {
		change(template)
	}
	issuer, log := s.certifiers()
	if log == nil {
		certificate, err := certify(template, issuer.certificate, key, issuer.key)
		return certificate, issuer, err
	}
	template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: baseca.OIDExtensionCTPoison, Critical: true, Value: asn1.NullBytes})
	precertificate, err := certify(template, issuer.certificate, key, issuer.key)
	if err != nil {
		return nil, nil, err
	}
	promise, err := log.promise(precertificate, issuer.certificate, now)
	if err != nil {
		return nil, nil, err
	}
	final, err := new(baseca.BaseCA).IssueFinalCertificate(ctx, &fulcioca.CodeSigningPreCertificate{
		PreCert: precertificate, CertChain: issuer.chain(), PrivateKey: issuer.key,
	}, promise)
	if err != nil {
		return nil, nil, err
	}
	return final.FinalCertificate, issuer, nil
}

// certifiers are who signs certificates and who logs them now; no log where certificates shall not be logged.
func (s *Sigstore) certifiers() (*authority, *ctLog) {
	faults, odd := s.misbehaviour()
	issuer, log := s.certifier, s.transparent
	if odd.certifier != nil {
		issuer = odd.certifier
	}
	switch {
	case faults.WithoutSCT:
		log = nil
	case odd.transparent != nil:
		log = odd.transparent
	}
	return issuer, log
}

// reply has the certificate where Fulcio puts it: embedded is one with a promise in it.
func (s *Sigstore) reply(certificate *x509.Certificate, issuer *authority) *protobuf.SigningCertificate {
	chain := &protobuf.CertificateChain{Certificates: append([]string{certificatePEM(certificate)}, issuer.chainPEM()...)}
	for _, extension := range certificate.Extensions {
		if extension.Id.Equal(baseca.OIDExtensionCTSCT) {
			return &protobuf.SigningCertificate{Certificate: &protobuf.SigningCertificate_SignedCertificateEmbeddedSct{
				SignedCertificateEmbeddedSct: &protobuf.SigningCertificateEmbeddedSCT{Chain: chain}}}
		}
	}
	return &protobuf.SigningCertificate{Certificate: &protobuf.SigningCertificate_SignedCertificateDetachedSct{
		SignedCertificateDetachedSct: &protobuf.SigningCertificateDetachedSCT{Chain: chain}}}
}
