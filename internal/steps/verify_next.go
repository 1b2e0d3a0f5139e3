package steps

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/signing"
	"github.com/stepseal/stepseal/internal/step"
	"github.com/stepseal/stepseal/internal/trust"
)

// mending is what the commands need that give an image what it lacks.
type mending struct {
	image     string
	signing   string // how to sign, so that it counts here
	verifiers []string
}

func mendingOf(r *step.Run, image string, demands []trust.Demand) mending {
	m := mending{image: image, signing: "--key KEY"}
	if namesSection(r) {
		m.signing = "--config " + quoted(r.ConfigName())
		if trustStructure.Of(r).SignWith == "" {
			m.signing += " --key KEY"
		}
	}
	for _, d := range demands {
		m.verifiers = append(m.verifiers, d.Verifiers...)
	}
	return m
}

// next is the command that mends it, as it is typed, and what else to know of it; where there is none it is what the table
// of reasons says.
func (m mending) next(r signing.Requirement) []string {
	switch r.Reason {
	case outcome.SignatureMissing, outcome.AttestationMissing:
		return m.missing(trust.Kind(r.Name))
	case outcome.SignatureUntrusted, outcome.AttestationUntrusted:
		return []string{"compare what was found with who is trusted: let one of those sign, or trust this signer too if it is the right one"}
	case outcome.SummaryFailed, outcome.SummaryTooOld:
		return m.verify()
	case outcome.ScanTooOld, outcome.ScanInFuture, outcome.ScanWithoutVerdict:
		return []string{m.scan() + " && " + m.attest("scan")}
	case outcome.ScanRefused:
		return []string{m.scan(), "says which findings refuse it; where they are mended or waived: " + m.attest("scan")}
	case outcome.TooFewSigners:
		return []string{fmt.Sprintf("stepseal sign-attest --evidence stepseal-out %s", m.signing), "as each of the signers that lack, with the evidence of the first; or lower the threshold in the trust section"}
	}
	return []string{r.Reason.Hint()}
}

func (m mending) missing(kind trust.Kind) []string {
	chain := fmt.Sprintf("stepseal secure-image --image %s %s", m.image, m.signing)
	switch kind {
	case trust.VerificationSummary:
		return m.verify()
	case trust.Provenance:
		return []string{chain + " --attest sbom,scan,provenance", "in the job that builds the image"}
	}
	return []string{chain, "where the image is built; if it ran there, its login may not have been allowed to write here"}
}

// verify is for whoever verifies: the section of whom the image is for demands the summary, and cannot be met to make one.
func (m mending) verify() []string {
	id := "URI"
	if len(m.verifiers) > 0 {
		id = m.verifiers[0]
	}
	return []string{fmt.Sprintf("stepseal verify --image %s --config FILE --verifier-id %s --explain", m.image, quoted(id)), "as that verifier, by the trust section that it verifies with, and with --key where that has no sign-with"}
}

func (m mending) scan() string { return "stepseal scan-gate --image " + m.image }

func (m mending) attest(kind string) string {
	return fmt.Sprintf("stepseal sign-attest --evidence stepseal-out %s --attest %s", m.signing, kind)
}

// quoted is the word as a shell takes it.
func quoted(word string) string {
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_./:@%+=,", c)
	}
	if word != "" && !slices.ContainsFunc([]rune(word), func(c rune) bool { return !plain(c) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
