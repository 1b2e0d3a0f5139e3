// Package registrytest is an in-process registry that can be made to misbehave, and sample images to put into it.
//
// It serves tests and the demo. It listens on the loopback interface only, keeps everything in memory, and its images
// have the same bytes on every run. It is no model of any one product: each way of misbehaving is switched on by name.
package registrytest

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Options say how a registry starts. The zero value is a registry that behaves: open to everybody, with the referrers API.
type Options struct {
	Referrers Referrers
	Login     Login
	Address   string // where to listen, for a test in a network of its own; empty is a free port of 127.0.0.1
}

func (o Options) listen() (net.Listener, error) {
	return net.Listen("tcp", cmp.Or(o.Address, "127.0.0.1:0"))
}

// Registry is a running registry. All its methods may be called at any time and from any goroutine.
type Registry struct {
	host      string
	scheme    string
	authority []byte
	server    *http.Server
	stop      context.CancelFunc

	store    http.Handler // what works: the referrers over go-containerregistry's registry
	referred *referrers
	guard    *guard
	rules    *rules
	log      *requestLog
}

// Start listens and speaks plain HTTP.
func Start(opt Options) (*Registry, error) {
	listener, err := opt.listen()
	if err != nil {
		return nil, err
	}
	return serve(listener, "http", nil, opt), nil
}

// StartTLS is Start over HTTPS, with a certificate for 127.0.0.1, localhost and its address from an authority of its own.
func StartTLS(opt Options) (*Registry, error) {
	listener, err := opt.listen()
	if err != nil {
		return nil, err
	}
	authority, certificate, err := newCertificate(listener.Addr().(*net.TCPAddr).IP)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}}
	return serve(tls.NewListener(listener, config), "https", authority, opt), nil
}

func serve(listener net.Listener, scheme string, authority []byte, opt Options) *Registry {
	ctx, stop := context.WithCancel(context.Background())
	silent := log.New(io.Discard, "", 0)
	r := &Registry{
		host: listener.Addr().String(), scheme: scheme, authority: authority, stop: stop,
		referred: &referrers{answer: opt.Referrers},
		rules:    &rules{}, log: &requestLog{},
	}
	r.guard = &guard{login: opt.Login, realm: r.URL() + tokenPath}
	r.store = r.referred.over(registry.New(registry.Logger(silent)))
	r.server = &http.Server{
		Handler:     r.log.over(r.rules.over(r.guard.over(r.store))),
		ErrorLog:    silent,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	go func() { _ = r.server.Serve(listener) }() // it ends with Close
	return r
}

// Close stops the registry at once; answers under way are cut off.
func (r *Registry) Close() {
	r.stop()
	_ = r.server.Close() // nothing is left to be done about a listener that does not close
}

// Host is the registry's part of a reference, "127.0.0.1:PORT".
func (r *Registry) Host() string { return r.host }

// URL is where it listens, with the scheme and without a path.
func (r *Registry) URL() string { return r.scheme + "://" + r.host }

// CertificateAuthority is the certificate to trust, PEM encoded; empty for plain HTTP.
func (r *Registry) CertificateAuthority() []byte { return r.authority }

// Ref is the full form of a reference such as "shop:1.0" or "shop@sha256:...".
func (r *Registry) Ref(ref string) string {
	return r.host + "/" + strings.TrimPrefix(ref, r.host+"/")
}

// Push stores an image without using the network: no rule or login is in its way, and it is not in Requests.
func (r *Registry) Push(ref string, img v1.Image) (v1.Hash, error) {
	to, err := name.ParseReference(r.Ref(ref), name.Insecure)
	if err != nil {
		return v1.Hash{}, err
	}
	if err := remote.Write(to, img, remote.WithTransport(direct{r.store})); err != nil {
		return v1.Hash{}, err
	}
	return img.Digest()
}

// PushIndex is Push for an index and everything that it lists.
func (r *Registry) PushIndex(ref string, index v1.ImageIndex) (v1.Hash, error) {
	to, err := name.ParseReference(r.Ref(ref), name.Insecure)
	if err != nil {
		return v1.Hash{}, err
	}
	if err := remote.WriteIndex(to, index, remote.WithTransport(direct{r.store})); err != nil {
		return v1.Hash{}, err
	}
	return index.Digest()
}
