package sigstoretest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

// years that roots and intermediates are valid, so that a test may set its clock far ahead.
const years = 10

// authority is a root, and what it certified. The key belongs to the certificate and not to the root.
type authority struct {
	root        *x509.Certificate
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// newAuthority is Fulcio's: a root and an intermediate that may certify signers of code, or what change makes of it.
func newAuthority(now time.Time, change func(*x509.Certificate)) (*authority, error) {
	template := &x509.Certificate{
		Subject: subject("intermediate"), NotBefore: now.AddDate(0, 0, -1), NotAfter: now.AddDate(years, 0, 0),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
	if change != nil {
		change(template)
	}
	return certified(now, template)
}

func certified(now time.Time, template *x509.Certificate) (*authority, error) {
	root, rootKey, err := newRoot(now)
	if err != nil {
		return nil, err
	}
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	certificate, err := certify(template, root, key.Public(), rootKey)
	if err != nil {
		return nil, err
	}
	return &authority{root: root, certificate: certificate, key: key}, nil
}

func newRoot(now time.Time) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		Subject: subject("root"), NotBefore: now.AddDate(0, 0, -1), NotAfter: now.AddDate(years, 0, 0),
		IsCA: true, BasicConstraintsValid: true, MaxPathLen: 1, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	root, err := certify(template, template, key.Public(), key)
	return root, key, err
}

// certify signs a template, whose serial number it chooses.
func certify(template, parent *x509.Certificate, of crypto.PublicKey, by crypto.Signer) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, parent, of, by)
	if err != nil {
		return nil, fmt.Errorf("certificate of %s: %w", template.Subject, err)
	}
	return x509.ParseCertificate(der)
}

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// subject says what this is to whoever finds one of the certificates somewhere.
func subject(role string) pkix.Name {
	return pkix.Name{Organization: []string{"stepseal sandbox"}, CommonName: role + ", not persistent and not monitored"}
}

// A timestamp authority's certificate has this usage alone, and the extension is critical, which crypto/x509 does not do
// by itself. https://www.rfc-editor.org/rfc/rfc3161#section-2.3
func timestampingUsage() (pkix.Extension, error) {
	value, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: value}, err
}

func (a *authority) chain() []*x509.Certificate { return []*x509.Certificate{a.certificate, a.root} }

func (a *authority) chainPEM() []string {
	return []string{certificatePEM(a.certificate), certificatePEM(a.root)}
}

func certificatePEM(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}
