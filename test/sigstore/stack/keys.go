package stack

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/youmark/pkcs8"
)

// keys are what the services of one Sigstore sign with. Each is in a file below the folder, as its service reads it, with
// what others need to verify it beside it.
type keys struct{ folder string }

// caPassword is what Fulcio's key is encrypted with: its file authority takes no key in the clear.
const caPassword = "only for these tests"

// write makes all keys of a Sigstore anew.
func (k keys) write() error {
	for _, make := range []func() error{
		k.fulcio,
		k.timestamps,
		func() error { return k.log("ctlog", newP256) },
		func() error { return k.log("rekor-v1", newP256) },
		func() error { return k.log("rekor-v2", newEd25519) }, // so that both kinds are tried
	} {
		if err := make(); err != nil {
			return err
		}
	}
	return nil
}

// fulcio is a root that signed the authority that certificates come from, as in the public instance.
func (k keys) fulcio() error {
	key, chain, err := newChain("fulcio", &x509.Certificate{
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage:    x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	})
	if err != nil {
		return err
	}
	encrypted, err := pkcs8.MarshalPrivateKey(key, []byte(caPassword), nil)
	if err != nil {
		return err
	}
	return k.files(files{"fulcio.key": block("ENCRYPTED PRIVATE KEY", encrypted), "fulcio.crt": chain})
}

// timestamps is the authority's own root and the certificate that it stamps with.
func (k keys) timestamps() error {
	// The extended key usage is critical and nothing else: https://www.rfc-editor.org/rfc/rfc3161#section-2.3
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		return err
	}
	key, chain, err := newChain("timestamps", &x509.Certificate{
		KeyUsage:        x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage}},
	})
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return k.files(files{"timestamps.key": block("PRIVATE KEY", private), "timestamps.crt": chain})
}

// log is the key of a transparency log.
func (k keys) log(name string, generate func() (crypto.Signer, error)) error {
	key, err := generate()
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	return k.files(files{name + ".key": block("PRIVATE KEY", private), name + ".pub": block("PUBLIC KEY", public)})
}

// files are contents by name.
type files map[string][]byte

func (k keys) files(of files) error {
	for name, content := range of {
		if err := os.WriteFile(k.path(name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (k keys) path(name string) string { return filepath.Join(k.folder, name) }

// newChain makes a root and a certificate below it, and gives the latter's key and both in PEM, the root last.
func newChain(name string, leaf *x509.Certificate) (crypto.Signer, []byte, error) {
	rootKey, err := newP256()
	if err != nil {
		return nil, nil, err
	}
	key, err := newP256()
	if err != nil {
		return nil, nil, err
	}
	root := &x509.Certificate{IsCA: true, BasicConstraintsValid: true, MaxPathLen: 1, KeyUsage: x509.KeyUsageCertSign}
	for serial, certificate := range []*x509.Certificate{root, leaf} {
		certificate.SerialNumber = big.NewInt(int64(serial + 1))
		certificate.Subject = pkix.Name{Organization: []string{"stepseal tests"}, CommonName: name + [...]string{" root", ""}[serial]}
		certificate.NotBefore = time.Now().Add(-time.Hour)
		certificate.NotAfter = time.Now().Add(24 * time.Hour)
	}
	top, err := x509.CreateCertificate(rand.Reader, root, root, rootKey.Public(), rootKey)
	if err != nil {
		return nil, nil, err
	}
	if root, err = x509.ParseCertificate(top); err != nil {
		return nil, nil, err
	}
	signed, err := x509.CreateCertificate(rand.Reader, leaf, root, key.Public(), rootKey)
	if err != nil {
		return nil, nil, err
	}
	return key, append(block("CERTIFICATE", signed), block("CERTIFICATE", top)...), nil
}

func newP256() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

func newEd25519() (crypto.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return key, err
}

func block(kind string, content []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content})
}
