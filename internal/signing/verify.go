package signing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/provenance"
	"github.com/stepseal/stepseal/internal/trust"
)

// Requirements say what an image must carry.
type Requirements struct {
	Demands []trust.Demand // at most one of a kind
	Index   string         // digest of the index that led to the image, for the record
}

func (r Requirements) demand(kind trust.Kind) (trust.Demand, bool) {
	for _, d := range r.Demands {
		if d.Kind == kind {
			return d, true
		}
	}
	return trust.Demand{}, false
}

func (r Requirements) wants(kind trust.Kind) bool {
	_, ok := r.demand(kind)
	return ok
}

// Verify reads what is stored about the subject and judges it under the trust. The error is nil where every requirement
// is met; the Verification says what was found either way. now is the verifier's clock.
func Verify(ctx context.Context, registry *image.Registry, subject name.Digest, of Trust, required Requirements, now time.Time) (Verification, error) {
	v := newVerification(subject, of, required, now)
	v.Index = required.Index
	e, err := required.examiner(of)
	if err != nil {
		return v, err
	}
	j := judge{repository: subject.Context().Name(), digest: subject.DigestStr(), required: required, now: now, examiner: e}
	if err := j.read(ctx, newStore(registry, subject)); err != nil {
		v.Reason = outcome.Of(err).Reason
		return v, err
	}
	v.Requirements = j.requirements(required.Demands)
	v.Notes = atMost(j.notes)
	return v, v.conclude()
}

func newVerification(subject name.Digest, of Trust, required Requirements, now time.Time) Verification {
	return Verification{Schema: VerificationSchema, Image: subject.Context().Name() + "@" + subject.DigestStr(),
		Digest: subject.DigestStr(), Verdict: outcome.Undecided.String(), VerifiedAt: now.UTC().Format(time.RFC3339),
		Rule: newRule(of, required), Requirements: []Requirement{}}
}

func (r Requirements) examiner(of Trust) (*examiner, error) {
	e, err := newExaminer(of)
	if err == nil && len(r.Demands) == 0 {
		err = outcome.New(outcome.InvalidInput, "nothing is required, so there is nothing to verify")
	}
	return e, err
}

func (j *judge) requirements(demands []trust.Demand) []Requirement {
	list := []Requirement{}
	for _, d := range demands {
		one := j.requirement(d)
		one.Notes, one.Evidence = atMost(one.Notes), atMost(one.Evidence)
		list = append(list, one)
	}
	return list
}

// maxLine is what is shown of one line.
const maxLine = 600

// maxLines keeps whoever can write beside an image from flooding logs.
const maxLines = 20

func atMost(lines []string) []string {
	if len(lines) <= maxLines {
		return lines
	}
	return append(slices.Clone(lines[:maxLines]), fmt.Sprintf("and %d more", len(lines)-maxLines))
}

// judge holds what was found about one image.
type judge struct {
	repository, digest string

	required Requirements
	now      time.Time
	examiner *examiner
	// Of an index: the platforms, whose attestations lie beside those of the index itself.
	platforms map[string]bool

	findings []finding
	notes    []string
	// What could not be read, where signatures and where attestations may lie: there may be more than was found.
	signatureDoubts, attestationDoubts []string
}

// read reads every place. One that cannot be read is a doubt, and the others are read all the same.
func (j *judge) read(ctx context.Context, s *store) error {
	s = s.examinedBy(j.examiner)
	both := []*[]string{&j.signatureDoubts, &j.attestationDoubts}
	places := []struct {
		read   func(context.Context) (shelf, error)
		doubts []*[]string
		wanted bool
	}{
		{s.bundles, both, true},
		{s.signatures, both[:1], j.required.wants(trust.Signature)},
		{s.attestations, both[1:], slices.ContainsFunc(j.required.Demands, func(d trust.Demand) bool { return d.Kind != trust.Signature })},
	}
	for _, place := range places {
		if !place.wanted {
			continue
		}
		found, err := place.read(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			found.doubt("%s", said(err))
		}
		for _, doubts := range place.doubts {
			*doubts = append(*doubts, found.doubts...)
		}
		j.notes = append(j.notes, found.notes...)
		j.findings = append(j.findings, j.follow(ctx, s, j.about(found.findings))...)
	}
	return nil
}

// about refuses what is signed and about something else, such as an attestation copied from another image.
func (j *judge) about(found []finding) []finding {
	for i, f := range found {
		if f.err == nil {
			found[i].err = j.isAbout(f)
		}
	}
	return found
}

func (j *judge) requirement(d trust.Demand) Requirement {
	var r Requirement
	doubts := j.attestationDoubts
	switch d.Kind {
	case trust.Signature:
		r, doubts = j.signature(d), j.signatureDoubts
	case trust.SBOM:
		r = j.sbom(d)
	case trust.Scan:
		r = j.scan(d)
	case trust.Provenance:
		r = j.provenance(d)
	case trust.VerificationSummary:
		r = j.summary(d)
	default:
		r = refusal(outcome.Unexpected, nil, "%s cannot be demanded", d.Kind)
	}
	r.Name = string(d.Kind)
	return r.despite(doubts, d.Kind)
}

