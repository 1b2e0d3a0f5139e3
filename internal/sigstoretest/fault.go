package sigstoretest

import (
	"crypto/x509"
	"time"
)

// Faults are what an instance does wrong in what it signs, while it answers as it should. The zero value does nothing
// wrong.
type Faults struct {
	WithoutSCT          bool // certificates say nothing of a transparency log
	UnknownCTLog        bool // certificates are in a log that the trusted root does not name
	UnknownAuthority    bool // certificates come from a root that the trusted root does not name
	ExpiredIntermediate bool // certificates come from an intermediate that the trusted root names and that expired
	ServerIntermediate  bool // certificates come from an intermediate that may certify only servers
	UnknownTimestamper  bool // timestamps come from an authority that the trusted root does not name
	UnknownLog          bool // signatures are in logs that the trusted root does not name
	EveryEntry          bool // the logs take an entry that they have again, as a new one
	OtherArtefact       bool // the logs answer with their entry of an artefact and a signature of somebody else

	// WithoutProof makes the logs leave out the proof of inclusion. Rekor of version 1 sends an empty one:
	// sigstore-go 1.3.0 and rekor 1.5.3 dereference a nil pointer where there is none at all.
	WithoutProof bool
}

// oddities are what some faults need, made when they are asked for.
type oddities struct {
	certifier   *authority
	named       bool // the trusted root names the certifier
	transparent *ctLog
	timestamper *timestamper
	log         *rekor
	tiles       *rekorTiles
}

// Misbehave makes the instance commit these faults, and no others, from now on. TrustedRoot names an authority that
// expired or that may certify only servers while the fault lasts.
func (s *Sigstore) Misbehave(faults Faults) error {
	odd, err := newOddities(faults, s.began)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults, s.odd = faults, odd
	return nil
}

// Skew sets the clock of a service ahead by that much, or back if it is negative. The log of certificates goes with
// Fulcio's clock, and RekorTiles has none.
func (s *Sigstore) Skew(of Service, by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skew[of] = by
}

func newOddities(f Faults, now time.Time) (odd oddities, err error) {
	switch {
	case f.UnknownAuthority:
		odd.certifier, err = newAuthority(now, nil)
	case f.ExpiredIntermediate:
		odd.named = true
		odd.certifier, err = newAuthority(now, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Hour) })
	case f.ServerIntermediate:
		odd.named = true
		odd.certifier, err = newAuthority(now, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	}
	if err == nil && f.UnknownCTLog {
		odd.transparent, err = newCTLog()
	}
	if err == nil && f.UnknownTimestamper {
		odd.timestamper, err = newTimestamper(now)
	}
	if err == nil && f.UnknownLog {
		odd.log, odd.tiles, err = newLogs()
	}
	return odd, err
}

func (s *Sigstore) misbehaviour() (Faults, oddities) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults, s.odd
}
