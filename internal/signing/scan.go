package signing

import (
	"fmt"
	"slices"
	"time"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/trust"
)

// maxClockSkew is how far ahead of ours another machine's clock may be.
const maxClockSkew = 5 * time.Minute

func isScan(f finding) bool { return f.predicate() == evidence.ScanPredicate }

// scanned is a verified scan of our own making.
type scanned struct {
	statement
	scan    evidence.Scan
	verdict evidence.Verdict
}

// scan goes by the newest scan, so that a later refusal revokes.
func (j *judge) scan(d trust.Demand) Requirement {
	all, bad := j.claims(d, isScan)
	var scans []scanned
	for _, s := range all {
		if one, ok := readScan(s); ok {
			scans = append(scans, one)
		} else {
			bad = append(bad, s.line("it holds no verdict of stepseal"))
		}
	}
	if len(scans) == 0 {
		if len(all) > 0 {
			return refusal(outcome.ScanWithoutVerdict, bad, "the scan was made by another tool and holds no verdict")
		}
		return missing("scan", bad)
	}
	slices.SortStableFunc(scans, newestFirst)
	good := func(s scanned) bool { return j.judgeScan(d, s).Result == Trusted }
	r := enough(d, j.judgeScan(d, newest(scans)), approving(scans, good))
	if older := len(scans) - 1; older > 0 && r.Signers == nil {
		r.Notes = append(r.Notes, fmt.Sprintf("%d older trusted scans do not count", older))
	}
	return r
}

// readScan is not ok for a scan of another tool. Of one of stepseal's whose report this version cannot read the verdict is
// the zero value, which is no yes: a later version may have refused.
func readScan(s statement) (scanned, bool) {
	scan, err := evidence.ParseScan(s.statement.Predicate)
	if err != nil {
		return scanned{}, false
	}
	verdict, ok := evidence.ParseVerdict(scan.Report)
	return scanned{s, scan, verdict}, ok || scan.MadeBy == evidence.ScanMadeBy
}

// at is when the scan was made as far as can be verified: a log or a timestamp authority says it of keyless signatures.
// A key vouches for no time, and there the signer's claim must do.
func (s scanned) at() time.Time {
	if s.proof.at.IsZero() {
		return s.scan.Finished
	}
	return s.proof.at
}

func (s scanned) signed() statement { return s.statement }

func (s scanned) claim() time.Time { return s.scan.Finished }

func (s scanned) age(now time.Time) time.Duration { return now.Sub(madeAt(s)) }

func (s scanned) accepted() bool { return s.verdict.Verdict == outcome.Accepted.String() }

func (j *judge) judgeScan(d trust.Demand, s scanned) Requirement {
	r := s.requirement(Trusted)
	r.Document = evidence.Digest(s.scan.Report)
	r.PolicyDigest = s.verdict.PolicyDigest
	finished := s.scan.Finished
	if !finished.IsZero() {
		r.Finished = finished.UTC().Format(time.RFC3339)
	}
	switch {
	case s.verdict.Schema == "":
		return r.refused(outcome.ScanWithoutVerdict, "the newest scan says that stepseal made it, and this version of stepseal finds no verdict in it")
	case s.verdict.Image.Digest != j.digest:
		return r.refused(outcome.ScanOtherImage, "the scan is of %.80q", s.verdict.Image.Digest)
	case finished.After(j.now.Add(maxClockSkew)):
		return r.refused(outcome.ScanInFuture, "the scan claims to have ended at %s, and it is %s", r.Finished, j.now.UTC().Format(time.RFC3339))
	case !s.accepted():
		return r.refused(outcome.ScanRefused, "the newest scan says %.20q (%.40q)", s.verdict.Verdict, s.verdict.Reason)
	case len(d.Policies) > 0 && !slices.Contains(d.Policies, s.verdict.PolicyDigest):
		return r.refused(outcome.PolicyNotAccepted, "the scan was judged by the policy %.80q, which is none of those that are accepted", s.verdict.PolicyDigest)
	case d.MaxAge > 0 && finished.IsZero():
		return r.refused(outcome.ScanTooOld, "the scan does not say when it ended")
	case d.MaxAge > 0 && s.age(j.now) > d.MaxAge:
		return r.refused(outcome.ScanTooOld, "the newest scan is %s old, and %s is allowed", s.age(j.now).Round(time.Minute), d.MaxAge)
	}
	return r
}
