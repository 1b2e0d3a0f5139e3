package signing

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // for P-384
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/sigstore/sigstore/pkg/cryptoutils"

	"github.com/stepseal/stepseal/internal/outcome"
)

const maxKeyBytes = 64 << 10

// Key is a private key that signs. However it is printed, it shows its public fingerprint only.
type Key struct {
	public PublicKey
	sign   signer // the secret lives in here, where no printing reaches it
}

type signer func(ctx context.Context, message []byte) ([]byte, error)

// NewServiceKey is a key that somebody else keeps, and signs with when asked to. What does not verify with the public
// half is not taken for a signature.
func NewServiceKey(public PublicKey, sign func(ctx context.Context, message []byte) ([]byte, error)) *Key {
	return &Key{public: public, sign: func(ctx context.Context, message []byte) ([]byte, error) {
		signature, err := sign(ctx, message)
		if err != nil {
			return nil, err
		}
		if err := public.verify(message, signature); err != nil {
			return nil, outcome.New(outcome.KeyServiceUnavailable, "the key service signed, and not with the %s", public).Because(err).
				Hint("where the key is an RSA key, it has to sign PKCS #1 v1.5 over SHA-256")
		}
		return signature, nil
	}}
}

// LoadKey reads a private key: cosign's encrypted form, PKCS#8 with and without a password, SEC 1 (EC), PKCS#1.
// ECDSA P-256 and P-384, RSA from 2048 bits and Ed25519 are accepted. The password of a key without one is ignored.
func LoadKey(content, password []byte) (*Key, error) {
	block, err := privateBlock(content)
	if err != nil {
		return nil, err
	}
	// The copy is never nil: nil would mean to sigstore that a cosign key is not encrypted.
	ask := func(bool) ([]byte, error) { return append([]byte{}, password...), nil }
	private, err := cryptoutils.UnmarshalPEMToPrivateKey(pem.EncodeToMemory(block), ask)
	switch wrong := isPassword(block, password, err); {
	case wrong && len(password) == 0:
		return nil, outcome.New(outcome.WrongPassword, "the private key is encrypted, and no password was given")
	case wrong:
		return nil, outcome.New(outcome.WrongPassword, "the password does not open the private key")
	case err != nil:
		return nil, outcome.New(outcome.KeyUnusable, "the private key cannot be read").Because(err)
	}
	return newKey(private)
}

// privateBlock finds the PEM block of the private key. openssl writes the curve's parameters before it.
func privateBlock(content []byte) (*pem.Block, error) {
	if len(content) > maxKeyBytes {
		return nil, outcome.New(outcome.KeyUnusable, "the key file is larger than %d KiB", maxKeyBytes>>10)
	}
	for {
		var block *pem.Block
		if block, content = pem.Decode(content); block == nil {
			return nil, outcome.New(outcome.KeyUnusable, "the file holds no private key in PEM form")
		}
		switch {
		case strings.HasSuffix(block.Type, "PUBLIC KEY"), block.Type == "CERTIFICATE":
			return nil, outcome.New(outcome.KeyUnusable, "the file holds a %s, and the private key is needed", strings.ToLower(block.Type))
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return block, nil
		}
	}
}

// isPassword tells a password that does not fit from a file that nobody could read. RFC 1423 keys are not authenticated:
// with a wrong password one comes out as garbage now and then. A PKCS#8 key is not decrypted at all without a password.
func isPassword(block *pem.Block, password []byte, err error) bool {
	if err == nil {
		return false
	}
	//lint:ignore SA1019 weak as it is, keys in this form are still around
	if x509.IsEncryptedPEMBlock(block) || block.Type == "ENCRYPTED PRIVATE KEY" && len(password) == 0 {
		return true
	}
	return strings.Contains(err.Error(), "incorrect password") || strings.Contains(err.Error(), "decryption failed")
}

func newKey(private crypto.PrivateKey) (*Key, error) {
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, outcome.New(outcome.KeyUnusable, "the private key is a %T, which does not sign", private)
	}
	public, err := NewPublicKey(signer.Public())
	if err != nil {
		return nil, err
	}
	hash := public.hashes()[0]
	return &Key{public: public, sign: func(_ context.Context, message []byte) ([]byte, error) {
		return signer.Sign(rand.Reader, digest(hash, message), hash)
	}}, nil
}

// Public is the key that verifies what this one signs.
func (k Key) Public() PublicKey { return k.public }

// Signer names the key as verifications do.
func (k Key) Signer() string { return k.public.Signer() }

