package manifest

import (
	"strings"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// minimumPipelines is the oldest Tekton Pipelines with all that is used: StepActions with results are on by default.
const minimumPipelines = "1.0.0"

const repository = "https://github.com/stepseal/stepseal"

// metadata is what Artifact Hub and Tekton's tools read.
// https://artifacthub.io/docs/topics/repositories/tekton-tasks/
// https://github.com/tektoncd/community/blob/main/teps/0003-tekton-catalog-organization.md
func metadata(name string, pin Pin) meta.ObjectMeta {
	return meta.ObjectMeta{
		Name:   name,
		Labels: map[string]string{"app.kubernetes.io/version": version(pin)},
		Annotations: map[string]string{
			"tekton.dev/pipelines.minVersion": minimumPipelines,
			"tekton.dev/displayName":          strings.ReplaceAll(name, "-", " "),
			"tekton.dev/categories":           "Security",
			"tekton.dev/tags":                 "security, sbom, vulnerability, signing, supply-chain",
			"tekton.dev/platforms":            "linux/amd64,linux/arm64",
			"artifacthub.io/category":         "security",
			"artifacthub.io/license":          "Apache-2.0",
			"artifacthub.io/provider":         "stepseal",
			"artifacthub.io/links":            "- name: source\n  url: " + repository + "\n",
		},
	}
}

func version(pin Pin) string { return strings.TrimPrefix(pin.Tag, "v") }

// line is the version as the catalogue's folders have it: a Task changes with the minor one.
func line(pin Pin) string {
	parts := strings.SplitN(version(pin), ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}
