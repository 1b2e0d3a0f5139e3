package steps

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/provenance"
	"github.com/stepseal/stepseal/internal/step"
)

// What can be attested beside the signature.
const (
	attestSBOM            = "sbom"
	attestSPDX            = "sbom-spdx"
	attestScan            = "scan"
	attestVulnerabilities = "scan-vulns"
	attestProvenance      = "provenance"
	attestVEX             = "vex"
)

var attestable = []string{attestSBOM, attestSPDX, attestScan, attestVulnerabilities, attestProvenance, attestVEX}

// The predicate types of SPDX that are asked for.
const (
	spdxUnversioned = "unversioned"
	spdxVersioned   = "versioned"
	spdxBoth        = "both"
)

// The inputs that say what is attested. What an SBOM may have by default is what Kyverno still reads, inline.
var (
	attestInput = step.Parsed(step.Declaration{Name: "attest", Placeholder: "LIST", Section: "sign", Repeats: true,
		Usage: "what to attest: sbom, sbom-spdx, scan, scan-vulns (the scan as in-toto's vulns), provenance, vex (what --reports openvex wrote); unset, sbom and scan, and provenance where the CI system says that it builds, and what"}, parseAttest)
	spdxTypeInput = step.Text(step.Declaration{Name: "spdx-predicate-type", Placeholder: "TYPE", Section: "sign", Default: spdxUnversioned, Choices: []string{spdxUnversioned, spdxVersioned, spdxBoth},
		Usage: "the predicate type of an SPDX SBOM: unversioned (https://spdx.dev/Document, for cosign and Kyverno), versioned (https://spdx.dev/Document/v2.3, for GitHub's tools) or both"})
	referenceAboveInput = step.Bytes(step.Declaration{Name: "attest-by-reference-above", Section: "sign", Default: "7MiB",
		Usage: "how large an SBOM may be to stand in its attestation; a larger one becomes an artefact beside the image, and its digest is attested"})
	builderInput = step.Parsed(step.Declaration{Name: "builder-id", Placeholder: "URI", Section: "sign",
		Usage: "who builds, for provenance; unset, what the CI system says"}, parseBuilder)
	sourceRepositoryInput = step.Parsed(step.Declaration{Name: "source-repository", Placeholder: "URL",
		Usage: "the repository that the image is built from, for provenance; unset, what the CI system says"}, provenance.ParseRepository)
	sourceCommitInput = step.Parsed(step.Declaration{Name: "source-commit", Placeholder: "COMMIT",
		Usage: "the commit that the image is built from, for provenance; unset, what the CI system says"}, parseCommit)

	attestingIn = []step.Input{attestInput, spdxTypeInput, referenceAboveInput, builderInput, sourceRepositoryInput, sourceCommitInput}
)

// attesting is what a run attests, decided before anything is contacted.
type attesting struct {
	kinds      []string
	asked      bool   // somebody named them, and what is missing then is missed
	provenance []byte // the predicate
}

func (a attesting) has(kind string) bool { return slices.Contains(a.kinds, kind) }

func parseAttest(text string) ([]string, error) {
	var kinds []string
	for kind := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == '\n' }) {
		kind = strings.TrimSpace(kind)
		if !slices.Contains(attestable, kind) {
			return nil, fmt.Errorf("%.40q is not one of %s", kind, strings.Join(attestable, ", "))
		}
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds, nil
}

func parseBuilder(text string) (string, error) { return text, provenance.CheckURI(text) }

func parseCommit(text string) (string, error) {
	if !provenance.IsCommit(text) {
		return "", fmt.Errorf("%.80q is not the full name of a git commit: 40 or 64 lower-case hex digits", text)
	}
	return text, nil
}

// chooseAttestations decides what to attest. Without being asked, provenance is written by a run that builds, and where
// somebody says of which source the image is, or, without a CI system, who builds.
func (c *chain) chooseAttestations() error {
	build, err := buildOf(c.Run)
	if err != nil {
		return err
	}
	a := attesting{kinds: attestInput.Of(c.Run), asked: c.Given(attestInput)}
	if !a.asked {
		a.kinds = []string{attestSBOM, attestScan}
		byHand := sourceCommitInput.Of(c.Run) != "" || c.Build.Builder == "" && builderInput.Of(c.Run) != ""
		if build.Builder != "" && (c.Build.Builds || byHand) {
			a.kinds = append(a.kinds, attestProvenance)
		}
	}
	if a.has(attestProvenance) {
		if a.provenance, err = provenance.Write(build); err != nil {
			return outcome.New(outcome.InvalidInput, "provenance of this build").Because(err).
				Hint("name the builder with --builder-id, and the source with --source-repository and --source-commit, or leave provenance out of --attest")
		}
	}
	c.attesting = a
	return nil
}

// buildOf is what the CI system says of the build, and what was said instead.
func buildOf(r *step.Run) (provenance.Build, error) {
	of := r.Build
	b := provenance.Build{System: of.System, Builder: of.Builder, Invocation: of.Invocation, Repository: of.Repository, Ref: of.Ref, Commit: of.Commit,
		Definition: of.Definition, Event: of.Event, Started: of.Started, Version: r.Version}
	for _, detail := range of.Details {
		b.Details = append(b.Details, provenance.Detail{Name: detail.Name, Value: detail.Value})
	}
	if id := builderInput.Of(r); id != "" {
		b.Builder = id
	}
	repository, commit := sourceRepositoryInput.Of(r), sourceCommitInput.Of(r)
	switch {
	case repository == "" && commit == "":
		return b, nil
	case repository == "" && b.Repository == "":
		return b, outcome.New(outcome.InvalidInput, "--source-commit without --source-repository").Hint("name the repository that the commit is of")
	case b.Builder == "":
		return b, outcome.New(outcome.InvalidInput, "a source is named for provenance, and nobody says who builds").Hint("name the builder with --builder-id")
	}
	return b.Of(repository, commit), nil
}
