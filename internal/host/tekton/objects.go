package tekton

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/stepseal/stepseal/internal/step"
)

// Tekton Chains reads results by the ends of their names. A name that ends in IMAGE_URL with one in IMAGE_DIGEST, or
// ARTIFACT_URI with ARTIFACT_DIGEST, or IMAGES, says "this task built that, sign it and attest that I built it". Nothing
// here built the image, so that it is an input; documents are outputs without isBuildArtifact, by-products.
// https://github.com/tektoncd/chains/blob/v0.26.0/docs/slsa-provenance.md#type-hinting
const (
	inputs  = "_ARTIFACT_INPUTS"
	outputs = "_ARTIFACT_OUTPUTS"
)

// Object is a result with the keys uri and digest.
type Object struct {
	Name  string
	Usage string

	uri, digest string // the outputs that it is made from
}

var objects = []Object{
	{"scanned" + inputs, "the image that the step worked on, for Tekton Chains", "image", "image-digest"},
	{"sbom" + outputs, "the SBOM, for Tekton Chains", "sbom", "sbom-digest"},
	{"scan" + outputs, "scan.json, for Tekton Chains", "scan", "scan-digest"},
	{"verification" + outputs, "verification.json, for Tekton Chains", "verification", "verification-digest"},
}

// Keys are those of every object.
var Keys = []string{"uri", "digest"}

// Objects are the results that a step with these outputs has beside them.
func Objects(names []string) []Object {
	var list []Object
	for _, o := range objects {
		if slices.Contains(names, o.uri) && slices.Contains(names, o.digest) {
			list = append(list, o)
		}
	}
	return list
}

// value is the object in JSON. An object that is an empty text would be of the wrong type, and fail the TaskRun.
func (o Object) value(result step.Result) string {
	uri, digest := result.Output(o.uri), result.Output(o.digest)
	if uri == "" || digest == "" {
		return encodeObject("", "")
	}
	uri = strings.TrimSuffix(uri, "@"+digest)
	if repository := repositoryOf(result.Output("evidence-reference")); repository != "" && o.uri != "image" {
		uri = repository // where it is a blob of its own: Chains reads uri@digest
	}
	return encodeObject(uri, digest)
}

func repositoryOf(reference string) string {
	reference = strings.TrimPrefix(reference, "oci:")
	repository, _, ok := strings.Cut(reference, "@")
	if !ok {
		return ""
	}
	return repository
}

func encodeObject(uri, digest string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(struct { // cannot fail
		URI    string `json:"uri"`
		Digest string `json:"digest"`
	}{uri, digest})
	return strings.TrimSuffix(b.String(), "\n")
}
