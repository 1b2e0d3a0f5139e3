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
	good, bad := j.claims(d, isScan)
	var scans []scanned
	for _, s := range good {
		if one, ok := readScan(s); ok {
			scans = append(scans, one)
		} else {
			bad = append(bad, s.line("it holds no verdict of stepseal"))
		}
	}
	if len(scans) == 0 {
		if len(good) > 0 {
			return refusal(outcome.ScanWithoutVerdict, bad, "the scan was made by another tool and holds no verdict")
		}
		return missing("scan", bad)
	}
	slices.SortStableFunc(scans, scanned.newestFirst)
	r := enough(d, j.judgeScan(d, newest(scans)), j.approving(d, scans))
	if older := len(scans) - 1; older > 0 && r.Signers == nil {
		r.Notes = append(r.Notes, fmt.Sprintf("%d older trusted scans do not count", older))
	}
	return r
}

// approving are those scans that are good enough and the newest of their signer.
func (j *judge) approving(d trust.Demand, lastFirst []scanned) []statement {
	var list []statement
	heard := map[string]bool{}
	for _, s := range lastFirst {
		who := s.proof.who
		if heard[who] {
			continue
		}
		heard[who] = true
		own := newest(slices.DeleteFunc(slices.Clone(lastFirst), func(other scanned) bool { return other.proof.who != who }))
		if j.judgeScan(d, own).Result == Trusted {
			list = append(list, own.statement)
		}
	}
	return list
}

func readScan(s statement) (scanned, bool) {
	scan, err := evidence.ParseScan(s.statement.Predicate)
	if err != nil {
		return scanned{}, false
	}
	verdict, ok := evidence.ParseVerdict(scan.Report)
	return scanned{s, scan, verdict}, ok
}

func (s scanned) age(now time.Time) time.Duration { return now.Sub(s.made()) }

// newestFirst: of two from the same second, the one that refuses counts.
func (s scanned) newestFirst(than scanned) int {
	if c := than.at().Compare(s.at()); c != 0 || s.accepted() == than.accepted() {
		return c
	}
	if s.accepted() {
		return 1
	}
	return -1
}

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
	return r.unless(s.isOfImage(j.digest), s.hasEnded(j.now), s.accepts(), s.isByPolicy(d.Policies), s.isYoung(d, j.now))
}
