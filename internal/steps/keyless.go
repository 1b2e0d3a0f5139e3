package steps

import (
	"context"
	"os"
	"path/filepath"

	"github.com/stepseal/stepseal/internal/identity"
	"github.com/stepseal/stepseal/internal/identity/spiffe"
	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/signing"
	"github.com/stepseal/stepseal/internal/step"
	"github.com/stepseal/stepseal/internal/trust"
)

var (
	identityTokenInput = step.Password(step.Declaration{Name: "identity-token",
		Usage: "the OIDC token to sign with where the trust section's sign-with says so; without it the token of GitHub Actions, GitLab's SIGSTORE_ID_TOKEN, a projected ServiceAccount token or one of SPIFFE is taken"})
	identityTokenPathInput = step.Text(step.Declaration{Name: "identity-token-path", Placeholder: "FILE", Section: "sign",
		Usage: "the file of a projected ServiceAccount token, where it is not at " + identity.ProjectedFile})
)

// signatory is who is going to sign: whoever has the key, in a file or in a key service, or the identity of this run.
type signatory struct {
	key      *signing.Key
	sigstore *signing.Sigstore
	services signing.Services
	trust    signing.Trust
	format   signing.Format
}

// newSignatory reads what signing needs, so that what is missing is told before any work is done. It contacts nobody but
// whoever publishes a Sigstore's services, or keeps the key.
func newSignatory(ctx context.Context, c *chain) (signatory, error) {
	r := c.Run
	section := trustStructure.Of(r)
	switch {
	case keyInput.Of(r).Given():
		key, err := loadKey(r)
		return signatory{key: key, format: signatureFormatOf(r)}, err
	case section.SignWith == "":
		return signatory{}, outcome.New(outcome.InvalidInput, "there is nothing to sign with").
			Hint("name a private key with --key, or a config file with --config whose trust section says sign-with")
	}
	authority, _ := section.Authority(section.SignWith) // trust.Read has looked
	from := c.resolver()
	s := signatory{format: signatureFormatOf(r)}
	var err error
	if authority.Source == trust.KMS {
		if s.key, err = from.signingKey(ctx, authority); err == nil {
			s.trust, err = from.trust(ctx, section)
		}
		return s, err
	}
	if s.services, err = from.servicesOf(ctx, authority); err != nil {
		return s, err
	}
	if err = reachable(r, authority, s.services); err != nil {
		return s, err
	}
	if s.sigstore, err = from.sigstore(ctx, authority); err != nil {
		return s, err
	}
	if s.trust, err = from.trust(ctx, section); err != nil {
		return s, err
	}
	return s, s.fitFormat(r)
}

// reachable refuses services that the program will not speak to, before the image is looked into for nothing.
func reachable(r *step.Run, authority trust.Authority, services signing.Services) error {
	for _, address := range services.Addresses() {
		if err := image.MaySpeak(address, insecureInput.Of(r)); err != nil {
			return outcome.New(outcome.TrustUnusable, "authority %s: its signing config names %s: %s", authority.Name, address.Redacted(), err).
				Hint("put TLS before the service and name it by https: there; for a network that you trust, --insecure-registry takes its host too")
		}
	}
	return nil
}

// fitFormat leaves the legacy form away where nobody asked for it and the log has no place in it.
func (s *signatory) fitFormat(r *step.Run) error {
	if s.format == signing.Bundle {
		return nil
	}
	obstacle := s.services.LegacyObstacle()
	if obstacle == nil || r.Given(signatureFormatInput) || trustStructure.Of(r).Format != "" {
		return obstacle
	}
	r.Note("signing bundles alone: the log is a Rekor v2, which .sig and .att tags have no place for")
	s.format = signing.Bundle
	return nil
}

// ready makes sure that there is an identity token, once nothing else is left to be told of: the host may have to be asked
// for it.
func (s signatory) ready(ctx context.Context, r *step.Run) error {
	if s.key != nil {
		return nil
	}
	_, err := identityToken(ctx, r)
	return err
}

// logsWhole says whether what is signed goes into a log that takes all of it, and not its hash.
func (s signatory) logsWhole() bool { return s.key == nil && s.services.LogsWhole() }

// author asks for the certificate. The token is asked for anew: one of GitHub's is good for minutes, and the image may
// have been scanned in between.
func (s signatory) author(ctx context.Context, c *chain, kinds []trust.Kind) (signing.Author, error) {
	if s.key != nil {
		return s.key, s.believed(s.key, kinds)
	}
	token, err := identityToken(ctx, c.Run)
	if err != nil {
		return nil, err
	}
	author, err := signing.NewKeyless(ctx, s.sigstore, s.services, token.Reveal(), c.registry.Transport(), c.Now())
	if err != nil {
		return nil, err
	}
	if err := s.believed(author, kinds); err != nil {
		return nil, err
	}
	c.Note("signing as %s, by a token of %s", author.Signer(), token.Where)
	return author, nil
}

// believed refuses to sign what the trust section that names the signer would not believe. A key that an input names is
// the inputs' own matter.
func (s signatory) believed(author signing.Author, kinds []trust.Kind) error {
	if len(s.trust.Signers) == 0 {
		return nil
	}
	for _, kind := range kinds {
		if err := s.trust.MaySign(author, kind); err != nil {
			return err
		}
	}
	return nil
}

func identityToken(ctx context.Context, r *step.Run) (identity.Token, error) {
	file := identityTokenPathInput.Of(r)
	if file != "" {
		var err error
		if file, err = filepath.Abs(file); err != nil {
			return identity.Token{}, err
		}
	}
	token, err := identity.Find(ctx, identity.Options{Given: identityTokenInput.Of(r).Reveal(), File: file,
		Getenv: r.Getenv, Files: os.DirFS("/"), Now: r.Now, Workload: spiffe.Token})
	if err == nil {
		r.Mask([]byte(token.Reveal()))
	}
	return token, err
}

// signatureFormatOf is how signatures are stored: by the input where it is given, else by the trust section.
func signatureFormatOf(r *step.Run) signing.Format {
	if section := trustStructure.Of(r); section.Format != "" && !r.Given(signatureFormatInput) {
		return signing.Format(section.Format)
	}
	return signatureFormatInput.Of(r)
}
