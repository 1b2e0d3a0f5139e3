package signing

import (
	"fmt"
	"time"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
)

// maxClockSkew is how far ahead of ours another machine's clock may be.
const maxClockSkew = 5 * time.Minute

func isScan(f finding) bool { return f.kind() == evidence.ScanPredicate }

// scanned is a verified scan of our own making.
type scanned struct {
	statement
	scan    evidence.Scan
	verdict evidence.Verdict
}

// scan goes by the newest scan, so that a later refusal revokes. Nothing but the signer's claim says which that is: a
// key vouches for no time.
func (j *judge) scan() Requirement {
	good, bad := j.claims(isScan)
	var newest *scanned
	older := 0
	for _, s := range good {
		one, ok := readScan(s)
		switch {
		case !ok:
			bad = append(bad, s.line("it holds no verdict of stepseal"))
			continue
		case newest == nil:
			newest = &one
			continue
		case one.isNewer(*newest):
			newest = &one
		}
		older++
	}
	switch {
	case newest != nil:
		r := j.judgeScan(*newest)
		if older > 0 {
			r.Notes = append(r.Notes, fmt.Sprintf("%d older trusted scans do not count", older))
		}
		return r
	case len(good) > 0:
		return refusal(outcome.ScanWithoutVerdict, bad, "the scan was made by another tool and holds no verdict")
	}
	return missing("scan", bad)
}

func readScan(s statement) (scanned, bool) {
	scan, err := evidence.ParseScan(s.statement.Predicate)
	if err != nil {
		return scanned{}, false
	}
	verdict, ok := evidence.ParseVerdict(scan.Report)
	return scanned{s, scan, verdict}, ok
}

// isNewer: of two from the same second, the one that refuses counts.
func (s scanned) isNewer(than scanned) bool {
	if s.scan.Finished.Equal(than.scan.Finished) {
		return !s.accepted() && than.accepted()
	}
	return s.scan.Finished.After(than.scan.Finished)
}

func (s scanned) accepted() bool { return s.verdict.Verdict == outcome.Accepted.String() }

func (j *judge) judgeScan(s scanned) Requirement {
	r := s.requirement(Trusted)
	r.Document = evidence.Digest(s.scan.Report)
	r.PolicyDigest = s.verdict.PolicyDigest
	finished := s.scan.Finished
	if !finished.IsZero() {
		r.Finished = finished.UTC().Format(time.RFC3339)
	}
	switch age := j.now.Sub(finished); {
	case s.verdict.Image.Digest != j.digest:
		return r.refused(outcome.ScanOtherImage, "the scan is of %.80q", s.verdict.Image.Digest)
	case finished.After(j.now.Add(maxClockSkew)):
		return r.refused(outcome.ScanInFuture, "the scan claims to have ended at %s, and it is %s", r.Finished, j.now.UTC().Format(time.RFC3339))
	case !s.accepted():
		return r.refused(outcome.ScanRefused, "the newest scan says %.20q (%.40q)", s.verdict.Verdict, s.verdict.Reason)
	case j.required.MaxScanAge > 0 && finished.IsZero():
		return r.refused(outcome.ScanTooOld, "the scan does not say when it ended")
	case j.required.MaxScanAge > 0 && age > j.required.MaxScanAge:
		return r.refused(outcome.ScanTooOld, "the newest scan is %s old, and %s is allowed", age.Round(time.Minute), j.required.MaxScanAge)
	}
	return r
}
