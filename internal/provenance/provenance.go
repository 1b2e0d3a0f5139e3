// Package provenance says in SLSA's words where an image was built, and reads what anybody says of that.
//
// What it writes is the word of a step in the job that builds: whoever controls the job controls the step, so that it is
// SLSA Build Level 1 at most, and the predicate says so. It finds nothing out by itself and asks nobody. It refuses a build
// without a builder, and addresses that hold a login.
package provenance

import (
	"bytes"
	"encoding/json"
	"time"
)

// PredicateType is what is written. Level is what it can be at most.
// https://slsa.dev/spec/v1.0/provenance https://slsa.dev/spec/v1.0/levels#build-l1
const (
	PredicateType = "https://slsa.dev/provenance/v1"
	Level         = "SLSA_BUILD_LEVEL_1"
)

// Build types that are written: GitHub's for a workflow, and ours for any other job.
const (
	WorkflowBuild = "https://actions.github.io/buildtypes/workflow/v1"
	JobBuild      = "https://github.com/stepseal/stepseal/tree/main/docs/build-type/v1"
)

// Build is what is known of a build.
type Build struct {
	System     string // the CI system: github, gitlab, jenkins, tekton; empty for none
	Builder    string // a URI
	Invocation string // a URI; empty where the run has none
	Repository string // https://HOST/PATH, without .git
	Ref        string
	Commit     string // hex
	Definition string // the path of the workflow, the name of the job or Task
	Event      string
	Started    time.Time
	Details    []Detail
	Version    string // of stepseal
}

// Detail is something that a CI system says besides, by its own name for it.
type Detail struct{ Name, Value string }

// The written form, its keys in the order of the specification.
type (
	predicate struct {
		BuildDefinition definition `json:"buildDefinition"`
		RunDetails      run        `json:"runDetails"`
	}
	definition struct {
		BuildType          string       `json:"buildType"`
		ExternalParameters any          `json:"externalParameters"`
		InternalParameters any          `json:"internalParameters,omitempty"`
		Dependencies       []dependency `json:"resolvedDependencies,omitempty"`
	}
	dependency struct {
		URI    string            `json:"uri"`
		Digest map[string]string `json:"digest"`
	}
	run struct {
		Builder  builder   `json:"builder"`
		Metadata *metadata `json:"metadata,omitempty"`
	}
	builder struct {
		ID      string            `json:"id"`
		Version map[string]string `json:"version,omitempty"`
		// An extension field, as the specification names them.
		// https://slsa.dev/spec/v1.0/provenance#extension-fields
		Level string `json:"stepseal_buildLevelAtMost"`
	}
	metadata struct {
		Invocation string `json:"invocationId,omitempty"`
		Started    string `json:"startedOn,omitempty"`
	}
)

// Write writes the predicate: compact, without HTML escaping, and the same bytes for the same build.
func Write(b Build) ([]byte, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	p := predicate{BuildDefinition: b.job(), RunDetails: run{Builder: builder{ID: b.Builder, Level: Level}}}
	if b.isWorkflow() {
		p.BuildDefinition = b.workflow()
	}
	if b.Version != "" {
		p.RunDetails.Builder.Version = map[string]string{"stepseal": b.Version}
	}
	if m := (metadata{Invocation: b.Invocation, Started: timestamp(b.Started)}); m != (metadata{}) {
		p.RunDetails.Metadata = &m
	}
	return encode(p)
}

func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// source is the commit that the parameters lead to.
func (b Build) source() []dependency {
	if b.Repository == "" || b.Commit == "" {
		return nil
	}
	return []dependency{{sourceURI(b.Repository, b.Ref, b.Commit), map[string]string{"gitCommit": b.Commit}}}
}

// sourceURI is how build types write it: by the ref, and by the commit where no ref is known.
// https://spdx.github.io/spdx-spec/v2.3/package-information/#77-package-download-location-field
func sourceURI(repository, ref, commit string) string {
	if ref == "" {
		ref = commit
	}
	return "git+" + repository + "@" + ref
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
