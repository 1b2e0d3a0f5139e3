// Package cloud signs with keys of AWS KMS, Azure Key Vault and Google Cloud KMS. It is the door to sigstore's providers
// for them, which bring each cloud's way of finding credentials. It takes references that kms has parsed, and refuses an
// environment that has certificates not checked.
package cloud

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/kms/aws"
	"github.com/sigstore/sigstore/pkg/signature/kms/azure"
	"github.com/sigstore/sigstore/pkg/signature/kms/gcp"
	"github.com/sigstore/sigstore/pkg/signature/options"

	"github.com/stepseal/stepseal/internal/kms"
	"github.com/stepseal/stepseal/internal/outcome"
)

// cloudPatience bounds one call: the clouds' libraries look for credentials in many places, and try again by themselves.
const cloudPatience = time.Minute

// key is a key of one of the clouds, by sigstore's provider for it. The providers are called by name and not looked up.
type key struct {
	ref      kms.Reference
	signer   signature.SignerVerifier
	expected crypto.PublicKey
}

// Open finds the credentials for the key's service.
func Open(ctx context.Context, ref kms.Reference, opt kms.Options) (kms.Key, error) {
	// Sigstore's provider would take any certificate for AWS's.
	if ref.Service == kms.AWS && opt.Getenv("AWS_TLS_INSECURE_SKIP_VERIFY") != "" {
		return nil, outcome.New(outcome.InvalidInput, "%s: AWS_TLS_INSECURE_SKIP_VERIFY is set, and a key service that anybody could be is none", ref).Hint("unset it")
	}
	var signer signature.SignerVerifier
	err := guarded(ctx, func(ctx context.Context) (err error) {
		switch ref.Service {
		case kms.AWS:
			signer, err = aws.LoadSignerVerifier(ctx, ref.String())
		case kms.Azure:
			signer, err = azure.LoadSignerVerifier(ctx, ref.String())
		case kms.GCP:
			signer, err = gcp.LoadSignerVerifier(ctx, ref.String())
		default:
			err = errors.New("there is no such service")
		}
		return err
	})
	if err != nil {
		return nil, kms.Failed(ref, err)
	}
	return key{ref, signer, opt.Public}, nil
}

// Public asks the service.
func (c key) Public(ctx context.Context) (public crypto.PublicKey, err error) {
	err = guarded(ctx, func(ctx context.Context) (err error) {
		public, err = c.signer.PublicKey(options.WithContext(ctx))
		return err
	})
	switch {
	case err != nil:
		return nil, kms.Failed(c.ref, err)
	case c.expected != nil && !kms.Same(c.expected, public):
		return nil, kms.Failed(c.ref, errors.New("it is not the key that the trust section's public-key holds"))
	}
	return public, nil
}

// Sign asks the service for a signature over the hash that it has for the key.
func (c key) Sign(ctx context.Context, message []byte) (sig []byte, err error) {
	err = guarded(ctx, func(ctx context.Context) (err error) {
		sig, err = c.signer.SignMessage(bytes.NewReader(message), options.WithContext(ctx))
		return err
	})
	if err != nil {
		return nil, kms.Failed(c.ref, err)
	}
	return sig, nil
}

// guarded bounds a call in time, and takes a panic in a provider, which trusts answers to be whole, for a failure.
func guarded(ctx context.Context, call func(context.Context) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, cloudPatience)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the answer cannot be used: %.200v", p)
		}
	}()
	return call(ctx)
}
