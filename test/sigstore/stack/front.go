package stack

import (
	"crypto/tls"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/stepseal/stepseal/internal/registrytest"
)

// front serves what clients speak to by TLS at the front's address, at the same ports. Who is in another network namespace
// has a loopback of its own, and everywhere else nobody sends a token by plain HTTP.
func (s *Stack) front() error {
	authority, certificate, key, err := registrytest.Certificate(s.opt.Front)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return err
	}
	s.Authority = authority
	for _, address := range []string{fulcioAddress, rekorV1Address, rekorV2Address, timestampsAddress} {
		listener, err := tls.Listen("tcp", s.fronted(address), &tls.Config{Certificates: []tls.Certificate{pair}})
		if err != nil {
			return err
		}
		server := &http.Server{ReadHeaderTimeout: 10 * time.Second,
			Handler: httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address})}
		s.programs.AtEnd(func() { _ = server.Close() }) // nobody is served any longer either way
		go func() { _ = server.Serve(listener) }()      // it ends with Close
	}
	return nil
}

// url is where clients reach a service: at its front where there is one.
func (s *Stack) url(address string) string {
	if s.opt.Front == nil {
		return "http://" + address
	}
	return "https://" + s.fronted(address)
}

func (s *Stack) fronted(address string) string {
	return strings.Replace(address, host, s.opt.Front.String(), 1)
}

// origin is the host name in Rekor v2's checkpoints, which clients hold against its address.
func (s *Stack) origin() string {
	if s.opt.Front == nil {
		return host
	}
	return s.opt.Front.String()
}
