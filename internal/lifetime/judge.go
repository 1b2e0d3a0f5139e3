package lifetime

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Report is the judgement.
type Report struct {
	Rows        []Row    // the most urgent first
	Problems    []string // what is demanded, and has ended or is not covered, and services that are others than those trusted
	Unavailable []string // services that could not be reached
	Warnings    []string
}

// Judge says what holds at that moment, and what ends within that time.
func Judge(authorities []Authority, answers []Answer, now time.Time, within time.Duration) Report {
	j := judge{now: now, soon: now.Add(within)}
	for _, a := range authorities {
		j.parts(a)
		j.demanded(a)
		j.services(a)
		if a.Signs {
			j.signing(a)
		}
	}
	for _, answer := range answers {
		j.answer(answer, inForce(authorities, answer, now))
	}
	slices.SortStableFunc(j.Rows, urgency)
	return j.Report
}

type judge struct {
	Report
	now, soon time.Time
}

func (j *judge) problem(format string, args ...any) {
	j.Problems = append(j.Problems, fmt.Sprintf(format, args...))
}

func (j *judge) warn(format string, args ...any) {
	j.Warnings = append(j.Warnings, fmt.Sprintf(format, args...))
}

// parts tells every term. What has ended is no fault of its own: a trusted root keeps what old signatures rest on.
func (j *judge) parts(a Authority) {
	for _, p := range a.Parts {
		needed := slices.Contains(a.Demanded, p.Role) && !a.covers(p.Role, j.now)
		for _, t := range p.Terms {
			row := j.row(a.Name, t.Period, p.text()+t.text())
			if needed && t.At(j.now) != InForce {
				row.urgency = failing
			}
			if row.urgency == soon {
				if p.At(j.now) != InForce {
					row.State, row.urgency = InForce, open // what is over already need not be renewed
				} else {
					j.warn("%s: %s ends in %s, on %s", a.Name, row.What, days(row.Days), t.End.UTC().Format(time.DateOnly))
				}
			}
			j.Rows = append(j.Rows, row)
		}
	}
}

// demanded looks for one of everything that verification takes nothing without.
func (j *judge) demanded(a Authority) {
	for _, role := range a.Demanded {
		if a.covers(role, j.now) {
			continue
		}
		last := a.latest(role)
		switch {
		case last == nil:
			j.problem("%s: there is no %s, and verification demands one", a.Name, role)
		case last.At(j.now) == NotYet:
			j.problem("%s: no %s is in force yet: %s", a.Name, role, last.text())
		default:
			j.problem("%s: no %s is in force any more: %s ended on %s", a.Name, role, last.text(), last.end().UTC().Format(time.DateOnly))
		}
	}
}

// services looks for the counterpart of every service that signers may choose: what it makes is not trusted otherwise.
func (j *judge) services(a Authority) {
	for _, s := range a.Services {
		row := j.row(a.Name, s.Period, "service: "+s.text())
		if row.urgency == soon {
			j.warn("%s: the signing config names the %s until %s, which is in %s", a.Name, s.text(), s.End.UTC().Format(time.DateOnly), days(row.Days))
		}
		if !s.Spoken {
			row.What += fmt.Sprintf(", version %d of the interface, which stepseal does not speak", s.Version)
		} else if s.At(j.now) == InForce && !j.covered(a, s) {
			row.State, row.urgency = NotCovered, failing
		}
		j.Rows = append(j.Rows, row)
	}
}

func (j *judge) covered(a Authority, s Service) bool {
	var named, unnamed []Part
	for _, p := range a.Parts {
		switch {
		case p.Role != s.Role:
		case p.URI == "":
			unnamed = append(unnamed, p)
		case sameAddress(p.URI, s.URL):
			named = append(named, p)
		}
	}
	inForce := func(p Part) bool { return p.At(j.now) == InForce }
	switch {
	case slices.ContainsFunc(named, inForce):
		return true
	case slices.ContainsFunc(unnamed, inForce):
		j.warn("%s: whether the trusted root knows the %s is not known: it gives one of that kind no address", a.Name, s.text())
		return true
	case len(named) > 0:
		j.problem("%s: the signing config names the %s, and that of the trusted root is not in force", a.Name, s.text())
	default:
		j.problem("%s: the signing config names the %s, which the trusted root does not know", a.Name, s.text())
	}
	return false
}

// signing looks for a service for everything that verification demands. A certificate transparency log is the concern of
// the certificate authority.
func (j *judge) signing(a Authority) {
	usable := func(role Role) (list []Service) {
		for _, s := range a.Services {
			if s.Role == role && s.Usable(j.now) {
				list = append(list, s)
			}
		}
		return list
	}
	for _, role := range a.Demanded {
		if role != CertificateLog && len(usable(role)) == 0 {
			j.problem("%s: the signing config names no %s that is in force and that stepseal can speak with, and verification demands one", a.Name, role)
		}
	}
	logs := usable(TransparencyLog)
	timed := slices.ContainsFunc(logs, func(s Service) bool { return s.Version == 1 })
	if len(logs) > 0 && !timed && len(usable(TimestampAuthority)) == 0 {
		// https://github.com/sigstore/rekor-tiles/blob/v2.3.0/CLIENTS.md
		j.problem("%s: nobody says when something was signed: a log of version 2 does not, and the signing config names no timestamp authority", a.Name)
	}
}

func (a Authority) covers(role Role, now time.Time) bool {
	return slices.ContainsFunc(a.Parts, func(p Part) bool { return p.Role == role && p.At(now) == InForce })
}

// latest is the part of the role that ends last; nil: there is none.
func (a Authority) latest(role Role) *Part {
	var last *Part
	for i, p := range a.Parts {
		if p.Role == role && (last == nil || p.end().IsZero() || !last.end().IsZero() && p.end().After(last.end())) {
			last = &a.Parts[i]
		}
	}
	return last
}

// left are the whole days until then; negative: since then.
func left(now, end time.Time) int { return int(math.Floor(end.Sub(now).Hours() / 24)) }
