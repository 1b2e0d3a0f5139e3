package signing

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/trust"
)

// AttestedSBOM is the document of an SBOM attestation of the subject by somebody who is trusted, and who that is. Its
// rules are Verify's for the requirement sbom.
func AttestedSBOM(ctx context.Context, registry *image.Registry, subject name.Digest, of Trust, now time.Time) (doc []byte, signer string, err error) {
	j, err := judgeOf(ctx, registry, subject, of, trust.SBOM, now)
	if err != nil {
		return nil, "", err
	}
	d := j.required.Demands[0]
	r := j.requirement(d)
	if r.Result != Trusted {
		return nil, "", outcome.New(r.Reason, "%s: %s", subject, r.Message).With(atMost(r.Evidence)...)
	}
	good, _ := j.claims(d, isSBOM)
	for _, s := range good {
		if evidence.Digest(s.statement.Predicate) == r.Document && s.proof.who == r.Signer {
			return s.statement.Predicate, r.Signer, nil
		}
	}
	return nil, "", outcome.New(outcome.AttestationMissing, "%s: the trusted SBOM is gone", subject)
}

func isSBOM(f finding) bool { return IsSBOMType(f.predicate()) }

// IsSBOMType tells the predicate types of SBOMs, those that others write too.
func IsSBOMType(kind string) bool {
	switch kind {
	case evidence.SBOMPredicate, "https://cyclonedx.org/schema", "https://spdx.dev/Document":
		return true
	}
	return strings.HasPrefix(kind, "https://cyclonedx.org/bom/v1.") || strings.HasPrefix(kind, "https://spdx.dev/Document/v")
}

// sbom is met by any trusted SBOM of this image. One that names no image is second best, and may not be enough.
func (j *judge) sbom(d trust.Demand) Requirement {
	good, bad := j.claims(d, isSBOM)
	var unbound, other *statement
	var few *Requirement
	for i := range good {
		s := &good[i]
		subject, err := s.statement.SBOMSubject()
		switch {
		case err == nil && subject == "":
			unbound = s
		case err == nil && j.describes(subject):
			r := enough(d, s.sbom(Trusted), saying(good, *s))
			if r.Result == Trusted {
				return r
			}
			few = &r
		case err == nil:
			other = s
			bad = append(bad, s.line("the SBOM describes "+subject))
		case errors.Is(err, evidence.ErrTwoSubjects):
			other = s
			bad = append(bad, s.line(err.Error()))
		default:
			bad = append(bad, s.line(printable(err.Error())))
		}
	}
	switch {
	case few != nil:
		return *few
	case unbound != nil && mayBeUnbound(d):
		r := enough(d, unbound.sbom(Trusted), saying(good, *unbound))
		r.Notes = append(bad, string(outcome.SBOMUnbound)+": the SBOM does not say which image it describes")
		return r
	case unbound != nil:
		return unbound.sbom(Untrusted).refused(outcome.SBOMUnbound, "the SBOM does not say which image it describes")
	case other != nil:
		r := other.sbom(Untrusted).refused(outcome.SBOMOtherImage, "the SBOM describes another image")
		r.Evidence = bad
		return r
	}
	return missing("SBOM", bad)
}

func (s statement) sbom(result Result) Requirement {
	r := s.requirement(result)
	r.Document = evidence.Digest(s.statement.Predicate)
	return r
}
