package signing

import (
	"context"
	"encoding/json"
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

// The predicate types of VEX documents, each with and without a version behind it. CycloneDX has one type for all that it
// can say, and CSAF has none, so that its own namespace stands for it.
// https://github.com/openvex/spec/blob/main/ATTESTING.md https://docs.oasis-open.org/csaf/csaf/v2.0/csaf-v2.0.html
const (
	openVEXPredicate = "https://openvex.dev/ns"
	csafPredicate    = "https://docs.oasis-open.org/csaf/csaf"
)

// isVEX: a CycloneDX document is one where it speaks of vulnerabilities; otherwise it is an SBOM.
func isVEX(f finding) bool {
	for _, kind := range []string{openVEXPredicate, csafPredicate} {
		if f.kind() == kind || strings.HasPrefix(f.kind(), kind+"/") {
			return true
		}
	}
	var of struct{ Vulnerabilities []json.RawMessage }
	return isSBOM(f) && strings.HasPrefix(f.kind(), "https://cyclonedx.org/") && json.Unmarshal(f.statement.Predicate, &of) == nil && len(of.Vulnerabilities) > 0
}

// AttestedVEX are the VEX documents (OpenVEX, CycloneDX, CSAF) about the subject that somebody attested who is trusted, and
// in doubts what could not be read or is not trusted. None at all is an answer.
func AttestedVEX(ctx context.Context, registry *image.Registry, subject name.Digest, trust Trust, now time.Time) (found []Attested, doubts []string, err error) {
	// Whoever wants an SBOM has all attestations read, whatever they are of.
	j, err := judgeOf(ctx, registry, subject, trust, Requirements{SBOM: true}, now)
	if err != nil {
		return nil, nil, err
	}
	good, bad := j.claims(isVEX)
	for _, s := range good {
		found = append(found, Attested{s.statement.Predicate, s.signer.Signer()})
	}
	return found, atMost(append(bad, j.attestationDoubts...)), nil
}
