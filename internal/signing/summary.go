package signing

import (
	"slices"
	"time"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/trust"
)

func isSummary(f finding) bool { return f.predicate() == evidence.SummaryPredicate }

// summary goes by the newest verification summary of an accepted verifier about this image in this repository, so that a
// later failure revokes.
// https://slsa.dev/spec/v1.1/verification_summary#how-to-verify
func (j *judge) summary(d trust.Demand) Requirement {
	all, bad := j.claims(d, isSummary)
	var summaries []verified
	for _, s := range all {
		one, err := evidence.ParseVerificationSummary(s.statement.Predicate)
		v := verified{s, one}
		switch {
		case err != nil:
			bad = append(bad, s.line(printable(err.Error())))
		case !v.isByVerifier(d.Verifiers):
			bad = append(bad, s.line("the verifier "+printable(one.Verifier)+" is none of those that are accepted"))
		case !v.isAboutResource(j.repository, s.first()):
			bad = append(bad, s.line("it is about "+printable(one.Resource)))
		default:
			summaries = append(summaries, v)
		}
	}
	if len(summaries) == 0 {
		return missing("verification summary", bad)
	}
	slices.SortStableFunc(summaries, newestFirst)
	good := func(v verified) bool { return j.judgeSummary(d, v).Result == Trusted }
	return enough(d, j.judgeSummary(d, newest(summaries)), approving(summaries, good))
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

func (v verified) signed() statement { return v.statement }

func (v verified) claim() time.Time { return v.summary.Time }

func (v verified) accepted() bool { return v.summary.Passed }

func (v verified) time() string { return v.summary.Time.UTC().Format(time.RFC3339) }

func (j *judge) judgeSummary(d trust.Demand, v verified) Requirement {
	r := v.requirement(Trusted)
	r.Finished = v.time()
	r.PolicyDigest = v.summary.Policy.Digest
	return r.unless(v.hasHappened(j.now), v.hasPassed(), v.isByPolicy(d.Policies), v.isYoung(d, j.now))
}
