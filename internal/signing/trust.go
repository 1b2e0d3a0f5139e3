// Package signing signs and verifies evidence about an image under one Trust. It is the door to cosign and sigstore-go.
//
// Statements are stored in two places: as Sigstore bundles that refer to the image, and as cosign's .sig and .att tags.
// Both are always read, and what lies in one never hides the other. It refuses to verify without knowing whom to trust,
// to take an attestation for a signature, and to take what could not be read for what is not there.
package signing

import (
	"github.com/stepseal/stepseal/internal/trust"
)

// Trust says whose word counts, and for what. The zero value trusts nobody.
type Trust struct {
	Signers     []Signer
	BundlesOnly bool // what lies under cosign's tags does not count
}

// Signer is one whose word counts: whoever has the key, or whom the Sigstore certifies as the identity.
type Signer struct {
	trust.Signer
	Key      PublicKey // where there is no Sigstore
	Sigstore *Sigstore
}

// ByKeys trusts whoever has one of the keys, with everything.
func ByKeys(keys ...PublicKey) Trust {
	var t Trust
	for _, key := range keys {
		t.Signers = append(t.Signers, Signer{Key: key})
	}
	return t
}

func (t Trust) check() error {
	if err := t.namesAnybody(); err != nil {
		return err
	}
	for _, s := range t.Signers {
		if err := s.isKnownBySomething(); err != nil {
			return err
		}
	}
	return nil
}

// String names the signer as the record of a verification does.
func (s Signer) String() string {
	if s.Sigstore == nil {
		return s.Key.Fingerprint()
	}
	if !s.Issuer.Given() {
		return s.Subject.String() + " (certified by " + s.Sigstore.name + ")"
	}
	return s.Subject.String() + " (" + s.Issuer.String() + ")"
}
