package signing

import (
	"context"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
)

// AttestedScan is the newest scan.json about the subject that somebody attested who is trusted, and who that is. What it
// says does not matter here, so that a refused scan is one too.
func AttestedScan(ctx context.Context, registry *image.Registry, subject name.Digest, trust Trust, now time.Time) (doc []byte, signer string, err error) {
	j, err := judgeOf(ctx, registry, subject, trust, Requirements{Scan: true}, now)
	if err != nil {
		return nil, "", err
	}
	r := j.requirement("scan")
	if r.Result != Trusted && r.Reason != outcome.ScanRefused {
		return nil, "", outcome.New(r.Reason, "%s: %s", subject, r.Message).With(atMost(r.Evidence)...)
	}
	good, _ := j.claims(isScan)
	for _, s := range good {
		if one, ok := readScan(s); ok && evidence.Digest(one.scan.Report) == r.Document && s.signer.Signer() == r.Signer {
			return one.scan.Report, r.Signer, nil
		}
	}
	return nil, "", outcome.New(outcome.AttestationMissing, "%s: the trusted scan is gone", subject)
}

// judgeOf has read what lies beside the subject, as far as the requirements ask for it.
func judgeOf(ctx context.Context, registry *image.Registry, subject name.Digest, trust Trust, required Requirements, now time.Time) (*judge, error) {
	e, err := newExaminer(trust)
	if err != nil {
		return nil, err
	}
	j := &judge{digest: subject.DigestStr(), required: required, now: now}
	return j, j.read(ctx, newStore(registry, subject), e)
}

// Attested is one statement's predicate and who signed it.
type Attested struct {
	Predicate []byte
	Signer    string
}

// openVEXPredicate is the predicate type of OpenVEX documents, with and without a version behind it.
// https://github.com/openvex/spec/blob/main/ATTESTING.md
const openVEXPredicate = "https://openvex.dev/ns"

// AttestedVEX are the OpenVEX documents about the subject that somebody attested who is trusted, and in doubts what could
// not be read or is not trusted. None at all is an answer.
func AttestedVEX(ctx context.Context, registry *image.Registry, subject name.Digest, trust Trust, now time.Time) (found []Attested, doubts []string, err error) {
	// Whoever wants an SBOM has all attestations read, whatever they are of.
	j, err := judgeOf(ctx, registry, subject, trust, Requirements{SBOM: true}, now)
	if err != nil {
		return nil, nil, err
	}
	good, bad := j.claims(func(f finding) bool {
		return f.kind() == openVEXPredicate || strings.HasPrefix(f.kind(), openVEXPredicate+"/")
	})
	for _, s := range good {
		found = append(found, Attested{s.statement.Predicate, s.signer.Signer()})
	}
	return found, atMost(append(bad, j.attestationDoubts...)), nil
}
