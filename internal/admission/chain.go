package admission

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"time"

	common "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	trustroot "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/stepseal/stepseal/internal/evidence"
)

const maxChainBytes = 256 << 10

// rootOfChains makes a trusted root of a CA's chain, and of a timestamp authority's where there is one.
func rootOfChains(authority, timestamps []byte) (root, error) {
	ca, err := parseChain(authority)
	if err != nil {
		return root{}, err
	}
	r := root{authorities: []certifier{{chain: ca, since: validSince(ca)}}}
	if len(timestamps) > 0 {
		tsa, err := parseChain(timestamps)
		if err != nil {
			return root{}, err
		}
		r.timestamps = []certifier{{chain: tsa, since: validSince(tsa)}}
	}
	r.json, err = r.trustedRoot()
	return r, err
}

func parseChain(content []byte) ([]*x509.Certificate, error) {
	if len(content) > maxChainBytes {
		return nil, errors.New("the chain is larger than 256 KiB")
	}
	var chain []*x509.Certificate
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil {
			return nil, errors.New("the chain holds something else than certificates")
		}
		if chain = append(chain, cert); len(chain) > maxCertificates {
			break
		}
	}
	if err := (certifier{chain: chain}).check(); err != nil {
		return nil, err
	}
	last := chain[len(chain)-1]
	if last.CheckSignatureFrom(last) != nil {
		return nil, errors.New("the chain does not end with a root")
	}
	return chain, nil
}

// validSince is when the whole chain was valid first.
func validSince(chain []*x509.Certificate) time.Time {
	var since time.Time
	for _, c := range chain {
		if c.NotBefore.After(since) {
			since = c.NotBefore
		}
	}
	return since
}

func (r root) trustedRoot() (string, error) {
	doc := trustroot.TrustedRoot{MediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}
	for _, c := range r.authorities {
		doc.CertificateAuthorities = append(doc.CertificateAuthorities, c.message())
	}
	for _, c := range r.timestamps {
		doc.TimestampAuthorities = append(doc.TimestampAuthorities, c.message())
	}
	loose, err := protojson.Marshal(&doc)
	if err != nil {
		return "", err
	}
	// protojson's spaces differ from one build to the next on purpose.
	compact, err := evidence.Encode(json.RawMessage(loose))
	return string(compact), err
}

func (c certifier) message() *trustroot.CertificateAuthority {
	first := c.chain[0]
	chain := &common.X509CertificateChain{}
	for _, cert := range c.chain {
		chain.Certificates = append(chain.Certificates, &common.X509Certificate{RawBytes: cert.Raw})
	}
	name := &common.DistinguishedName{CommonName: first.Subject.CommonName}
	return &trustroot.CertificateAuthority{Subject: name, CertChain: chain, ValidFor: &common.TimeRange{Start: timestamppb.New(c.since)}}
}
