package admission

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/trust"
)

// Predicate types that others define.
const (
	provenancePredicate = "https://slsa.dev/provenance/v1"           // https://slsa.dev/spec/v1.1/provenance
	summaryPredicate    = "https://slsa.dev/verification_summary/v1" // https://slsa.dev/spec/v1.1/verification_summary
)

// maxClockSkew is how far in the future a time may lie, as for verify.
const maxClockSkew = 5 * time.Minute

// condition is about one member of the predicate, and says one thing of it.
type condition struct {
	path    []string      // names of members, each an identifier
	oneOf   []string      // it is one of these texts
	subject bool          // it is the digest (sha256:<hex>) of the statement's first subject
	within  time.Duration // it is a time, and not longer ago
}

func (c condition) String() string { return strings.Join(c.path, ".") }

func is(text, path string) condition { return among([]string{text}, path) }
func among(texts []string, path string) condition {
	return condition{path: strings.Split(path, "."), oneOf: texts}
}
func isSubject(path string) condition {
	return condition{path: strings.Split(path, "."), subject: true}
}
func within(age time.Duration, path string) condition {
	return condition{path: strings.Split(path, "."), within: age}
}

var digestText = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// conditionsOf is the predicate type that a kind of evidence is written as, and what must stand in it.
func conditionsOf(d trust.Demand) (predicateType string, all []condition, err error) {
	if err := checkDemand(d); err != nil {
		return "", nil, err
	}
	switch d.Kind {
	case trust.Signature:
		return evidence.SignaturePredicate, nil, nil
	case trust.SBOM:
		return evidence.SBOMPredicate, sbomConditions(d), nil
	case trust.Scan:
		return evidence.ScanPredicate, scanConditions(d), nil
	case trust.Provenance:
		return provenancePredicate, given(d.Builders, "runDetails.builder.id"), nil
	case trust.VerificationSummary:
		return summaryPredicate, summaryConditions(d), nil
	}
	return "", nil, fmt.Errorf("%.40q is not a kind of evidence that can be demanded", string(d.Kind))
}

func checkDemand(d trust.Demand) error {
	for _, list := range [][]string{d.Policies, d.Builders, d.Verifiers} {
		if len(list) > maxAccepted {
			return fmt.Errorf("%d accepted values, more than the %d allowed", len(list), maxAccepted)
		}
		for _, text := range list {
			if text == "" {
				return errors.New("an accepted value is empty, which what is not there would be") // see celCondition
			}
			if err := plain(text); err != nil {
				return err
			}
		}
	}
	for _, p := range d.Policies {
		if !digestText.MatchString(p) {
			return fmt.Errorf("%.80q is no digest of a policy", p)
		}
	}
	if d.MaxAge < 0 || d.MaxAge != d.MaxAge.Truncate(time.Second) {
		return fmt.Errorf("%s is no age in whole seconds", d.MaxAge)
	}
	return nil
}

// sbomConditions: an SBOM of stepseal's says by its root component's version which image it describes.
func sbomConditions(d trust.Demand) []condition {
	all := []condition{is("CycloneDX", "bomFormat")}
	if d.Binding {
		all = append(all, isSubject("metadata.component.version"))
	}
	return all
}

func scanConditions(d trust.Demand) []condition {
	all := []condition{
		is(evidence.ScanSchema, "scanner.result.schema"),
		is(outcome.Accepted.String(), "scanner.result.verdict"),
		isSubject("scanner.result.subject.digest"),
	}
	all = append(all, given(d.Policies, "scanner.result.policyDigest")...)
	return append(all, aged(d.MaxAge, "metadata.scanFinishedOn")...)
}

// summaryConditions: a policy's digest stands without its algorithm there.
func summaryConditions(d trust.Demand) []condition {
	all := append([]condition{is("PASSED", "verificationResult")}, given(d.Verifiers, "verifier.id")...)
	var digests []string
	for _, p := range d.Policies {
		digests = append(digests, strings.TrimPrefix(p, "sha256:"))
	}
	all = append(all, given(digests, "policy.digest.sha256")...)
	return append(all, aged(d.MaxAge, "timeVerified")...)
}

func given(texts []string, path string) []condition {
	if len(texts) == 0 {
		return nil
	}
	return []condition{among(texts, path)}
}

func aged(age time.Duration, path string) []condition {
	if age == 0 {
		return nil
	}
	return []condition{within(age, path)}
}
