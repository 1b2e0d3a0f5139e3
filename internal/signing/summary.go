package signing

import (
	"time"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/trust"
)

func isSummary(f finding) bool { return f.predicate() == evidence.SummaryPredicate }

// summary goes by the newest verification summary of an accepted verifier about this image in this repository, so that a
// later failure revokes.
// https://slsa.dev/spec/v1.1/verification_summary#how-to-verify
func (j *judge) summary(d trust.Demand) Requirement {
	good, bad := j.claims(d, isSummary)
	var newest *verified
	var said []statement
	for _, s := range good {
		one, err := evidence.ParseVerificationSummary(s.statement.Predicate)
		v := verified{s, one}
		switch {
		case err != nil:
			bad = append(bad, s.line(printable(err.Error())))
		case !v.isByVerifier(d.Verifiers):
			bad = append(bad, s.line("the verifier "+printable(one.Verifier)+" is none of those that are accepted"))
		case !v.isAboutResource(j.repository, j.digest):
			bad = append(bad, s.line("it is about "+printable(one.Resource)))
		default:
			if newest == nil || v.isNewer(*newest) {
				newest = &v
			}
			if j.judgeSummary(d, v).Result == Trusted {
				said = append(said, s)
			}
		}
	}
	if newest == nil {
		return missing("verification summary", bad)
	}
	return enough(d, j.judgeSummary(d, *newest), said)
}

// verified is a verification summary that is trusted.
type verified struct {
	statement
	summary evidence.VerificationSummary
}

func (v verified) at() time.Time {
	if v.proof.at.IsZero() {
		return v.summary.Time
	}
	return v.proof.at
}

// isNewer: of two from the same second, the one that failed counts.
func (v verified) isNewer(than verified) bool {
	if v.at().Equal(than.at()) {
		return !v.summary.Passed && than.summary.Passed
	}
	return v.at().After(than.at())
}

func (v verified) time() string { return v.summary.Time.UTC().Format(time.RFC3339) }

func (j *judge) judgeSummary(d trust.Demand, v verified) Requirement {
	r := v.requirement(Trusted)
	r.Finished = v.time()
	r.PolicyDigest = v.summary.Policy.Digest
	return r.unless(v.hasHappened(j.now), v.hasPassed(), v.isByPolicy(d.Policies), v.isYoung(d, j.now))
}
