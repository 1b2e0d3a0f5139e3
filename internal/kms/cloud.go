//go:build kms

package kms

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

	"github.com/stepseal/stepseal/internal/outcome"
)

// cloudPatience bounds one call: the clouds' libraries look for credentials in many places, and try again by themselves.
const cloudPatience = time.Minute

// cloud is a key of one of the clouds, by sigstore's provider for it. The providers are called by name and not looked up.
type cloud struct {
	ref      Reference
	signer   signature.SignerVerifier
	expected crypto.PublicKey
}

func openCloud(ctx context.Context, ref Reference, opt Options) (Key, error) {
	// Sigstore's provider would take any certificate for AWS's.
	if ref.Service == AWS && opt.Getenv("AWS_TLS_INSECURE_SKIP_VERIFY") != "" {
		return nil, outcome.New(outcome.InvalidInput, "%s: AWS_TLS_INSECURE_SKIP_VERIFY is set, and a key service that anybody could be is none", ref).Hint("unset it")
	}
	var signer signature.SignerVerifier
	err := guarded(ctx, func(ctx context.Context) (err error) {
		switch ref.Service {
		case AWS:
			signer, err = aws.LoadSignerVerifier(ctx, ref.String())
		case Azure:
			signer, err = azure.LoadSignerVerifier(ctx, ref.String())
		case GCP:
			signer, err = gcp.LoadSignerVerifier(ctx, ref.String())
		default:
			err = errors.New("there is no such service")
		}
		return err
	})
	if err != nil {
		return nil, failed(ref, err)
	}
	return cloud{ref, signer, opt.Public}, nil
}

// Public asks the service.
func (c cloud) Public(ctx context.Context) (public crypto.PublicKey, err error) {
	err = guarded(ctx, func(ctx context.Context) (err error) {
		public, err = c.signer.PublicKey(options.WithContext(ctx))
		return err
	})
	switch {
	case err != nil:
		return nil, failed(c.ref, err)
	case c.expected != nil && !same(c.expected, public):
		return nil, failed(c.ref, errors.New("it is not the key that the trust section's public-key holds"))
	}
	return public, nil
}

// Sign asks the service for a signature over the hash that it has for the key.
func (c cloud) Sign(ctx context.Context, message []byte) (sig []byte, err error) {
	err = guarded(ctx, func(ctx context.Context) (err error) {
		sig, err = c.signer.SignMessage(bytes.NewReader(message), options.WithContext(ctx))
		return err
	})
	if err != nil {
		return nil, failed(c.ref, err)
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
