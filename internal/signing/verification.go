package signing

import (
	"fmt"
	"slices"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
)

// VerificationSchema is the schema of verification.json; VerificationMediaType is its media type.
const (
	VerificationSchema    = "stepseal.verification/v1"
	VerificationMediaType = "application/vnd.stepseal.verification.v1+json"
)

// Result is how one requirement fared. The zero value is none of the three and never counts as a yes.
type Result string

// The results.
const (
	Trusted       Result = "trusted"
	Untrusted     Result = "untrusted"
	CouldNotCheck Result = "could-not-check"
)

// Verification is verification.json: who said what about an image, and by which rule that was judged. The same input
// at the same time gives the same bytes.
type Verification struct {
	Schema       string         `json:"schema"`
	Image        string         `json:"image"` // repository@digest
	Digest       string         `json:"digest"`
	Index        string         `json:"index,omitempty"` // that led to the image; the same digest where it is the index itself
	Verdict      string         `json:"verdict"`
	Reason       outcome.Reason `json:"reason,omitempty"`
	VerifiedAt   string         `json:"verifiedAt"` // RFC 3339, by the verifier's clock
	Rule         Rule           `json:"rule"`
	Requirements []Requirement  `json:"requirements"`
	// Platforms are the images of an index. What is required of the index itself is a signature.
	Platforms []PlatformVerification `json:"platforms,omitempty"`
	Notes     []string               `json:"notes,omitempty"` // about what was passed over
}

// PlatformVerification is what was found about one image of an index.
type PlatformVerification struct {
	Platform     string        `json:"platform"`
	Digest       string        `json:"digest"`
	Requirements []Requirement `json:"requirements"`
	Notes        []string      `json:"notes,omitempty"`
}

// Requirement is one thing that was asked for, and what was found.
type Requirement struct {
	Name          string         `json:"name"` // the kind of evidence, such as signature
	Result        Result         `json:"result"`
	Reason        outcome.Reason `json:"reason,omitempty"` // unless trusted
	Message       string         `json:"message,omitempty"`
	Signer        string         `json:"signer,omitempty"`
	Signers       []string       `json:"signers,omitempty"`   // where more than one is asked for
	Manifests     []string       `json:"manifests,omitempty"` // theirs
	Certificate   *Certificate   `json:"certificate,omitempty"`
	SignedAt      string         `json:"signedAt,omitempty"` // at the latest, by a log or a timestamp authority
	Formats       []Format       `json:"formats,omitempty"`  // where it lies
	Manifest      string         `json:"manifest,omitempty"`
	PredicateType string         `json:"predicateType,omitempty"`
	Document      string         `json:"document,omitempty"` // digest of the SBOM or of scan.json
	Finished      string         `json:"claimedFinished,omitempty"`
	PolicyDigest  string         `json:"policyDigest,omitempty"`
	Builder       string         `json:"builder,omitempty"`          // of provenance
	Source        string         `json:"sourceRepository,omitempty"` // of provenance
	Notes         []string       `json:"notes,omitempty"`
	Evidence      []string       `json:"evidence,omitempty"`
}

// Marshal is the document as it is written.
func (v Verification) Marshal() ([]byte, error) { return evidence.Encode(v) }

// Signer is who signed what was asked for, by the first requirement that is met; empty where none is. A reusable workflow
// signs under its own name, whoever called it: that is said too.
func (v Verification) Signer() string {
	for _, r := range v.all() {
		if r.Result != Trusted {
			continue
		}
		if c := r.Certificate; c != nil && c.CallerWorkflow != "" && c.CallerWorkflow != c.Subject {
			return r.Signer + ", started by " + printable(c.CallerWorkflow)
		}
		return r.Signer
	}
	return ""
}

// placed is a requirement with the platform of the index that it is about.
type placed struct {
	Requirement
	platform string // empty: the image, or the index, itself
}

// all are the requirements of the image or the index, and of its platforms.
func (v Verification) all() []placed {
	var list []placed
	for _, r := range v.Requirements {
		list = append(list, placed{r, ""})
	}
	for _, p := range v.Platforms {
		for _, r := range p.Requirements {
			list = append(list, placed{r, p.Platform})
		}
	}
	return list
}

// conclude gives the verdict: a no that is certain beats what could not be checked.
func (v *Verification) conclude() error {
	all := v.all()
	worst, found := first(all, Untrusted)
	if !found {
		worst, found = first(all, CouldNotCheck)
	}
	if !found {
		v.Verdict = outcome.Accepted.String()
		return nil
	}
	v.Reason = worst.Reason
	v.Verdict = worst.Reason.Ending().String()
	no := outcome.New(worst.Reason, "%s: %s", v.Image, worst.of(worst.Message))
	for _, r := range all {
		no.With(r.line())
		for _, line := range r.Evidence {
			no.With("  " + line)
		}
	}
	return no
}

// All are the requirements of the image or the index, and of its platforms.
func (v Verification) All() []Requirement {
	var list []Requirement
	for _, r := range v.all() {
		list = append(list, r.Requirement)
	}
	return list
}

// Attestations are the manifests of all that the answer rests on, each once: what was found good, and what was said by
// somebody who is trusted and is a no.
func (v Verification) Attestations() []string {
	var list []string
	for _, r := range v.All() {
		for _, manifest := range slices.Concat(r.Manifests, []string{r.Manifest}) {
			if manifest != "" && !slices.Contains(list, manifest) {
				list = append(list, manifest)
			}
		}
	}
	return list
}

func first(all []placed, result Result) (placed, bool) {
	i := slices.IndexFunc(all, func(r placed) bool { return r.Result == result })
	if i < 0 {
		return placed{}, false
	}
	return all[i], true
}

// of puts the platform in front.
func (r placed) of(text string) string {
	if r.platform == "" {
		return text
	}
	return r.platform + ": " + text
}

func (r placed) line() string {
	if r.Result == Trusted {
		return r.of(fmt.Sprintf("%-9s  trusted: %s", r.Name, r.Signer))
	}
	return r.of(fmt.Sprintf("%-9s  %s: %s", r.Name, r.Result, r.Message))
}
