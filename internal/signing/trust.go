// Package signing signs and verifies evidence about an image under one Trust. It is the door to cosign and sigstore-go.
//
// Statements are stored in two places: as Sigstore bundles that refer to the image, and as cosign's .sig and .att tags.
// Both are always read, and what lies in one never hides the other. It refuses to verify without knowing whom to trust,
// to take an attestation for a signature, and to take what could not be read for what is not there.
package signing

import (
	"crypto"
	"io"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Trust says who may have signed. The zero value trusts nobody.
type Trust struct {
	Keys []PublicKey
}

func (t Trust) check() error {
	if len(t.Keys) == 0 {
		return outcome.New(outcome.InvalidInput, "there is nobody to trust").Hint("name the public key that must have signed")
	}
	for _, key := range t.Keys {
		if key.key == nil {
			return outcome.New(outcome.InvalidInput, "one of the keys to trust is empty")
		}
	}
	return nil
}

// trustedKey is one key with sigstore-go's verifier for bundles signed by it.
type trustedKey struct {
	PublicKey
	bundles *verify.Verifier
}

// newTrustedKey ignores the hint in a bundle: it is not signed, and every trusted key is tried anyway.
func newTrustedKey(key PublicKey) (trustedKey, error) {
	alwaysValid := root.NewExpiringKey(sigstoreVerifier{key}, time.Time{}, time.Time{})
	material := root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) { return alwaysValid, nil })
	bundles, err := verify.NewVerifier(material, verify.WithNoObserverTimestamps(), verify.WithoutStatementPredicate())
	return trustedKey{key, bundles}, err
}

// sigstoreVerifier is a key as sigstore-go wants it.
type sigstoreVerifier struct{ key PublicKey }

func (v sigstoreVerifier) PublicKey(...signature.PublicKeyOption) (crypto.PublicKey, error) {
	return v.key.key, nil
}

func (v sigstoreVerifier) VerifySignature(sig, message io.Reader, _ ...signature.VerifyOption) error {
	s, err := io.ReadAll(sig)
	if err != nil {
		return err
	}
	m, err := io.ReadAll(message)
	if err != nil {
		return err
	}
	return v.key.verify(m, s)
}
