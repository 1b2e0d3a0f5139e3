package signing

import (
	"slices"
	"time"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
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
		switch {
		case err != nil:
			bad = append(bad, s.line(printable(err.Error())))
		case !slices.Contains(d.Verifiers, one.Verifier):
			bad = append(bad, s.line("the verifier "+printable(one.Verifier)+" is none of those that are accepted"))
		case one.Resource != evidence.ImageURI(j.repository, s.first()):
			bad = append(bad, s.line("it is about "+printable(one.Resource)))
		default:
			summaries = append(summaries, verified{s, one})
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

func (j *judge) judgeSummary(d trust.Demand, v verified) Requirement {
	r := v.requirement(Trusted)
	r.Finished = v.summary.Time.UTC().Format(time.RFC3339)
	r.PolicyDigest = v.summary.Policy.Digest
	age := j.now.Sub(madeAt(v))
	switch {
	case v.summary.Time.After(j.now.Add(maxClockSkew)):
		return r.refused(outcome.SummaryTooOld, "the summary claims to be of %s, and it is %s", r.Finished, j.now.UTC().Format(time.RFC3339))
	case !v.summary.Passed:
		return r.refused(outcome.SummaryFailed, "the newest verification summary says that the image failed")
	case len(d.Policies) > 0 && !slices.Contains(d.Policies, v.summary.Policy.Digest):
		return r.refused(outcome.PolicyNotAccepted, "the image was verified by the policy %.80q, which is none of those that are accepted", v.summary.Policy.Digest)
	case d.MaxAge > 0 && age > d.MaxAge:
		return r.refused(outcome.SummaryTooOld, "the newest verification summary is %s old, and %s is allowed", age.Round(time.Minute), d.MaxAge)
	}
	return r
}
