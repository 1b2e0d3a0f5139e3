package evidence

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/stepseal/stepseal/internal/strictjson"
)

// SummaryPredicate is the type of a verification summary, and slsaVersion whose words it is written in.
// https://slsa.dev/spec/v1.1/verification_summary
const (
	SummaryPredicate = "https://slsa.dev/verification_summary/v1"
	slsaVersion      = "1.1"
)

// Limits on a verification summary.
const (
	maxSummaryBytes  = 4 << 20
	maxSummaryInputs = 10_000
	maxSummaryLevels = 64
)

// VerificationSummary says that somebody verified an image, so that others need not: whom they trust is the pair of its
// signer and Verifier.
type VerificationSummary struct {
	Verifier string    // a URI
	Time     time.Time // a claim of the verifier's clock
	Resource string    // the URI of what was verified, which keeps a summary for one place from being used for another
	Policy   Evidence  // that it was verified against
	Inputs   []Evidence
	Passed   bool
	// Levels are what was found, such as SLSA_BUILD_LEVEL_1: at most one of a track. None where it did not pass.
	Levels []string
}

// Evidence is something by its digest (sha256:<hex>) and where it is.
type Evidence struct{ URI, Digest string }

// ImageURI is the resource of an image: where it is fetched from, by digest.
func ImageURI(repository, digest string) string { return "oci://" + repository + "@" + digest }

type (
	writtenSummary struct {
		Verifier struct {
			ID string `json:"id"`
		} `json:"verifier"`
		Time     string            `json:"timeVerified"`
		Resource string            `json:"resourceUri"`
		Policy   writtenEvidence   `json:"policy"`
		Inputs   []writtenEvidence `json:"inputAttestations,omitempty"`
		Result   string            `json:"verificationResult"`
		Levels   []string          `json:"verifiedLevels"`
		SLSA     string            `json:"slsaVersion"`
	}
	writtenEvidence struct {
		URI    string            `json:"uri,omitempty"`
		Digest map[string]string `json:"digest,omitempty"`
	}
)

const (
	passed = "PASSED"
	failed = "FAILED"
)

