// Package signing signs and verifies evidence about an image under one Trust. It is the door to cosign and sigstore-go.
//
// Statements are stored in two places: as Sigstore bundles that refer to the image, and as cosign's .sig and .att tags.
// Both are always read, and what lies in one never hides the other. It refuses to verify without knowing whom to trust,
// to take an attestation for a signature, and to take what could not be read for what is not there.
package signing

import (
	"slices"

	"github.com/stepseal/stepseal/internal/outcome"
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
	if len(t.Signers) == 0 {
		return outcome.New(outcome.InvalidInput, "there is nobody to trust").Hint("name the public key that must have signed")
	}
	for _, s := range t.Signers {
		switch {
		case s.Sigstore == nil && s.Key.key == nil:
			return outcome.New(outcome.InvalidInput, "one of the keys to trust is empty")
		case s.Sigstore != nil && !(s.Subject.Given() && (s.Issuer.Given() || s.Sigstore.namesNoIssuer())):
			return outcome.New(outcome.InvalidInput, "the signer %q names no identity, so that anybody would do", s.Name)
		}
	}
	return nil
}

func (s Signer) maySign(kind trust.Kind) bool {
	return len(s.MaySign) == 0 || slices.Contains(s.MaySign, kind)
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
