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
	"github.com/stepseal/stepseal/internal/trust"
)

// AttestedScan is the newest scan.json about the subject that somebody attested who is trusted, and who that is. What it
// says does not matter here, so that a refused scan is one too.
func AttestedScan(ctx context.Context, registry *image.Registry, subject name.Digest, of Trust, now time.Time) (doc []byte, signer string, err error) {
	j, err := judgeOf(ctx, registry, subject, of, trust.Scan, now)
	if err != nil {
		return nil, "", err
	}
	d := j.required.Demands[0]
	r := j.requirement(d)
	if r.Result != Trusted && r.Reason != outcome.ScanRefused {
		return nil, "", outcome.New(r.Reason, "%s: %s", subject, r.Message).With(atMost(r.Evidence)...)
	}
	good, _ := j.claims(d, isScan)
	for _, s := range good {
		if one, ok := readScan(s); ok && evidence.Digest(one.scan.Report) == r.Document && s.proof.who == r.Signer {
			return one.scan.Report, r.Signer, nil
		}
	}
	return nil, "", outcome.New(outcome.AttestationMissing, "%s: the trusted scan is gone", subject)
}

// judgeOf has read what lies beside the subject, as far as one kind of evidence asks for it.
func judgeOf(ctx context.Context, registry *image.Registry, subject name.Digest, of Trust, kind trust.Kind, now time.Time) (*judge, error) {
	e, err := newExaminer(of)
	if err != nil {
		return nil, err
	}
	required := Requirements{Demands: []trust.Demand{{Kind: kind, Threshold: 1}}}
	j := &judge{repository: subject.Context().Name(), digest: subject.DigestStr(), required: required, now: now, examiner: e}
	return j, j.read(ctx, newStore(registry, subject))
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
	if isVEXType(f.predicate()) {
		return true
	}
	var of struct{ Vulnerabilities []json.RawMessage }
	return isSBOM(f) && strings.HasPrefix(f.predicate(), "https://cyclonedx.org/") && json.Unmarshal(f.statement.Predicate, &of) == nil && len(of.Vulnerabilities) > 0
}

// AttestedVEX are the VEX documents (OpenVEX, CycloneDX, CSAF) about the subject that somebody attested who is trusted, and
// in doubts what could not be read or is not trusted. None at all is an answer.
func AttestedVEX(ctx context.Context, registry *image.Registry, subject name.Digest, of Trust, now time.Time) (found []Attested, doubts []string, err error) {
	j, err := judgeOf(ctx, registry, subject, of, trust.VEX, now)
	if err != nil {
		return nil, nil, err
	}
	good, bad := j.claims(j.required.Demands[0], isVEX)
	for _, s := range good {
		found = append(found, Attested{s.statement.Predicate, s.proof.who})
	}
	return found, atMost(append(bad, j.attestationDoubts...)), nil
}

// isVEXType tells the predicate types that are VEX and nothing else.
func isVEXType(predicateType string) bool {
	for _, kind := range []string{openVEXPredicate, csafPredicate} {
		if predicateType == kind || strings.HasPrefix(predicateType, kind+"/") {
			return true
		}
	}
	return false
}
