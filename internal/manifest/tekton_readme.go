package manifest

import (
	"fmt"
	"strings"

	host "github.com/stepseal/stepseal/internal/host/tekton"
	"github.com/stepseal/stepseal/internal/step"
)

// taskReadme is what stands beside a Task.
func taskReadme(spec *step.Spec, pin Pin) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s# %s\n\n%s. [task.yaml](task.yaml) is a Task, [stepaction.yaml](stepaction.yaml) the same as a StepAction for Tasks of your own.\n\n%s\n\n", generated, objectName(spec), spec.Summary, spec.Prose)
	b.WriteString("## Quick start\n\n")
	b.WriteString(ownImage(pin))
	fmt.Fprintf(&b, "```sh\nkubectl apply -f tasks/%s/task.yaml\nkubectl create -f run.yaml\n```\n\nwith this in run.yaml:\n\n```yaml\n%s```\n\n", spec.Name, mustYAML(sampleRun(spec)))
	b.WriteString(clusterRights(spec))
	b.WriteString("## Parameters\n\nAll are texts. Empty means unset; the default is in brackets. Several values are separated by commas. Secrets are no parameters: they come by the workspace `secrets`.\n\n| parameter | meaning |\n| --- | --- |\n")
	for _, p := range params(spec) {
		fmt.Fprintf(&b, "| `%s`%s | %s |\n", p.Name, required(p.Default == nil), cell(p.Description))
	}
	b.WriteString("\n## Workspaces\n\nAll are optional.\n\n| workspace | what it holds |\n| --- | --- |\n")
	for _, w := range workspaces(spec) {
		fmt.Fprintf(&b, "| `%s`%s | %s |\n", w.Name, readOnly(w.ReadOnly), cell(w.Description))
	}
	b.WriteString("\nWithout `source` the documents are in the Pod only, and gone with it. A volume of `source` must be writable for the user 65532: `podTemplate: {securityContext: {fsGroup: 65532}}` in the TaskRun does that.\n\n")
	b.WriteString("## Results\n\nEvery result is written whatever the ending, empty where there is nothing to say, before the step fails: `finally` can read them.\n\n| result | meaning |\n| --- | --- |\n")
	for _, out := range spec.AllOutputs() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", out.Name, cell(sentence(out.Usage)))
	}
	for _, o := range host.Objects(outputNames(spec)) {
		fmt.Fprintf(&b, "| `%s` (object: uri, digest) | %s |\n", o.Name, cell(sentence(o.Usage)))
	}
	b.WriteString("\nTekton takes 4096 bytes of results from a container. Where all do not fit, results are written empty in this order, and the log says so: values that take more than 1 KiB, objects, paths, counts and what else is in scan.json, then the rest; `image-digest`, `reason` and `verdict` last. No result makes Tekton Chains believe that this Task built the image.\n\n")
	b.WriteString(taskEndings())
	b.WriteString(room(spec))
	return []byte(b.String())
}

func required(yes bool) string {
	if yes {
		return " (**required**)"
	}
	return ""
}

func readOnly(yes bool) string {
	if yes {
		return " (read-only)"
	}
	return ""
}

// ownImage says how to come to an image while none is published.
func ownImage(pin Pin) string {
	if pin.Released {
		return ""
	}
	return "No image of stepseal is published yet, and the digest in the definitions is of nothing. Build one, push it where the cluster can pull from, and write the definitions with its reference:\n\n```sh\nmake push IMAGE=registry.example.com/stepseal:dev\nstepseal render --image registry.example.com/stepseal:dev@sha256:... --to rendered\n```\n\n"
}

func clusterRights(spec *step.Spec) string {
	var b strings.Builder
	b.WriteString("## Permissions\n\nThe Task speaks with registries and with nothing of the cluster: its ServiceAccount needs no Role. ")
	if spec.Writes() {
		b.WriteString("Registry logins need the right to pull and push. ")
	} else {
		b.WriteString("Registry logins need the right to pull. ")
	}
	b.WriteString("They come from the workspace `dockerconfig`, or from Secrets that the ServiceAccount links.\n\nThe step meets the restricted Pod Security Standard. The containers that Tekton adds meet it only with `set-security-context: \"true\"` in the ConfigMap feature-flags of the namespace tekton-pipelines, which no Task can set:\n\n```sh\nkubectl patch configmap feature-flags -n tekton-pipelines -p '{\"data\":{\"set-security-context\":\"true\"}}'\n```\n\nOn OpenShift, where the namespace chooses the user, take the definitions in [openshift](../openshift).\n\n")
	return b.String()
}

func taskEndings() string {
	return "## Endings\n\n" + endingRows() + "\nThe result `reason` says why; [reasons.md](../../docs/reasons.md) lists all. Any other code is Tekton's or the kernel's, and never a verdict.\n\n"
}

// room is the arithmetic of the volume for temporary files.
func room(spec *step.Spec) string {
	size := scratchSize(spec)
	if !readsLayers(spec) {
		return fmt.Sprintf("## Room\n\nThe volume `scratch` may take %s, of which this step uses a few MB: it reads documents, and no layers.\n", size.String())
	}
	return fmt.Sprintf("## Room\n\nThe volume `scratch` may take %s. It holds the layers of the image, unpacked, while they are read (zeros take no room), and the advisory database: the archive (0.2 GB) and what it unpacks to (1.5 GB). That leaves about 6 GB for layers: for larger images raise `sizeLimit`. The memory limit of 4 GiB serves images with some 300,000 files; see [limits.md](../../docs/limits.md). A step that runs out of either ends as undecided and says which.\n", size.String())
}

// tasksReadme is the way in.
func tasksReadme(specs []*step.Spec, pin Pin) []byte {
	var b strings.Builder
	b.WriteString(generated + "# stepseal on Tekton\n\n| Task and StepAction | what it does |\n| --- | --- |\n")
	for _, spec := range specs {
		fmt.Fprintf(&b, "| [%s](%s/README.md) | %s. |\n", objectName(spec), spec.Name, spec.Summary)
	}
	b.WriteString(`
| Pipeline | what it does |
| --- | --- |
| [stepseal-build-secure-deploy](pipelines/build-secure-deploy.yaml) | Build, secure, verify before deploying. Stable features only. |
| [stepseal-secure-images](pipelines/secure-images.yaml) | Many images side by side, by a matrix (beta). |

`)
	b.WriteString(ownImage(pin))
	b.WriteString(`[openshift](openshift) has the same definitions without a user: OpenShift's restricted-v2 gives every namespace a range of its own, and refuses any other. They are whole files and no overlay, so that ` + "`oc apply -f`" + ` and the resolvers take them as they are.

[catalog](../catalog) has them in the layout of Artifact Hub. [examples/tekton](../examples/tekton) has runs to copy.

## Values

Parameters reach the program as environment variables, never through a shell. Kubernetes itself replaces ` + "`$(NAME)`" + ` in the value of a variable by another variable of the same container, and ` + "`$$`" + ` by ` + "`$`" + `; no variable of these Tasks holds a secret.
`)
	return []byte(b.String())
}
