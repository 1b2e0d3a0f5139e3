package signing

import (
	"slices"
	"time"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/trust"
)

// isByVerifier compares who verified. What follows is for whoever reads a summary to compare.
// https://slsa.dev/spec/v1.1/verification_summary#how-to-verify
// Attack 25.
func (v verified) isByVerifier(accepted []string) bool {
	return slices.Contains(accepted, v.summary.Verifier)
}

// isAboutResource compares what was verified: this image, in this repository.
// Attack 25.
func (v verified) isAboutResource(repository, digest string) bool {
	return v.summary.Resource == evidence.ImageURI(repository, digest)
}

// hasHappened refuses a summary that would stay the newest until the day that it claims.
// Attack 25.
func (v verified) hasHappened(now time.Time) error {
	if v.summary.Time.After(now.Add(maxClockSkew)) {
		return outcome.New(outcome.SummaryTooOld, "the summary claims to be of %s, and it is %s", v.time(), now.UTC().Format(time.RFC3339))
	}
	return nil
}

// hasPassed goes by the result inside the summary.
// Attack 25.
func (v verified) hasPassed() error {
	if !v.summary.Passed {
		return outcome.New(outcome.SummaryFailed, "the newest verification summary says that the image failed")
	}
	return nil
}

// isByPolicy compares the digest of the policy that the image was verified by.
// Attack 25.
func (v verified) isByPolicy(accepted []string) error {
	if len(accepted) > 0 && !slices.Contains(accepted, v.summary.Policy.Digest) {
		return outcome.New(outcome.PolicyNotAccepted, "the image was verified by the policy %.80q, which is none of those that are accepted", v.summary.Policy.Digest)
	}
	return nil
}

// isYoung refuses what is older than allowed, by the older of the claim and the signature.
// Attack 25.
func (v verified) isYoung(d trust.Demand, now time.Time) error {
	age := now.Sub(madeAt(v))
	if d.MaxAge > 0 && age > d.MaxAge {
		return outcome.New(outcome.SummaryTooOld, "the newest verification summary is %s old, and %s is allowed", age.Round(time.Minute), d.MaxAge)
	}
	return nil
}
