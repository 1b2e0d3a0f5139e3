// Package sigstoretest is a private Sigstore in the process: an issuer of identity tokens, Fulcio with a certificate
// transparency log, Rekor in both versions, and a timestamp authority. It speaks their protocols over HTTP on the loopback
// interface, so that clients of the real services sign with it unchanged and what they make verifies with its trusted root.
//
// It serves tests and the demo. It keeps everything in memory, nobody monitors its logs, and its issuer gives a token to
// whoever asks: it is no place to sign anything that shall be trusted tomorrow. What a certificate says about a token, and
// what a log writes about a signature, is the work of Fulcio's and Rekor's own packages; each way of misbehaving is
// switched on by name.
package sigstoretest

import (
	"context"
	"crypto/rsa"
	"errors"
	"sync"
	"time"
)

// Sigstore is a running instance. All its methods may be called at any time and from any goroutine.
type Sigstore struct {
	now     func() time.Time
	began   time.Time
	servers map[Service]*server

	issuer      *issuer
	certifier   *authority
	transparent *ctLog
	identities  *identities
	log         *rekor
	tiles       *rekorTiles
	timestamper *timestamper

	mu     sync.Mutex
	faults Faults
	odd    oddities
	skew   map[Service]time.Duration
}

// Start makes keys and certificates that begin to be valid a day before now, and listens on free ports of 127.0.0.1.
func Start(now func() time.Time) (*Sigstore, error) { return start(now, newIssuer()) }

// StartWithKey is Start with a key for the issuer of tokens, which instances may share: to make one takes longer than a test
// that uses it.
func StartWithKey(now func() time.Time, key *rsa.PrivateKey) (*Sigstore, error) {
	return start(now, &issuer{key: func() (*rsa.PrivateKey, error) { return key, nil }})
}

func start(now func() time.Time, by *issuer) (*Sigstore, error) {
	s := &Sigstore{now: now, began: now(), issuer: by, servers: map[Service]*server{}, skew: map[Service]time.Duration{}}
	for _, prepare := range []func() error{s.prepareIssuer, s.prepareCertificates, s.prepareLogs, s.prepareTimestamps} {
		if err := prepare(); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// Close stops all services at once; answers under way are cut off.
func (s *Sigstore) Close() {
	for _, one := range s.servers {
		one.close()
	}
}

// URL is where a service listens, as a signing config names it.
func (s *Sigstore) URL(of Service) string { return s.servers[of].url() + of.path() }

// Issuer is the URL of the issuer of tokens, and the iss of a token that does not say another.
func (s *Sigstore) Issuer() string { return s.URL(Issuer) }

// clock is the time on the wall of a service.
func (s *Sigstore) clock(of Service) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now().Add(s.skew[of])
}

func (s *Sigstore) prepareIssuer() error { return s.serve(Issuer, s.issuer.handler(s)) }

func (s *Sigstore) prepareCertificates() (err error) {
	if s.certifier, err = newAuthority(s.began, nil); err != nil {
		return err
	}
	if s.transparent, err = newCTLog(); err != nil {
		return err
	}
	if s.identities, err = newIdentities(); err != nil {
		return err
	}
	return s.serve(Fulcio, fulcioHandler(s))
}

func (s *Sigstore) prepareLogs() (err error) {
	if s.log, s.tiles, err = newLogs(); err != nil {
		return err
	}
	return errors.Join(s.serve(Rekor, rekorHandler(s)), s.serve(RekorTiles, tilesHandler(s)))
}

func (s *Sigstore) prepareTimestamps() (err error) {
	if s.timestamper, err = newTimestamper(s.began); err != nil {
		return err
	}
	return s.serve(TimestampAuthority, timestampHandler(s))
}

func newLogs() (*rekor, *rekorTiles, error) {
	log, err := newRekor()
	if err != nil {
		return nil, nil, err
	}
	tiles, err := newRekorTiles(context.Background())
	return log, tiles, err
}
