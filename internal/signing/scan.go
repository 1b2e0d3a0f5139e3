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

func (s scanned) signed() statement { return s.statement }

func (s scanned) claim() time.Time { return s.scan.Finished }

func (s scanned) age(now time.Time) time.Duration { return now.Sub(madeAt(s)) }

// finished is when the scan claims to have ended; empty: it does not say.
func (s scanned) finished() string {
	if s.scan.Finished.IsZero() {
		return ""
	}
	return s.scan.Finished.UTC().Format(time.RFC3339)
}

func (s scanned) accepted() bool { return s.verdict.Verdict == outcome.Accepted.String() }

func (j *judge) judgeScan(d trust.Demand, s scanned) Requirement {
	r := s.requirement(Trusted)
	r.Document = evidence.Digest(s.scan.Report)
	r.PolicyDigest = s.verdict.PolicyDigest
	r.Finished = s.finished()
	return r.unless(s.hasVerdict(), s.isOfImage(j.digest), s.hasEnded(j.now), s.accepts(), s.isByPolicy(d.Policies), s.isYoung(d, j.now))
}
