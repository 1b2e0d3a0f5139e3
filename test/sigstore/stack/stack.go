// Package stack runs a private Sigstore for tests: Fulcio with a certificate transparency log, Rekor v1, Rekor v2, a timestamp
// authority and an issuer of identity tokens. All but the issuer are the programs that their maintainers publish.
//
// Its ports are fixed and some of its programs listen on every interface, so it wants a network namespace of its own in
// which loopback is all there is. It keeps nothing: its logs forget what they hold when it ends, and nobody monitors them.
package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/stepseal/stepseal/test/sigstore/issuer"
)

// Options say where things are.
type Options struct {
	Folder   string // where everything is written; it exists
	Services string // the programs that test/sigstore/build has built
	Trillian string // the program of services/trillian
	Keys     string // the script that makes keys: examples/private-sigstore/keys
}

// Stack is a Sigstore that runs.
type Stack struct {
	Issuer *issuer.Issuer

	folder  string
	opt     Options
	ctx     context.Context
	end     context.CancelCauseFunc
	running sync.WaitGroup
}

// errClosed is how a Sigstore ends that is no longer wanted.
var errClosed = errors.New("closed")

// Start makes keys, starts everything and returns when each service answers.
func Start(opt Options) (*Stack, error) {
	ctx, end := context.WithCancelCause(context.Background())
	s := &Stack{folder: opt.Folder, opt: opt, ctx: ctx, end: end}
	if err := s.serve(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close ends every program and waits for it.
func (s *Stack) Close() {
	s.end(errClosed)
	s.running.Wait()
}

func (s *Stack) serve() error {
	if err := s.makeKeys("keys"); err != nil {
		return err
	}
	if err := s.issue(); err != nil {
		return err
	}
	if err := s.all(s.trillian()); err != nil {
		return err
	}
	if err := s.configure(); err != nil {
		return err
	}
	if err := s.all(s.services()...); err != nil {
		return err
	}
	return s.trust()
}

// all starts services together and waits for each.
func (s *Stack) all(services ...service) error {
	for _, one := range services {
		if err := s.start(one); err != nil {
			return err
		}
	}
	for _, one := range services {
		if err := s.await(one); err != nil {
			return err
		}
	}
	return nil
}

// issue serves the issuers of tokens.
func (s *Stack) issue() (err error) {
	if s.Issuer, err = issuer.New("http://" + issuerAddress); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", issuerAddress)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: s.Issuer, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // it ends with the next line
	context.AfterFunc(s.ctx, func() { _ = server.Close() })
	return nil
}

// output is what a program prints that does its work and ends.
func (s *Stack) output(program string, args ...string) (string, error) {
	command := exec.CommandContext(s.ctx, program, args...)
	command.Dir = s.folder
	command.Env = []string{"HOME=" + s.folder, "PATH=" + os.Getenv("PATH")}
	printed, err := command.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(program), err, failed.Stderr)
	}
	return strings.TrimSpace(string(printed)), err
}

func (s *Stack) path(name string) string { return filepath.Join(s.folder, name) }

func (s *Stack) program(name string) string { return filepath.Join(s.opt.Services, name) }
