// Package tuf fetches what a Sigstore publishes about itself by The Update Framework: its trusted root and its signing
// config. It is the door to go-tuf, and to the root that sigstore-go carries for the public instance.
//
// Trust begins with a root.json that came with the program or stands in a file, never with what a server or a cache says.
// What is kept between runs is verified as if it had just come; what has expired, was changed or is older than what was
// seen before is never handed out. It reads no environment and no other tool's cache.
// https://theupdateframework.github.io/specification/v1.0.34/#detailed-client-workflow
package tuf

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	sigstore "github.com/sigstore/sigstore-go/pkg/tuf"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/stepseal/stepseal/internal/outcome"
)

// The targets that Sigstores publish, and nothing else is read.
// https://github.com/sigstore/root-signing/tree/main/targets
const (
	trustedRootTarget   = "trusted_root.json"
	signingConfigTarget = "signing_config.v0.2.json"
)

// patience is how long a whole update may take.
const patience = 2 * time.Minute

// Repository is a TUF repository: where it is, and the root.json by which all that it says is checked.
type Repository struct {
	Mirror string // http(s) URL
	Root   []byte
}

// Public is the repository of the public Sigstore.
func Public() Repository {
	return Repository{Mirror: sigstore.DefaultMirror, Root: sigstore.DefaultRoot()}
}

// Options say how a repository is reached.
type Options struct {
	Cache     string // a folder that is kept between runs, and may be used by many at once
	Scratch   string // an absolute folder of this run alone
	Transport http.RoundTripper
	UserAgent string
	Offline   bool // nothing is contacted: what was kept is enough, or there is nothing
	Now       time.Time
	Notice    func(string) // told when the mirror could not be reached and what was kept is used
}

// Published is what a Sigstore says about itself.
type Published struct {
	TrustedRoot   []byte
	SigningConfig []byte // empty where there is none
}

// Fetch asks the mirror. Where it cannot be reached, and with Offline, what an earlier run kept counts for as long as it
// has not expired. An answer that does not verify is an error, and nothing that was kept takes its place.
func (r Repository) Fetch(ctx context.Context, opt Options) (Published, error) {
	if err := r.Check(); err != nil {
		return Published{}, err
	}
	held := opt.load(r)
	if opt.Offline {
		published, _, err := r.read(held, none(opt.Scratch), opt.Now)
		if err != nil {
			return Published{}, r.offline(held, err)
		}
		return published, nil
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	published, err := r.update(limited, opt, held)
	var unreachable *unreachableError
	switch {
	case err == nil:
		return published, nil
	case ctx.Err() != nil:
		return Published{}, ctx.Err()
	case errors.As(err, &unreachable):
		kept, _, keptErr := r.read(held, none(opt.Scratch), opt.Now)
		if keptErr != nil {
			return Published{}, r.unavailable(err)
		}
		opt.notice("the TUF mirror " + r.Mirror + " cannot be reached; what was fetched from it before has not expired and is used")
		return kept, nil
	}
	return Published{}, r.untrusted(err)
}

// Check says whether the address and the root can be used. It contacts nobody.
func (r Repository) Check() error {
	u, err := url.Parse(r.Mirror)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return outcome.New(outcome.TrustUnusable, "the TUF mirror %.200q is no http(s) address", r.Mirror)
	}
	if len(r.Root) > maxDocument {
		return outcome.New(outcome.TrustUnusable, "the TUF root for %s is larger than %d KiB", r.Mirror, maxDocument>>10)
	}
	if _, err := metadata.Root().FromBytes(r.Root); err != nil {
		return outcome.New(outcome.TrustUnusable, "the TUF root for %s is no root.json: %.300s", r.Mirror, err)
	}
	return nil
}

// instead is what to do where TUF cannot be used.
const instead = "let the run reach the mirror, or name a trusted_root.json, and for signing a signing_config.json, as trusted-root and signing-config in the trust section: docs/trust.md"

func (r Repository) unavailable(err error) error {
	return outcome.New(outcome.SigstoreUnavailable, "the TUF mirror %s cannot be reached, and nothing that was fetched before is good any more: %.300s", r.Mirror, err).Hint(instead)
}

func (r Repository) untrusted(err error) error {
	return outcome.New(outcome.SigstoreUntrusted, "what the TUF mirror %s serves does not verify: %.300s", r.Mirror, err).
		Hint("the mirror is behind, damaged, or not the one that this root is for; " + instead)
}

func (r Repository) offline(held documents, err error) error {
	if len(held) == 0 {
		return outcome.New(outcome.SigstoreUnavailable, "offline nothing is fetched from %s, and nothing was fetched before", r.Mirror).Hint(instead)
	}
	return outcome.New(outcome.SigstoreUnavailable, "offline nothing is fetched from %s, and what was fetched before is not good any more: %.300s", r.Mirror, err).Hint(instead)
}

func (o Options) notice(text string) {
	if o.Notice != nil {
		o.Notice(text)
	}
}
