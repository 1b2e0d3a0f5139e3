// Package kms signs with keys that never leave a key management service. Vault's transit engine it speaks to itself, for
// all that sigstore's provider for it leaves out: a context, a bound on answers, a certificate authority, and a refusal to
// run a token helper. The clouds are in the package cloud.
//
// A reference is parsed here before any provider sees it. Sigstore's own lookup runs a program sigstore-kms-SCHEME from
// PATH for a scheme that it does not know; it is never asked. Whatever a service signs is for the caller to verify.
package kms

import (
	"context"
	"crypto"
	"errors"
	"net/http"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Key is a key in a service.
type Key interface {
	// Public asks for the public half.
	Public(context.Context) (crypto.PublicKey, error)
	// Sign signs a message over the hash that goes with the kind of key: ASN.1 for ECDSA, PKCS #1 v1.5 for RSA.
	Sign(ctx context.Context, message []byte) ([]byte, error)
}

// Same says whether it is the same key.
func Same(a, b crypto.PublicKey) bool {
	known, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && known.Equal(b)
}

// Options say how a service is reached.
type Options struct {
	Getenv    func(string) string // for where a Vault is and its token
	Transport http.RoundTripper   // for a Vault; the clouds' own libraries bring theirs
	Public    crypto.PublicKey    // the half that is known; nil: that of the newest version

	// Clouds opens what is not in a Vault.
	Clouds func(context.Context, Reference, Options) (Key, error)
}

// Open finds the service of a reference. It contacts nobody that a signature or the public half is not asked of.
func Open(ctx context.Context, text string, opt Options) (Key, error) {
	ref, err := Parse(text)
	if err != nil {
		return nil, outcome.New(outcome.TrustUnusable, "%.200q: %s", text, err)
	}
	if ref.Service == Vault {
		return newVault(ref, opt)
	}
	if opt.Clouds == nil {
		return nil, Failed(ref, errors.New("nobody here speaks to "+string(ref.Service)))
	}
	return opt.Clouds(ctx, ref, opt)
}

// Failed is the ending of everything that a service does not do.
func Failed(ref Reference, err error) error {
	return outcome.New(outcome.KeyServiceUnavailable, "%s: %.400s", ref, err).Because(err)
}
