package signing

import (
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/trust"
)

// isReferredToBy goes by the subject in the referrer's own manifest, not by the list that the registry gives.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers
// Attack 27.
func (s *store) isReferredToBy(m v1.Manifest) bool {
	return m.Subject != nil && m.Subject.Digest.String() == s.subject.DigestStr()
}

// indexSigned is the requirement that the index itself is signed, whatever is said of its platforms.
// Attack 2.
func (j *judge) indexSigned() []Requirement {
	d, ok := j.required.demand(trust.Signature)
	if !ok {
		return nil
	}
	return j.ofItself().requirements([]trust.Demand{d})
}

// despite is the requirement where something could not be read: that is never taken for absent.
// Attack 26.
func (r Requirement) despite(doubts []string, kind trust.Kind) Requirement {
	switch {
	case len(doubts) == 0:
		return r
	case r.Result == Trusted && staysGood(kind):
		r.Notes = append(r.Notes, doubts...)
		return r
	}
	unsure := Requirement{Name: r.Name, Result: CouldNotCheck, Reason: outcome.ReferrersUnreadable,
		Message: "the " + r.Name + " could not be checked: " + doubts[0], Evidence: slices.Concat(doubts, r.Evidence)}
	if r.Result == Trusted {
		unsure.Message = "a trusted " + r.Name + " is there, and whether it is the newest could not be checked: " + doubts[0]
		unsure.Notes = r.Notes
	}
	return unsure
}

// staysGood: a signature, an SBOM and provenance stay good whatever else is there. A newer scan or summary, which may be
// among what could not be read, would take the place of this one.
// Attack 26.
func staysGood(kind trust.Kind) bool { return kind != trust.Scan && kind != trust.VerificationSummary }
