package signing

import (
	"slices"
	"time"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/trust"
)

// hasVerdict refuses a scan of stepseal's that this version finds no verdict in: it may be a later version's refusal.
// Attack 31.
func (s scanned) hasVerdict() error {
	if s.verdict.Schema == "" {
		return outcome.New(outcome.ScanWithoutVerdict, "the newest scan says that stepseal made it, and this version of stepseal finds no verdict in it")
	}
	return nil
}

// isOfImage compares the image inside the scan, which need not be the subject of its statement.
// Attack 9.
func (s scanned) isOfImage(digest string) error {
	if s.verdict.Image.Digest != digest {
		return outcome.New(outcome.ScanOtherImage, "the scan is of %.80q", s.verdict.Image.Digest)
	}
	return nil
}

// hasEnded refuses a scan that would stay the newest until the day that it claims.
// Attack 23.
func (s scanned) hasEnded(now time.Time) error {
	if s.scan.Finished.After(now.Add(maxClockSkew)) {
		return outcome.New(outcome.ScanInFuture, "the scan claims to have ended at %s, and it is %s", s.finished(), now.UTC().Format(time.RFC3339))
	}
	return nil
}

// accepts goes by the verdict inside the scan: that a scan is attested says only that there was one.
// Attacks 9, 31.
func (s scanned) accepts() error {
	if !s.accepted() {
		return outcome.New(outcome.ScanRefused, "the newest scan says %.20q (%.40q)", s.verdict.Verdict, s.verdict.Reason)
	}
	return nil
}

// isByPolicy compares the digest of the policy that the scan was judged by.
// Attack 9.
func (s scanned) isByPolicy(accepted []string) error {
	if len(accepted) > 0 && !slices.Contains(accepted, s.verdict.PolicyDigest) {
		return outcome.New(outcome.PolicyNotAccepted, "the scan was judged by the policy %.80q, which is none of those that are accepted", s.verdict.PolicyDigest)
	}
	return nil
}

// isYoung refuses what is older than allowed: a newer scan may be withheld.
// Attack 23.
func (s scanned) isYoung(d trust.Demand, now time.Time) error {
	switch {
	case d.MaxAge <= 0:
		return nil
	case s.scan.Finished.IsZero():
		return outcome.New(outcome.ScanTooOld, "the scan does not say when it ended")
	case s.age(now) > d.MaxAge:
		return outcome.New(outcome.ScanTooOld, "the newest scan is %s old, and %s is allowed", s.age(now).Round(time.Minute), d.MaxAge)
	}
	return nil
}

// at is when the scan was made as far as can be verified: a log or a timestamp authority says it of keyless signatures.
// A key vouches for no time, and there the signer's claim must do.
// Attacks 23, 31.
func (s scanned) at() time.Time {
	if s.proof.at.IsZero() {
		return s.scan.Finished
	}
	return s.proof.at
}

// firstStamped is, of the times at which one statement was signed, the first: signing it again makes it no younger.
// Attack 23.
func firstStamped(one, other proof) proof {
	if other.at.Before(one.at) {
		return other
	}
	return one
}