// Predicate writes the summary. It is an error where the specification demands more than there is.
func (s VerificationSummary) Predicate() ([]byte, error) {
	if !s.Passed && len(s.Levels) == 0 {
		s.Levels = []string{failed}
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	w := writtenSummary{Time: s.Time.UTC().Format(time.RFC3339), Resource: s.Resource, Policy: s.Policy.written(), Result: failed, Levels: s.Levels, SLSA: slsaVersion}
	w.Verifier.ID = s.Verifier
	if s.Passed {
		w.Result = passed
	}
	for _, input := range s.Inputs {
		w.Inputs = append(w.Inputs, input.written())
	}
	return Encode(w)
}

func (e Evidence) written() writtenEvidence {
	w := writtenEvidence{URI: e.URI}
	if e.Digest != "" {
		w.Digest = map[string]string{"sha256": strings.TrimPrefix(e.Digest, "sha256:")}
	}
	return w
}

// check holds what is written and what is read to the same rules.
func (s VerificationSummary) check() error {
	switch {
	case !isURI(s.Verifier):
		return fmt.Errorf("the verifier %.120q is not a URI", s.Verifier)
	case s.Time.IsZero():
		return errors.New("it does not say when")
	case !isURI(s.Resource):
		return fmt.Errorf("the resource %.120q is not a URI", s.Resource)
	case !isURI(s.Policy.URI):
		return fmt.Errorf("the policy %.120q is not a URI", s.Policy.URI)
	case s.Policy.Digest != "" && !IsDigest(s.Policy.Digest):
		return fmt.Errorf("the policy's digest %.80q is none", s.Policy.Digest)
	case len(s.Inputs) > maxSummaryInputs || len(s.Levels) > maxSummaryLevels:
		return errors.New("it lists more than anybody verifies")
	}
	for _, input := range s.Inputs {
		if !IsDigest(input.Digest) {
			return fmt.Errorf("an attestation's digest %.80q is none", input.Digest)
		}
	}
	return s.checkLevels()
}

func (s VerificationSummary) checkLevels() error {
	if len(s.Levels) == 0 {
		return errors.New("it names no level")
	}
	if s.Passed == slices.Contains(s.Levels, failed) {
		return errors.New("its result and its levels contradict each other")
	}
	tracks := map[string]bool{}
	for _, text := range s.Levels {
		track, _, ok := slsaLevel(text)
		switch {
		case !ok && (text == "" || strings.HasPrefix(text, slsaPrefix)):
			return fmt.Errorf("%.80q is no level", text)
		case ok && tracks[track]:
			return fmt.Errorf("two levels of the track %s", track)
		}
		tracks[track] = ok
	}
	return nil
}

// slsaPrefix is how names begin that nobody but SLSA gives.
const slsaPrefix = "SLSA_"

// slsaLevel reads SLSA_BUILD_LEVEL_3; other names may stand for levels of somebody's own.
func slsaLevel(text string) (track string, level int, ok bool) {
	rest, ours := strings.CutPrefix(text, slsaPrefix)
	track, digit, found := strings.Cut(rest, "_LEVEL_")
	if !ours || !found || track == "" || len(digit) != 1 || digit < "0" || digit > "9" {
		return "", 0, false
	}
	return track, int(digit[0] - '0'), true
}

// BuildLevel is the level of SLSA's build track, 0 where there is none.
func (s VerificationSummary) BuildLevel() int {
	for _, text := range s.Levels {
		if track, level, _ := slsaLevel(text); track == "BUILD" {
			return level
		}
	}
	return 0
}

func isURI(text string) bool {
	at, err := url.Parse(text)
	return err == nil && at.Scheme != "" && (at.Host != "" || at.Opaque != "")
}

// ParseVerificationSummary reads a predicate, of anybody's making. It refuses what could be read in two ways, what lacks
// something that the specification demands, and what contradicts itself.
func ParseVerificationSummary(predicate []byte) (VerificationSummary, error) {
	s, err := parseSummary(predicate)
	if err == nil {
		err = s.check()
	}
	if err != nil {
		return VerificationSummary{}, fmt.Errorf("verification summary: %w", err)
	}
	return s, nil
}

func parseSummary(predicate []byte) (s VerificationSummary, err error) {
	t, err := strictjson.ParseTree(predicate, strictjson.Bounds{Bytes: maxSummaryBytes, Depth: 16, FoldKeys: true})
	if err != nil {
		return s, err
	}
	s = VerificationSummary{Verifier: t.At("verifier", "id").Text(), Resource: t.At("resourceUri").Text(), Passed: t.At("verificationResult").Text() == passed}
	if result := t.At("verificationResult").Text(); !s.Passed && result != failed {
		return s, fmt.Errorf("the result %.40q is neither %s nor %s", result, passed, failed)
	}
	if s.Time, err = time.Parse(time.RFC3339, t.At("timeVerified").Text()); err != nil {
		return s, fmt.Errorf("%.60q is no time", t.At("timeVerified").Text())
	}
	if s.Policy, err = parseEvidence(t.At("policy")); err != nil {
		return s, fmt.Errorf("policy: %w", err)
	}
	if inputs := t.At("inputAttestations"); inputs.IsSet() && !inputs.IsArray() {
		return s, errors.New("inputAttestations is no list")
	}
	for _, input := range t.At("inputAttestations").Elements() {
		e, err := parseEvidence(input)
		if err != nil {
			return s, fmt.Errorf("inputAttestations: %w", err)
		}
		s.Inputs = append(s.Inputs, e)
	}
	for _, level := range t.At("verifiedLevels").Elements() {
		s.Levels = append(s.Levels, level.Text())
	}
	return s, nil
}

// parseEvidence reads a resource descriptor. Other digests than SHA-256 may stand beside it and say nothing here.
func parseEvidence(t strictjson.Tree) (Evidence, error) {
	e := Evidence{URI: t.At("uri").Text()}
	if hexed := t.At("digest", "sha256"); hexed.IsSet() {
		e.Digest = "sha256:" + hexed.Text()
		if !IsDigest(e.Digest) {
			return Evidence{}, fmt.Errorf("%.80q is not a SHA-256", hexed.Text())
		}
	}
	return e, nil
}
