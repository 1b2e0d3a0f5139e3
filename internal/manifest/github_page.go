package manifest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stepseal/stepseal/internal/step"
)

// commitPlaceholder stands where a workflow has the commit of the release: the commit that holds the page cannot name
// itself.
const commitPlaceholder = "0000000000000000000000000000000000000000"

// actionPage is an action's README.
func actionPage(spec *step.Spec, pin Pin) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s# %s on GitHub Actions\n\n%s.\n\n%s\n", generated, spec.Name, spec.Summary, spec.Prose)
	b.WriteString(quickStart(spec, pin))
	b.WriteString(permissionsTable(spec))
	b.WriteString("\n## Inputs\n\nNone has a default in the metadata that a config file could set; empty means unset.\n\n| input | meaning | required |\n| --- | --- | --- |\n")
	for _, in := range actionInputs(spec) {
		required := ""
		if in.value.Required {
			required = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", in.name, cell(in.value.Description), required)
	}
	b.WriteString("\n## Outputs\n\nWritten before the step ends, however it ends; what was not reached is empty. A later step of the job reads them as `steps.ID.outputs.NAME`.\n\n| output | meaning |\n| --- | --- |\n")
	for _, out := range actionOutputs(spec) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", out.name, cell(out.value.Description))
	}
	b.WriteString(actionEndings())
	return []byte(b.String())
}

func quickStart(spec *step.Spec, pin Pin) string {
	var b strings.Builder
	b.WriteString("\n## Quick start\n\n")
	if !pin.Released {
		b.WriteString("There is no release yet, and the image that the action names cannot be pulled. Build and push one of your own, and write the definitions that run it:\n\n" +
			"```sh\nmake push IMAGE=ghcr.io/OWNER/stepseal:dev\nstepseal render --image ghcr.io/OWNER/stepseal:dev@sha256:... --to .github/stepseal\n```\n\n" +
			"Then `uses: ./.github/stepseal/...` in place of the line below. With a release:\n\n")
	}
	fmt.Fprintf(&b, "```yaml\npermissions: {}\n\njobs:\n  %s:\n    runs-on: ubuntu-latest\n    permissions:\n", strings.ReplaceAll(spec.Name, "-", "_"))
	for _, p := range permissions(spec) {
		fmt.Fprintf(&b, "      %s\n", p.line)
	}
	fmt.Fprintf(&b, "    steps:\n      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1\n        with:\n          persist-credentials: false\n      - id: %s\n        uses: %s@%s # %s\n        with:\n", idOf(spec), repositoryPath(spec), commitPlaceholder, pin.Tag)
	for _, line := range sampleInputs(spec) {
		fmt.Fprintf(&b, "          %s\n", line)
	}
	b.WriteString("```\n\nReplace the zeros by the commit of the release. The action is a container step, so the runner must be Linux; the image is pinned by digest in the metadata.\n")
	return b.String()
}

func idOf(spec *step.Spec) string {
	words := strings.Split(spec.Name, "-")
	return words[len(words)-1]
}

func repositoryPath(spec *step.Spec) string {
	return strings.TrimSuffix("stepseal/stepseal/"+actionFolder(spec), "/")
}

// sampleInputs are the required inputs and what goes with them, or else the image.
func sampleInputs(spec *step.Spec) []string {
	samples := []struct{ name, value string }{
		{"image", "ghcr.io/OWNER/APP@sha256:..."},
		{"key", "${{ secrets.COSIGN_PRIVATE_KEY }}"},
		{"key-password", "${{ secrets.COSIGN_PASSWORD }}"},
		{"public-key", "cosign.pub"},
	}
	declared := onGitHub(spec)
	var lines []string
	for _, s := range samples {
		at := slices.IndexFunc(declared, func(d step.Declaration) bool { return d.Name == s.name })
		if at >= 0 && (declared[at].Required || s.name == "image" || s.name == "key-password") {
			lines = append(lines, s.name+": "+s.value)
		}
	}
	if slices.ContainsFunc(declared, func(d step.Declaration) bool { return d.Name == "evidence" }) && spec.Writes() {
		lines[0] = "evidence: stepseal-out # what scan-gate wrote"
	}
	return lines
}

type permission struct{ line, reason string }

// permissions are what the job's token needs, for a step that does all it can.
func permissions(spec *step.Spec) []permission {
	list := []permission{{"contents: read", "check the repository out; read the config file as it was before a pull request"}}
	switch {
	case spec.Has(step.Push):
		list = append(list, permission{"packages: write", "read the image from ghcr.io, and write signatures beside it; not needed for other registries"})
	case spec.Has(step.Pull):
		list = append(list, permission{"packages: read", "read the image from ghcr.io; not needed for other registries and for public images"})
	}
	return list
}

// keylessPermission is not among what the quick start asks for, which signs with a key: whatever runs in a job that has it
// can sign as the workflow.
var keylessPermission = permission{"id-token: write", "sign without a key, as the workflow; not needed, and better not given, where a key signs"}

func permissionsTable(spec *step.Spec) string {
	var b strings.Builder
	b.WriteString("\n## Permissions\n\n| permission | what for |\n| --- | --- |\n")
	list := permissions(spec)
	if spec.Has(step.Identity) {
		list = append(list, keylessPermission)
	}
	for _, p := range list {
		fmt.Fprintf(&b, "| `%s` | %s |\n", p.line, p.reason)
	}
	if spec.Writes() {
		b.WriteString("\nA pull request from a fork, or by Dependabot, has no secrets and may not write: nothing is signed then. On `pull_request_target`, where such a change has both, the step refuses to start.\n")
	}
	return b.String()
}

func actionEndings() string {
	return "\n## Endings\n\nEvery ending but accepted fails the step; `continue-on-error: true` and the output `verdict` let a workflow go on. The reasons are in [docs/reasons.md](https://github.com/stepseal/stepseal/blob/main/docs/reasons.md).\n\n" + endingRows()
}
