package admission

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/trust"
)

const maxKeyBytes = 64 << 10

// publicKey is a key as engines take it.
type publicKey struct {
	pem  string // PKIX
	hash string // what signatures are over, where it is not SHA-256; engines do not find out by themselves
}

// keyOf is the key of an authority.
func keyOf(a trust.Authority, m Material) (publicKey, error) {
	content, ok := m.Sources[a.Name]
	if !ok {
		return publicKey{}, outcome.New(outcome.KeyUnusable, "the public key of the authority %s was not read", a.Name)
	}
	key, err := parseKey(content)
	if err != nil {
		return publicKey{}, outcome.New(outcome.KeyUnusable, "the public key of the authority %s", a.Name).Because(err)
	}
	return key, nil
}

// parseKey writes the key anew, so that nothing comes along that the file holds beside it.
func parseKey(content []byte) (publicKey, error) {
	if len(content) > maxKeyBytes {
		return publicKey{}, errors.New("the file is larger than 64 KiB")
	}
	block, rest := pem.Decode(content)
	switch {
	case block == nil:
		return publicKey{}, errors.New("the file holds no public key in PEM form")
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return publicKey{}, errors.New("the file holds a private key, and the public one is needed")
	}
	if more, _ := pem.Decode(rest); more != nil {
		return publicKey{}, errors.New("the file holds more than one key")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		if key, err = x509.ParsePKCS1PublicKey(block.Bytes); err != nil {
			return publicKey{}, errors.New("the file holds something else than a public key")
		}
	}
	hash, err := hashOf(key)
	if err != nil {
		return publicKey{}, err
	}
	text, err := publicKeyPEM(key)
	return publicKey{text, hash}, err
}

func publicKeyPEM(key any) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}

// hashOf is the hash that sign-attest signs over with such a key, where it is not SHA-256.
func hashOf(key any) (string, error) {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			return "", nil
		case elliptic.P384():
			return "sha384", nil
		}
	case *rsa.PublicKey:
		if k.N.BitLen() >= 2048 {
			return "", nil
		}
	case ed25519.PublicKey:
		return "", nil
	}
	return "", errors.New("the key is not of an accepted kind")
}
