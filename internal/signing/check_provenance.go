package signing

import (
	"slices"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/provenance"
)

// isBuiltBy compares the builder that provenance names.
// https://slsa.dev/spec/v1.1/verifying-artifacts
// Attack 13.
func isBuiltBy(p provenance.Provenance, accepted []string) error {
	if len(accepted) > 0 && !slices.Contains(accepted, p.Builder) {
		return outcome.New(outcome.BuilderNotAccepted, "the builder %.200q is none of those that are accepted", p.Builder)
	}
	return nil
}

// isForSource refuses provenance of another repository than its certificate is for.
// Attack 13.
func (p proof) isForSource(repository string) error {
	if c := p.certificate; c != nil && c.SourceRepository != "" && repository != "" && c.SourceRepository != repository {
		return outcome.New(outcome.AttestationUntrusted, "it says that the source is %.200q, and its certificate is for a job of %.200q", repository, c.SourceRepository)
	}
	return nil
}
