package signing

import (
	"context"
	"encoding/base64"

	"github.com/stepseal/stepseal/internal/evidence"
)

// Author signs: a Key, or a Keyless signer with the certificate that a Sigstore issued to its identity.
type Author interface {
	// Signer names the author as verifications do.
	Signer() string
	// own is the trust by which the author's own signatures are known again.
	own() Trust
	// mayBe says whether the signer is of the author's kind, and is whether it is the author.
	mayBe(Signer) bool
	is(Signer) bool
	// bundle signs a statement; the result is the bundle's JSON.
	bundle(ctx context.Context, payload []byte) ([]byte, error)
	// simple signs cosign's own payload; the result stands beside it in the .sig manifest.
	simple(ctx context.Context, payload []byte) (annotations map[string]string, err error)
	// envelope signs a statement; the result is the layer of the .att manifest, and what stands beside it.
	envelope(ctx context.Context, payload []byte) (content []byte, annotations map[string]string, err error)
}

func (k *Key) own() Trust { return ByKeys(k.public) }

func (k *Key) mayBe(s Signer) bool { return s.Sigstore == nil }

func (k *Key) is(s Signer) bool {
	return s.Sigstore == nil && s.Key.fingerprint == k.public.fingerprint
}

func (k *Key) bundle(ctx context.Context, payload []byte) ([]byte, error) {
	sig, err := k.sign(ctx, preAuthEncoding(payload))
	if err != nil {
		return nil, err
	}
	return newBundle(k.public, payload, sig)
}

// https://github.com/sigstore/cosign/blob/v2.6.5/specs/SIGNATURE_SPEC.md
func (k *Key) simple(ctx context.Context, payload []byte) (map[string]string, error) {
	sig, err := k.sign(ctx, payload)
	return map[string]string{annotationSignature: base64.StdEncoding.EncodeToString(sig)}, err
}

// https://github.com/sigstore/cosign/blob/v2.6.5/specs/ATTESTATION_SPEC.md
func (k *Key) envelope(ctx context.Context, payload []byte) ([]byte, map[string]string, error) {
	sig, err := k.sign(ctx, preAuthEncoding(payload))
	if err != nil {
		return nil, nil, err
	}
	content, err := evidence.Envelope{Payload: payload, Signature: sig}.Marshal()
	return content, map[string]string{}, err
}
