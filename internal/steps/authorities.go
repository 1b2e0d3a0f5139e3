package steps

import (
	"context"
	"crypto"

	"github.com/stepseal/stepseal/internal/kms"
	"github.com/stepseal/stepseal/internal/kms/cloud"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/signing"
	"github.com/stepseal/stepseal/internal/trust"
	"github.com/stepseal/stepseal/internal/tuf"
)

// fetched is what the authority's TUF repository publishes, asked for once. With nobody to be contacted the root that it
// begins with is read, and that is all.
func (f *resolver) fetched(ctx context.Context, a trust.Authority) (tuf.Published, error) {
	if known, ok := f.published[a.Name]; ok {
		return known, nil
	}
	repository, err := f.repository(a)
	if err != nil || f.transport == nil {
		return tuf.Published{}, err
	}
	published, err := repository.Fetch(ctx, tuf.Options{Cache: cacheDir(f.run), Scratch: f.run.Scratch, Transport: f.transport,
		UserAgent: "stepseal/" + f.run.Version, Offline: offlineInput.Of(f.run), Now: f.run.Now(),
		Notice: func(text string) { f.run.Warn("authority %s: %s", a.Name, text) }})
	if err == nil {
		f.published[a.Name] = published
	}
	return published, aboutAuthority(a, err)
}

func (f *resolver) repository(a trust.Authority) (tuf.Repository, error) {
	if a.Source == trust.PublicSigstore {
		return tuf.Public(), nil
	}
	root, err := f.file(a, a.TUFRoot)
	if err != nil {
		return tuf.Repository{}, err
	}
	repository := tuf.Repository{Mirror: a.Value, Root: root}
	return repository, aboutAuthority(a, repository.Check())
}

// mirrorOf is where an authority's root comes from.
func mirrorOf(a trust.Authority) string {
	if a.Source == trust.PublicSigstore {
		return tuf.Public().Mirror
	}
	return a.Value
}

// servicesOf are those of the signing config that is named, else of the one that came by TUF.
func (f *resolver) servicesOf(ctx context.Context, a trust.Authority) (signing.Services, error) {
	if a.SigningConfig == "" && a.Source.Fetched() {
		of, err := f.fetched(ctx, a)
		if err != nil {
			return signing.Services{}, err
		}
		if of.SigningConfig == nil {
			return signing.Services{}, outcome.New(outcome.TrustUnusable, "authority %s: %s publishes no signing config, and the trust section says to sign with it", a.Name, mirrorOf(a)).
				Hint("name its signing_config.json as signing-config")
		}
		return signing.ReadSigningConfig(a.Name+" ("+mirrorOf(a)+")", of.SigningConfig, f.run.Now())
	}
	if a.SigningConfig == "" {
		return signing.Services{}, outcome.New(outcome.TrustUnusable, "authority %s has no signing-config, and the trust section says to sign with it", a.Name).
			Hint("name its signing_config.json as signing-config")
	}
	content, err := f.file(a, a.SigningConfig)
	if err != nil {
		return signing.Services{}, err
	}
	return signing.ReadSigningConfig(a.Name+" ("+a.SigningConfig+")", content, f.run.Now())
}

// keyService opens the service of the authority's key.
func (f *resolver) keyService(ctx context.Context, a trust.Authority) (kms.Key, error) {
	if known, ok := f.services[a.Name]; ok {
		return known, nil
	}
	if offlineInput.Of(f.run) {
		return nil, outcome.New(outcome.KeyServiceUnavailable, "authority %s: offline %s is not asked", a.Name, a.Value).
			Hint("to verify, name the key's public half as public-key beside kms in the trust section")
	}
	var public crypto.PublicKey
	if a.PublicKey != "" {
		half, err := f.keyOfFile(a, a.PublicKey)
		if err != nil {
			return nil, err
		}
		public = half.Key()
	}
	key, err := kms.Open(ctx, a.Value, kms.Options{Getenv: f.run.Getenv, Transport: f.transport, Public: public, Clouds: cloud.Open})
	if err == nil {
		f.services[a.Name] = key
	}
	return key, aboutAuthority(a, err)
}

func (f *resolver) keyOfService(ctx context.Context, a trust.Authority) (signing.PublicKey, error) {
	service, err := f.keyService(ctx, a)
	if err != nil {
		return signing.PublicKey{}, err
	}
	public, err := service.Public(ctx)
	if err != nil {
		return signing.PublicKey{}, aboutAuthority(a, err)
	}
	key, err := signing.NewPublicKey(public)
	return key, aboutAuthority(a, err)
}

// signingKey is the authority's key to sign with. Its public half is asked for, so that what is missing is told before any
// work is done.
func (f *resolver) signingKey(ctx context.Context, a trust.Authority) (*signing.Key, error) {
	service, err := f.keyService(ctx, a)
	if err != nil {
		return nil, err
	}
	public, err := f.keyOfService(ctx, a)
	if err != nil {
		return nil, err
	}
	return signing.NewServiceKey(public, service.Sign), nil
}

// aboutAuthority says which authority an error is about.
func aboutAuthority(a trust.Authority, err error) error { return named("authority "+a.Name, err) }
