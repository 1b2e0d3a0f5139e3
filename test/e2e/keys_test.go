package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"github.com/stepseal/stepseal/internal/registrytest"
)

// Every kind of key that we take signs what the cosign command line verifies, in both formats.
func TestCosignVerifiesEveryKindOfKey(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsa2048, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []struct {
		name, digest string
		key          crypto.Signer
	}{
		// cosign signs with SHA-384 under such a key too, and has to be told of it when it verifies, even its own.
		{"ECDSA P-384", "sha384", p384},
		{"RSA 2048", "sha256", rsa2048},
		{"Ed25519", "sha256", edwards},
	} {
		for _, format := range []string{"bundle", "legacy"} {
			t.Run(kind.name+" "+format, func(t *testing.T) {
				u, ref := newUser(t), pushedApp(t, startRegistry(t, registrytest.ReferrersOn))
				u.useKey(kind.key)
				u.secure(ref, "--signature-format", format).want(t, 0, "")
				u.cosignVerifies(ref, append([]string{"--signature-digest-algorithm", kind.digest}, cosignReads[format]...)...)
			})
		}
	}
}

// useKey replaces the user's key pair by a plain one in PEM.
func (u user) useKey(key crypto.Signer) {
	u.t.Helper()
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		u.t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		u.t.Fatal(err)
	}
	u.write("cosign.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	u.write("cosign.pub", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})))
}