// claims are the findings of a kind, by what they count for and what they do not.
func (j *judge) claims(d trust.Demand, is func(finding) bool) (good []statement, bad []string) {
	counts := j.examiner.who(d.Kind, d.Signers)
	for _, f := range j.findings {
		if !is(f) {
			continue
		}
		if by := f.proof.by(counts); f.err == nil && len(by) == 0 {
			f.err = fmt.Errorf("it is signed by %s, whose word on this does not count", f.proof.who)
		} else {
			f.proof.signers = by
		}
		if f.err != nil {
			bad = append(bad, fmt.Sprintf("%s %s, %.80q: %s", f.store, f.at, f.predicate(), printable(f.err.Error())))
			continue
		}
		good = merge(good, f)
	}
	return good, bad
}

// statement is one verified statement, in however many forms it is stored.
type statement struct {
	finding
	formats []Format
}

// merge puts what says the same in both stores together. The manifest named is the bundle's, which is read first; of several
// times at which it was signed the first counts.
func merge(into []statement, f finding) []statement {
	for i := range into {
		if into[i].sum == f.sum && into[i].proof.who == f.proof.who {
			if !slices.Contains(into[i].formats, f.store) {
				into[i].formats = append(into[i].formats, f.store)
			}
			into[i].proof = firstStamped(into[i].proof, f.proof)
			return into
		}
	}
	return append(into, statement{f, []Format{f.store}})
}

func (s statement) requirement(result Result) Requirement {
	r := Requirement{Result: result, Signer: s.proof.who, Certificate: s.proof.certificate, Formats: s.formats, Manifest: s.at.String(), PredicateType: s.statement.PredicateType}
	if !s.proof.at.IsZero() {
		r.SignedAt = s.proof.at.UTC().Format(time.RFC3339)
	}
	return r
}

func (s statement) line(why string) string {
	return fmt.Sprintf("%s %s by %s: %s", s.store, s.at, s.proof.who, why)
}

func refusal(reason outcome.Reason, lines []string, format string, args ...any) Requirement {
	return Requirement{Result: Untrusted, Reason: reason, Message: fmt.Sprintf(format, args...), Evidence: lines}
}

func (r Requirement) refused(reason outcome.Reason, format string, args ...any) Requirement {
	r.Result, r.Reason, r.Message = Untrusted, reason, fmt.Sprintf(format, args...)
	return r
}

// unless refuses by the first check that says no.
func (r Requirement) unless(checks ...error) Requirement {
	for _, no := range checks {
		if no != nil {
			return r.refused(outcome.Of(no).Reason, "%s", no)
		}
	}
	return r
}

func (j *judge) signature(d trust.Demand) Requirement {
	good, bad := j.claims(d, finding.isSignature)
	switch {
	case len(good) > 0:
		r := good[0].requirement(Trusted)
		for _, other := range good[1:] {
			for _, f := range other.formats {
				if other.proof.who == good[0].proof.who && !slices.Contains(r.Formats, f) {
					r.Formats = append(r.Formats, f)
				}
			}
		}
		return enough(d, r, good)
	case len(bad) > 0:
		return refusal(outcome.SignatureUntrusted, bad, "none of its signatures can be trusted")
	case len(j.findings) > 0:
		return refusal(outcome.SignatureMissing, j.notSignatures(), "there is no signature; what is there are attestations, and an attestation is not a signature")
	}
	return refusal(outcome.SignatureMissing, nil, "there is no signature")
}

// notSignatures lists what somebody may have taken for one.
func (j *judge) notSignatures() []string {
	var lines []string
	for _, f := range j.findings {
		lines = append(lines, fmt.Sprintf("%s %s is %.80q", f.store, f.at, f.predicate()))
	}
	return lines
}

// printable makes one short line of a library's message, which may quote what it read.
// Attack 30.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '?'
		}
		return r
	}, text)
	if len(text) > maxLine {
		text = strings.ToValidUTF8(text[:maxLine], "") + "..."
	}
	return text
}

// missing is the answer where no statement of the kind can be used.
func missing(what string, bad []string) Requirement {
	if len(bad) > 0 {
		return refusal(outcome.AttestationUntrusted, bad, "none of its %s attestations can be trusted", what)
	}
	return refusal(outcome.AttestationMissing, nil, "there is no %s attestation", what)
}

// KindOf is the kind of evidence that statements of the predicate type are; empty: none that is known.
func KindOf(predicateType string) trust.Kind {
	switch {
	case predicateType == evidence.SignaturePredicate:
		return trust.Signature
	case IsSBOMType(predicateType):
		return trust.SBOM
	case predicateType == evidence.ReferencePredicate: // to a document that is too large for its attestation
		return trust.SBOM
	case predicateType == evidence.ScanPredicate, predicateType == evidence.VulnerabilitiesPredicate:
		return trust.Scan
	case provenance.IsType(predicateType):
		return trust.Provenance
	case predicateType == evidence.SummaryPredicate:
		return trust.VerificationSummary
	case isVEXType(predicateType):
		return trust.VEX
	}
	return ""
}
