package signing

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"

	"github.com/stepseal/stepseal/internal/outcome"
)

// maxBlobSignature bounds a detached signature in base64; that of the longest RSA key has some 3 KB.
const maxBlobSignature = 16 << 10

// SignBlob makes a detached signature over content, in the form of "cosign sign-blob --key": base64 of ASN.1 for ECDSA
// (over SHA-256, or SHA-384 with P-384), PKCS#1 v1.5 over SHA-256 for RSA, and plain Ed25519.
func (k Key) SignBlob(content []byte) ([]byte, error) {
	signature, err := k.sign(context.Background(), content)
	if err != nil {
		return nil, outcome.New(outcome.KeyUnusable, "the private key does not sign").Because(err)
	}
	return append([]byte(base64.StdEncoding.EncodeToString(signature)), '\n'), nil
}

// VerifyBlob checks what SignBlob, cosign, or "openssl dgst -sha256 -sign KEY | base64" made.
func (p PublicKey) VerifyBlob(content, signature []byte) error {
	if len(signature) > maxBlobSignature {
		return errors.New("the signature is longer than any")
	}
	raw, err := base64.StdEncoding.DecodeString(string(bytes.Join(bytes.Fields(signature), nil)))
	if err != nil {
		return errors.New("the signature is not base64")
	}
	return p.verify(content, raw)
}
