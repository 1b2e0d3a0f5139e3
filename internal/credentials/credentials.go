// Package credentials finds the login for a registry where CI hosts, Docker and Podman put it, and says where it looked.
//
// The places are looked at in one fixed order and the first login wins; within a file the entry that names the most of
// the repository's path does. What cannot be read is an error and never skipped: going on to the next place would use
// another login than the one that was meant. A login that the registry rejects is not replaced by another. Nothing here
// contacts a registry, and no text that leaves this package holds a secret.
package credentials

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Login is a user name with its password or token. It does not print either.
type Login struct {
	Username string
	Password string
}

// String and GoString stand in for the login wherever it would be printed.
func (Login) String() string   { return "[secret]" }
func (Login) GoString() string { return "[secret]" }

func (l Login) given() bool { return l.Username != "" || l.Password != "" }

// Sources are the places where logins may be. The zero value knows none.
type Sources struct {
	Given  Login  // what the inputs say; it counts for Host only
	Host   string // the registry of the run's image, with its port
	Getenv func(string) string
	Folder string // one more folder like DOCKER_CONFIG, handed in by the CI host
	Tekton string // Tekton's folder for the logins that a ServiceAccount links: /tekton/creds
	Job    Login  // the job's own token; it counts for ghcr.io only
}

// Keychain answers which login a repository needs.
type Keychain struct {
	sources []source
	timeout time.Duration // for one answer of a credential helper
}

// New makes the keychain; it reads nothing yet.
func New(from Sources) *Keychain {
	return &Keychain{sources: from.list(), timeout: helperTimeout}
}

// Resolve is ResolveContext for callers that have no context.
func (k *Keychain) Resolve(of authn.Resource) (authn.Authenticator, error) {
	return k.ResolveContext(context.Background(), of)
}

// ResolveContext finds the login for a repository or a registry; authn.Anonymous where there is none.
func (k *Keychain) ResolveContext(ctx context.Context, of authn.Resource) (authn.Authenticator, error) {
	s := search{ctx: ctx, target: targetOf(of), timeout: k.timeout, ask: true}
	if err := s.through(k.sources); err != nil {
		return nil, unreadable(ctx, s.target, err)
	}
	if s.login == nil {
		return authn.Anonymous, nil
	}
	return authn.FromConfig(*s.login), nil
}

// Explain does for a repository, named with its registry, what ResolveContext does, and tells where it looked and what
// it found there. Where ask is false no credential helper is run. With the error it tells how far it came.
func (k *Keychain) Explain(ctx context.Context, repository string, ask bool) (Explanation, error) {
	host, path, _ := strings.Cut(repository, "/")
	s := search{ctx: ctx, target: place{hostOf(host), path}, timeout: k.timeout, ask: ask}
	s.told = Explanation{Schema: Schema, Repository: s.target.String()}
	err := s.through(k.sources)
	if err != nil {
		err = unreadable(ctx, s.target, err)
	}
	return s.told, err
}

func unreadable(ctx context.Context, target place, why error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	known := new(outcome.Error)
	if errors.As(why, &known) {
		return why
	}
	return outcome.New(outcome.RegistryUnauthorized, "the login for %s cannot be read", target.host).Because(why).
		Hint("mend what is named here, or take it away; stepseal registry explain %s shows everywhere that logins are looked for", target)
}
