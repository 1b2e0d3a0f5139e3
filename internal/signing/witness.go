package signing

import (
	"crypto"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"
)

// witness vouches for who signed: a key for whoever has it, a Sigstore for an identity.
type witness interface {
	vouch(signed) (proof, error)
}

// signed is a signature as it is stored, with what it is over.
type signed struct {
	bundle *bundle.Bundle // nil in the legacy store, where the rest says the same
	layer  document
	// What the signature is over: cosign's payload, or the pre-authentication encoding of an envelope's.
	message, signature []byte
	payload            []byte // of the envelope; nil beside cosign's own payload
}

// proof is what a witness says.
type proof struct {
	who         string       // as verifications name the signer
	certificate *Certificate // nil: a key
	at          time.Time    // when it was signed at the latest, by somebody else than the signer; zero: nobody says
	signers     []*Signer    // those of the trust that it may be
}

// errOtherKind means that the witness cannot say anything about a signature of this kind.
var errOtherKind = errors.New("is signed in another way")

// keyWitness is one key with sigstore-go's verifier for bundles signed by it.
type keyWitness struct {
	PublicKey
	bundles *verify.Verifier
}

// newKeyWitness ignores the hint in a bundle: it is not signed, and every trusted key is tried anyway.
func newKeyWitness(key PublicKey) (keyWitness, error) {
	alwaysValid := root.NewExpiringKey(sigstoreVerifier{key}, time.Time{}, time.Time{})
	material := root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) { return alwaysValid, nil })
	bundles, err := verify.NewVerifier(material, verify.WithNoObserverTimestamps(), verify.WithoutStatementPredicate())
	return keyWitness{key, bundles}, err
}

func (w keyWitness) vouch(s signed) (proof, error) {
	switch {
	case s.bundle == nil:
		return proof{who: w.Signer()}, w.verify(s.message, s.signature)
	case s.bundle.GetVerificationMaterial().GetPublicKey() == nil:
		return proof{}, errOtherKind
	}
	// The comparison with the image is left to the caller, who is stricter about it: here any of the subjects would do.
	result, err := w.bundles.Verify(s.bundle, verify.NewPolicy(verify.WithoutArtifactUnsafe(), verify.WithKey()))
	switch {
	case err == nil && result.Statement == nil:
		err = errNoStatement
	case err != nil && strings.Contains(err.Error(), noneCounts):
		err = errSignature
	}
	return proof{who: w.Signer()}, err
}

// noneCounts is how the library for envelopes says that no signature of one is by the key, in words about a threshold of
// its own that would pass for one of the trust section.
const noneCounts = "accepted signatures do not match threshold"

var errNoStatement = errors.New("bundle: no statement")

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
