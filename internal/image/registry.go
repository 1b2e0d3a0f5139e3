package image

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"regexp"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Access says how registries are reached. The zero value reaches public ones, and loopback ones by plain HTTP.
type Access struct {
	Insecure             []string // hosts (with port) that may be spoken to by plain HTTP
	CertificateAuthority []byte   // PEM, trusted besides the system's
	UserAgent            string
	Keychain             authn.Keychain // nil: no login is known
	Notice               func(string)   // told of every retry
	Daemon               Daemon         // for docker:REF; nil: there is none
	Scratch              string         // a folder for what has to be unpacked or copied first; empty: the system's
	Limits               Limits
}

// Registry reads from and writes to registries.
type Registry struct {
	keychain  authn.Keychain
	transport http.RoundTripper
	insecure  map[string]bool
	userAgent string
	daemon    Daemon
	scratch   string
	limits    Limits

	// One session a repository: the login is negotiated once.
	puller   *remote.Puller
	pusher   *remote.Pusher
	mu       sync.Mutex
	sessions map[string]http.RoundTripper
}

// NewRegistry reports a certificate authority that is none; it contacts nobody.
func NewRegistry(access Access) (*Registry, error) {
	access.Limits = access.Limits.orDefault()
	rt, err := newTransport(access)
	if err != nil {
		return nil, err
	}
	r := &Registry{transport: rt, keychain: access.Keychain, insecure: map[string]bool{}, userAgent: access.UserAgent, limits: access.Limits, daemon: access.Daemon, scratch: access.Scratch, sessions: map[string]http.RoundTripper{}}
	if r.keychain == nil {
		r.keychain = Anonymous()
	}
	for _, host := range access.Insecure {
		r.insecure[host] = true
	}
	if r.puller, err = remote.NewPuller(r.options()...); err != nil {
		return nil, err
	}
	r.pusher, err = remote.NewPusher(r.options()...)
	return r, err
}

// Options are go-containerregistry's for one call, on the sessions that are already open.
func (r *Registry) Options(ctx context.Context) []remote.Option {
	return append(r.options(), remote.WithContext(ctx), remote.Reuse(r.puller), remote.Reuse(r.pusher))
}

// Transport is the one for registries, for other services that the same certificate authority and the same bounds are for.
// It knows no login.
func (r *Registry) Transport() http.RoundTripper { return r.transport }

// options turn go-containerregistry's own retries off: there is one layer of them, in transport.go.
func (r *Registry) options() []remote.Option {
	return []remote.Option{
		remote.WithAuthFromKeychain(r.keychain),
		remote.WithTransport(r.transport),
		remote.WithUserAgent(r.userAgent),
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}),
		remote.WithRetryPredicate(func(error) bool { return false }),
		remote.WithRetryStatusCodes(),
	}
}

// Digest names a manifest in the repository of ref.
func (r *Registry) Digest(repository, digest string) (name.Digest, error) {
	return name.NewDigest(repository+"@"+digest, r.nameOptions(repository)...)
}

func (r *Registry) repository(ref Reference) name.Repository {
	if !r.insecure[ref.repo.RegistryStr()] {
		return ref.repo
	}
	repo, err := name.NewRepository(ref.repo.Name(), name.Insecure)
	if err != nil {
		return ref.repo
	}
	return repo
}

func (r *Registry) nameOptions(repository string) []name.Option {
	if repo, err := name.NewRepository(repository); err == nil && r.insecure[repo.RegistryStr()] {
		return []name.Option{name.Insecure}
	}
	return nil
}

// fault turns what a registry or the network said into the ending it means. what names the thing that was asked for.
func fault(what string, err error) error {
	if err == nil {
		return nil
	}
	var known *outcome.Error
	if errors.As(err, &known) {
		return said(what, known)
	}
	if errors.Is(err, context.Canceled) {
		return discreet{err}
	}
	var status *transport.Error
	if errors.As(err, &status) {
		return outcome.New(reasonOf(status.StatusCode), "%s: the registry answers %d %s%s", what,
			status.StatusCode, http.StatusText(status.StatusCode), diagnosis(status))
	}
	if isNetwork(err) {
		return outcome.New(outcome.RegistryUnreachable, "%s", what).Because(discreet{err})
	}
	return outcome.New(outcome.RegistryFailing, "%s", what).Because(discreet{err})
}

// said puts the thing that it is about before an ending, and keeps its advice.
func said(about string, err error) error {
	known := new(outcome.Error)
	if !errors.As(err, &known) {
		return err
	}
	of := outcome.New(known.Reason, "%s: %s", about, known.Error()).With(known.Evidence...)
	of.Hints = known.Hints
	return of
}

// discreet is an error whose words leave out the queries of URLs: that of a redirect to storage is signed, and opens it
// to whoever reads the log.
type discreet struct{ error }

var query = regexp.MustCompile(`(https?://[^\s"?]*)\?[^\s"]*`)

func (d discreet) Error() string { return query.ReplaceAllString(d.error.Error(), "$1") }
func (d discreet) Unwrap() error { return d.error }

func reasonOf(status int) outcome.Reason {
	switch {
	case status == http.StatusUnauthorized:
		return outcome.RegistryUnauthorized
	case status == http.StatusForbidden:
		return outcome.RegistryForbidden
	case status == http.StatusNotFound:
		return outcome.ImageNotFound
	case status == http.StatusTooManyRequests:
		return outcome.RegistryBusy
	default:
		return outcome.RegistryFailing
	}
}

// diagnosis is the registry's own code, such as MANIFEST_UNKNOWN; its prose is untrusted and left out.
func diagnosis(err *transport.Error) string {
	if len(err.Errors) == 0 || len(err.Errors[0].Code) > 40 {
		return ""
	}
	for _, r := range err.Errors[0].Code {
		if (r < 'A' || r > 'Z') && r != '_' {
			return ""
		}
	}
	return " (" + string(err.Errors[0].Code) + ")"
}

func isNetwork(err error) bool {
	var file *fs.PathError // whose errno looks like a network's error too
	if errors.As(err, &file) {
		return false
	}
	var network net.Error
	var op *net.OpError
	return errors.As(err, &network) || errors.As(err, &op)
}

// session is an authenticated transport for one repository and scope ("pull" or "push,pull").
func (r *Registry) session(ctx context.Context, repo name.Repository, scope string) (http.RoundTripper, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := repo.Name() + " " + scope
	if rt, ok := r.sessions[key]; ok {
		return rt, nil
	}
	auth, err := authn.Resolve(ctx, r.keychain, repo)
	if err != nil {
		return nil, err
	}
	rt, err := transport.NewWithContext(ctx, repo.Registry, auth, transport.NewUserAgent(r.transport, r.userAgent), []string{repo.Scope(scope)})
	if err != nil {
		return nil, err
	}
	r.sessions[key] = rt
	return rt, nil
}
