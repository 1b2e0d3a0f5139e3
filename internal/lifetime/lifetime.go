// Package lifetime judges whether what a trust section rests on is in force, for how long, and whether a signing config
// and a trusted root are of the same Sigstore.
//
// It is a pure function of what others read and asked, and of a day that it is told. It refuses to take for covered what
// no part that is in force covers, and says nothing about whether a certificate or a key is any good.
package lifetime

import (
	"strings"
	"time"
)

// Role is what a part does in making a signature, or in verifying one.
type Role string

// The roles.
const (
	CertificateAuthority Role = "certificate authority"
	CertificateLog       Role = "certificate transparency log"
	TransparencyLog      Role = "transparency log"
	TimestampAuthority   Role = "timestamp authority"
	Key                  Role = "key"
)

// Period is from when to when something holds; a zero time is no bound.
type Period struct{ Start, End time.Time }

// State says where a moment lies to a period, or how a service answered.
type State string

// The states.
const (
	InForce State = "in force"
	NotYet  State = "not yet"
	Ended   State = "ended"

	// Of rows alone.
	EndsSoon   State = "ends soon"
	NotCovered State = "not covered"
	Answers    State = "answers"
	NoAnswer   State = "no answer"
	NotTrusted State = "not trusted"
)

// At is the state at that moment. The ends belong to the period, as in certificates.
func (p Period) At(now time.Time) State {
	switch {
	case !p.End.IsZero() && now.After(p.End):
		return Ended
	case now.Before(p.Start):
		return NotYet
	}
	return InForce
}

// Term is the period of one thing in a part, such as one certificate of a chain.
type Term struct {
	Of string
	Period
}

// Part is one authority, log or key. It is in force while all its terms hold.
type Part struct {
	Role  Role
	URI   string // of its service; empty where the trusted root does not say
	Terms []Term
	IDs   []string // of the certificates or the key by which its service may be known
}

// At is the state of the part: that of the term which does not hold.
func (p Part) At(now time.Time) State {
	state := InForce
	for _, t := range p.Terms {
		if s := t.At(now); s == Ended || s == NotYet && state == InForce {
			state = s
		}
	}
	return state
}

// end is when the first of its terms ends; zero: never.
func (p Part) end() time.Time {
	var first time.Time
	for _, t := range p.Terms {
		if !t.End.IsZero() && (first.IsZero() || t.End.Before(first)) {
			first = t.End
		}
	}
	return first
}

// Service is one that a signing config names.
type Service struct {
	Role    Role
	URL     string
	Version uint32 // of its interface
	Spoken  bool   // stepseal speaks that version
	Period
}

// Usable says whether a signer could choose it at that moment.
func (s Service) Usable(now time.Time) bool { return s.Spoken && s.At(now) == InForce }

// Authority is one of the trust section, with what it rests on.
type Authority struct {
	Name     string
	Parts    []Part
	Demanded []Role    // of which verification takes nothing without one
	Services []Service // of its signing config
	Signs    bool      // it has a signing config
}

// sameAddress compares addresses as their services do: a slash at the end says nothing.
func sameAddress(a, b string) bool {
	return strings.EqualFold(strings.TrimRight(a, "/"), strings.TrimRight(b, "/"))
}
