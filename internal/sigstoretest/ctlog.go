package sigstoretest

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"time"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/tls"
)

// ctLog promises to log certificates. It has no tree, for nobody asks it for one: a verifier checks the promise.
type ctLog struct {
	key *ecdsa.PrivateKey
	id  [sha256.Size]byte
}

func newCTLog() (*ctLog, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	return &ctLog{key: key, id: sha256.Sum256(der)}, nil
}

// promise is the signed timestamp of a precertificate. https://www.rfc-editor.org/rfc/rfc6962#section-3.2
func (l *ctLog) promise(precertificate, issuer *x509.Certificate, now time.Time) (*ct.SignedCertificateTimestamp, error) {
	chain := []ct.ASN1Cert{{Data: precertificate.Raw}, {Data: issuer.Raw}}
	leaf, err := ct.MerkleTreeLeafFromRawChain(chain, ct.PrecertLogEntryType, uint64(now.UnixMilli()))
	if err != nil {
		return nil, err
	}
	sct := ct.SignedCertificateTimestamp{SCTVersion: ct.V1, LogID: ct.LogID{KeyID: l.id}, Timestamp: leaf.TimestampedEntry.Timestamp}
	signed, err := ct.SerializeSCTSignatureInput(sct, ct.LogEntry{Leaf: *leaf})
	if err != nil {
		return nil, err
	}
	signature, err := tls.CreateSignature(*l.key, tls.SHA256, signed)
	sct.Signature = ct.DigitallySigned(signature)
	return &sct, err
}
