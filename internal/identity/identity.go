// Package identity finds the identity token with which keyless signing asks Fulcio for a certificate, where CI systems,
// Kubernetes and SPIFFE put it.
//
// The places are looked at in one fixed order, and the first that is set up is taken: what is wrong with its token is an
// error, and never a reason to go on to the next, which would sign as somebody else. What a person named comes before
// what happens to lie around. It opens no browser, asks for no code, and waits for nobody: without a token the answer is
// there at once, with the line to add. It reads the token's claims to tell mistakes early, and does not verify them:
// that is Fulcio's work. No text that leaves this package, except by Reveal, holds a token.
package identity

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"time"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Audience is for whom Fulcio wants tokens to be.
// https://github.com/sigstore/fulcio/blob/v1.8.7/docs/oidc.md#oidc-token-requirements-with-extracted-claims
const Audience = "sigstore"

const (
	maxPatience = 5 * time.Second
	// ProjectedFile is where cosign, and so everybody, looks for the token of a ServiceAccount.
	// https://github.com/sigstore/cosign/blob/v2.6.5/pkg/providers/filesystem/filesystem.go
	ProjectedFile = "/var/run/sigstore/cosign/oidc-token"
	environment   = "SIGSTORE_ID_TOKEN"
	// https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Workload_Endpoint.md#4-locating-the-endpoint
	workloadSocket = "SPIFFE_ENDPOINT_SOCKET"
)

// Options say where tokens may be. Of the zero value nothing is set up.
type Options struct {
	Given    []byte // the token itself, as the input identity-token hands it over; nil: it was not
	File     string // the absolute path of a file that was named, such as a projected token; empty: none
	Audience string // empty: Audience

	Getenv func(string) string
	Files  fs.FS // the file system from its root, such as os.DirFS("/")
	Now    func() time.Time

	Transport http.RoundTripper // to GitHub's token service; nil: Go's own
	// Workload asks the SPIFFE Workload API at the address for a token (spiffe.Token); nil: it is not asked.
	Workload func(ctx context.Context, address, audience string) (string, error)
	Patience time.Duration // with a service that gives tokens, all tries together; zero: five seconds
}

// Source is what kind of place a token comes from.
type Source string

// The sources, in the order in which they are looked at.
const (
	Given       Source = "given"          // handed over by the person or the pipeline
	Named       Source = "named-file"     // a file that was named
	GitHub      Source = "github-actions" // the token service of GitHub Actions
	Environment Source = "environment"    // SIGSTORE_ID_TOKEN, as GitLab's id_tokens set it
	Projected   Source = "projected"      // a ServiceAccount's token at ProjectedFile
	SPIFFE      Source = "spiffe"         // the SPIFFE Workload API
)

// Find takes the token of the first source that is set up.
func Find(ctx context.Context, options Options) (Token, error) {
	f := finder{options.complete()}
	for _, look := range []func(context.Context) (found, error){f.given, f.named, f.github, f.environment, f.projected, f.workload} {
		at, err := look(ctx)
		switch {
		case ctx.Err() != nil:
			return Token{}, ctx.Err()
		case err != nil:
			return Token{}, err
		case at.source != "":
			return f.accept(at)
		}
	}
	return Token{}, missing(f.Getenv)
}

func (o Options) complete() Options {
	o.Audience = cmp.Or(o.Audience, Audience)
	o.Patience = cmp.Or(o.Patience, maxPatience)
	if o.Getenv == nil {
		o.Getenv = func(string) string { return "" }
	}
	return o
}

// found is what a source holds; the zero value is a source that is not set up.
type found struct {
	source Source
	where  string // for people
	raw    string
}

type finder struct{ Options }

func (f finder) given(context.Context) (found, error) {
	if f.Given == nil {
		return found{}, nil
	}
	return found{Given, "the input identity-token", string(f.Given)}, nil
}

// environment is the variable that GitLab sets, and that people set elsewhere for cosign.
// https://docs.gitlab.com/ci/yaml/#id_tokens
func (f finder) environment(context.Context) (found, error) {
	raw := f.Getenv(environment)
	if raw == "" {
		return found{}, nil
	}
	return found{Environment, environment, raw}, nil
}

func (f finder) workload(ctx context.Context) (found, error) {
	address := f.Getenv(workloadSocket)
	if address == "" || f.Workload == nil {
		return found{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, f.Patience)
	defer cancel()
	raw, err := f.Workload(ctx, address, f.Audience)
	if err != nil {
		return found{}, outcome.New(outcome.IdentityTokenUnavailable, "the SPIFFE Workload API gives no identity token").Because(err).
			Hint("check that %s names the agent's socket, and that this workload is registered: without an entry the agent denies it an identity", workloadSocket)
	}
	return found{SPIFFE, "the SPIFFE Workload API", raw}, nil
}

// accept reads the token's claims. What a service gave out is not the caller's mistake.
func (f finder) accept(at found) (Token, error) {
	token, err := read(at.raw, f.Audience, f.Now())
	if wrong := new(flaw); errors.As(err, &wrong) {
		reason := outcome.IdentityTokenUnusable
		if at.source == GitHub || at.source == SPIFFE {
			reason = outcome.IdentityTokenUnavailable
		}
		return Token{}, outcome.New(reason, "the identity token of %s %s", at.where, wrong.what).Hint("%s", wrong.hint)
	}
	if err != nil {
		return Token{}, err
	}
	token.Source, token.Where = at.source, at.where
	return token, nil
}
