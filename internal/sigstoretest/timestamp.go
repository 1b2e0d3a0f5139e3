package sigstoretest

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/digitorus/timestamp"
)

// timestamper is a timestamp authority, whose certificate is signed by its root.
type timestamper struct{ *authority }

func newTimestamper(now time.Time) (*timestamper, error) {
	usage, err := timestampingUsage()
	if err != nil {
		return nil, err
	}
	// It is valid for years before now, too: digitorus/timestamp signs the machine's time beside the one that it is told, and
	// a verifier wants the certificate to be valid at both.
	made, err := certified(now, &x509.Certificate{
		Subject: subject("timestamp authority"), NotBefore: now.AddDate(-years, 0, 0), NotAfter: now.AddDate(years, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtraExtensions: []pkix.Extension{usage},
	})
	return &timestamper{made}, err
}

// policy is what the timestamp authority of the public Sigstore says of its timestamps.
// https://github.com/sigstore/timestamp-authority/blob/v2.1.3/pkg/tests/server.go
var policy = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 2}

func timestampHandler(s *Sigstore) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+TimestampAuthority.path(), func(w http.ResponseWriter, req *http.Request) {
		query, err := io.ReadAll(req.Body)
		if err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
		reply, err := s.timestamp(query)
		if err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
		w.Header().Set("Content-Type", "application/timestamp-reply")
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(reply)
	})
	mux.HandleFunc("GET "+TimestampAuthority.path()+"/certchain", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		_, _ = io.WriteString(w, strings.Join(s.stamping().chainPEM(), ""))
	})
	return mux
}

func (s *Sigstore) stamping() *timestamper {
	if _, odd := s.misbehaviour(); odd.timestamper != nil {
		return odd.timestamper
	}
	return s.timestamper
}

// timestamp answers a query. https://www.rfc-editor.org/rfc/rfc3161#section-2.4
func (s *Sigstore) timestamp(query []byte) ([]byte, error) {
	asked, err := timestamp.ParseRequest(query)
	if err != nil {
		return nil, err
	}
	if asked.HashAlgorithm != crypto.SHA256 && asked.HashAlgorithm != crypto.SHA384 && asked.HashAlgorithm != crypto.SHA512 {
		return nil, errors.New("the hash algorithm is too weak")
	}
	by := s.stamping()
	reply := timestamp.Timestamp{
		HashAlgorithm: asked.HashAlgorithm, HashedMessage: asked.HashedMessage, Nonce: asked.Nonce, Policy: policy,
		Time: s.clock(TimestampAuthority), AddTSACertificate: asked.Certificates,
	}
	return reply.CreateResponseWithOpts(by.certificate, by.key, crypto.SHA256)
}
