// Package stack runs a private Sigstore for tests: Fulcio with a certificate transparency log, Rekor v1, Rekor v2, a timestamp
// authority and an issuer of identity tokens. All but the issuer are the programs that their maintainers publish.
//
// Its ports are fixed and some of its programs listen on every interface, so it wants a network namespace of its own in
// which loopback is all there is. It keeps nothing: its logs forget what they hold when it ends, and nobody monitors them.
package stack

import (
	"net"
	"path/filepath"

	"github.com/stepseal/stepseal/test/sigstore/issuer"
	"github.com/stepseal/stepseal/test/sigstore/programs"
)

// Options say where things are.
type Options struct {
	Folder   string // where everything is written; it exists
	Services string // the programs that test/sigstore/build has built
	Trillian string // the program of services/trillian
	Keys     string // the script that makes keys: examples/private-sigstore/keys

	Front   net.IP   // an address at which others reach the services too, by TLS; nil: nobody does
	Cluster *Cluster // whose ServiceAccounts Fulcio certifies; nil: nobody's but of the issuer Kubernetes
}

// Cluster is a Kubernetes that runs.
type Cluster struct {
	Issuer    string // of the tokens that it projects
	Authority string // of the issuer's certificate, in PEM
}

// Stack is a Sigstore that runs.
type Stack struct {
	Issuer    *issuer.Issuer
	Authority []byte // of the front's certificate, in PEM

	opt      Options
	programs *programs.Group
}

// Start makes keys, starts everything and returns when each service answers.
func Start(opt Options) (*Stack, error) {
	s := &Stack{opt: opt, programs: programs.In(opt.Folder)}
	if err := s.start(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close ends every program and waits for it.
func (s *Stack) Close() { s.programs.Close() }

func (s *Stack) start() error {
	if err := s.makeKeys("keys"); err != nil {
		return err
	}
	if err := s.issue(); err != nil {
		return err
	}
	// The timestamp authority ends when it finds its port for metrics taken, and Rekor v1, which has the same one, goes on
	// without it: that comes later.
	if err := s.programs.Start(s.trillian(), s.timestamps()); err != nil {
		return err
	}
	if err := s.configure(); err != nil {
		return err
	}
	if err := s.programs.Start(s.services()...); err != nil {
		return err
	}
	if s.opt.Front != nil {
		if err := s.front(); err != nil {
			return err
		}
	}
	return s.trust()
}

// issue serves the issuers of tokens.
func (s *Stack) issue() error {
	served, err := issuer.Serve(issuerAddress)
	if err != nil {
		return err
	}
	s.Issuer = served
	s.programs.AtEnd(served.Close)
	return nil
}

func (s *Stack) path(name string) string { return filepath.Join(s.opt.Folder, name) }

func (s *Stack) program(name string) string { return filepath.Join(s.opt.Services, name) }