// Format keeps the secret out of every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "private "+k.Signer()) }

// Generate makes an ECDSA P-256 key pair in cosign's form. The private key is encrypted with the password, which may be
// empty.
func Generate(password []byte) (private, public []byte, err error) {
	ask := func(bool) ([]byte, error) { return append([]byte{}, password...), nil }
	return cryptoutils.GeneratePEMEncodedECDSAKeyPair(elliptic.P256(), ask)
}

// PublicKey verifies. The zero value verifies nothing.
type PublicKey struct {
	key         crypto.PublicKey
	der         []byte // PKIX
	fingerprint string
}

// LoadPublicKey reads one public key in PEM form, of the kinds that LoadKey takes.
func LoadPublicKey(content []byte) (PublicKey, error) {
	if len(content) > maxKeyBytes {
		return PublicKey{}, outcome.New(outcome.KeyUnusable, "the key file is larger than %d KiB", maxKeyBytes>>10)
	}
	block, rest := pem.Decode(content)
	switch {
	case block == nil:
		return PublicKey{}, outcome.New(outcome.KeyUnusable, "the file holds no public key in PEM form")
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return PublicKey{}, outcome.New(outcome.KeyUnusable, "the file holds a private key, and the public one is needed")
	}
	if more, _ := pem.Decode(rest); more != nil {
		return PublicKey{}, outcome.New(outcome.KeyUnusable, "the file holds more than one key")
	}
	key, err := cryptoutils.UnmarshalPEMToPublicKey(content)
	if err != nil {
		return PublicKey{}, outcome.New(outcome.KeyUnusable, "the public key cannot be read").Because(err)
	}
	return NewPublicKey(key)
}

// NewPublicKey takes a key of the kinds that LoadKey takes.
func NewPublicKey(key crypto.PublicKey) (PublicKey, error) {
	if err := accepted(key); err != nil {
		return PublicKey{}, outcome.New(outcome.KeyUnusable, "the key is not of an accepted kind").Because(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return PublicKey{}, outcome.New(outcome.KeyUnusable, "the key cannot be encoded").Because(err)
	}
	return PublicKey{key: key, der: der, fingerprint: fmt.Sprintf("sha256:%x", sha256.Sum256(der))}, nil
}

func accepted(key crypto.PublicKey) error {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() && k.Curve != elliptic.P384() {
			return fmt.Errorf("ECDSA on %s", k.Curve.Params().Name)
		}
	case *rsa.PublicKey:
		if k.N.BitLen() < 2048 {
			return fmt.Errorf("RSA of %d bits", k.N.BitLen())
		}
	case ed25519.PublicKey:
	default:
		return fmt.Errorf("%T", key)
	}
	return nil
}

// Key is the key itself.
func (p PublicKey) Key() crypto.PublicKey { return p.key }

// Fingerprint is sha256:<hex> of the key's PKIX form.
func (p PublicKey) Fingerprint() string { return p.fingerprint }

// Signer names the key as verifications do.
func (p PublicKey) Signer() string { return "key " + p.fingerprint }

func (p PublicKey) String() string { return p.Signer() }

// hashes are those that a signature by the key may be over, the one that we use first. cosign has signed with P-384
// over SHA-256, and signs images with Ed25519ph.
// https://github.com/sigstore/architecture-docs/blob/main/algorithm-registry.md
func (p PublicKey) hashes() []crypto.Hash {
	switch k := p.key.(type) {
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P384() {
			return []crypto.Hash{crypto.SHA384, crypto.SHA256}
		}
	case ed25519.PublicKey:
		return []crypto.Hash{0, crypto.SHA512}
	}
	return []crypto.Hash{crypto.SHA256}
}

func digest(hash crypto.Hash, message []byte) []byte {
	if hash == 0 {
		return message
	}
	h := hash.New()
	h.Write(message)
	return h.Sum(nil)
}

var errSignature = errors.New("the signature is not by this key, or not over this content")

func (p PublicKey) verify(message, signature []byte) error {
	for _, hash := range p.hashes() {
		if p.verifyDigest(hash, digest(hash, message), signature) {
			return nil
		}
	}
	return errSignature
}

func (p PublicKey) verifyDigest(hash crypto.Hash, sum, signature []byte) bool {
	switch k := p.key.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(k, sum, signature)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(k, hash, sum, signature) == nil
	case ed25519.PublicKey:
		return ed25519.VerifyWithOptions(k, sum, signature, &ed25519.Options{Hash: hash}) == nil
	}
	return false
}
