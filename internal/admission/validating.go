package admission

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/stepseal/stepseal/internal/outcome"
)

// systemNamespaces are let alone where no namespaces are named: a cluster whose own pods are refused cannot be mended.
func systemNamespaces() []string { return []string{"kube-system", "kube-node-lease", "kube-public"} }

// validatingPolicy says which registries images may come from, and that they are named by digest. It complements the
// other kinds, which let in what they do not know.
// https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
func validatingPolicy(q request) (rendering, error) {
	var fits []string
	for _, g := range q.images {
		if g.host == "*" {
			return rendering{}, outcome.New(outcome.InvalidInput, "an admission policy of Kubernetes that lets images of every registry in says nothing").Hint("name the registries, such as registry.example.com/*")
		}
		fits = append(fits, "image.matches("+celText(g.expression())+")")
	}
	name := q.options.name()
	spec := object(
		at("failurePolicy", text("Fail")),
		at("matchConstraints", object(at("resourceRules", list(podRule())))),
		at("variables", list(object(at("name", text("images")), at("expression", text(podImages))))),
		at("validations", list(
			object(at("expression", text("variables.images.all(image,\n  "+strings.Join(fits, " ||\n  ")+")\n")), at("message", text("an image is of no registry that the policy names"))),
			object(at("expression", text(`variables.images.all(image, image.matches("@sha256:[0-9a-f]{64}$"))`)), at("message", text("an image is not named by its digest (repository@sha256:...)"))),
		)),
	)
	actions := []string{"Deny"}
	if q.options.Audit {
		actions = []string{"Warn", "Audit"}
	}
	binding := object(
		at("policyName", text(name)),
		at("validationActions", texts(actions)),
		at("matchResources", object(at("namespaceSelector", q.where()))),
	)
	const version = "admissionregistration.k8s.io/v1"
	return rendering{[]*yaml.Node{
		header(version, "ValidatingAdmissionPolicy", name, spec),
		header(version, "ValidatingAdmissionPolicyBinding", name, binding),
	}, q.validatingNotes()}, nil
}

// podImages are all images of a pod, of volumes too.
const podImages = `object.spec.containers.map(c, c.image) +
object.spec.?initContainers.orValue([]).map(c, c.image) +
object.spec.?ephemeralContainers.orValue([]).map(c, c.image) +
object.spec.?volumes.orValue([]).filter(v, has(v.image)).map(v, v.image.?reference.orValue(""))
`

func (q request) where() *yaml.Node {
	if len(q.options.Namespaces) > 0 {
		return namespaceSelector("In", q.options.Namespaces)
	}
	return namespaceSelector("NotIn", systemNamespaces())
}

func (q request) validatingNotes() []string {
	var kinds []string
	for _, r := range q.requirements {
		kinds = append(kinds, string(r.Kind))
	}
	notes := []string{
		fmt.Sprintf("Kubernetes reads no registry: nothing is verified (%s). Use it beside a policy of another kind, or where deployments are verified before.", strings.Join(kinds, ", ")),
		"Tags are refused: an engine that puts digests in the place of tags does so before this is looked at.",
	}
	if len(q.options.Namespaces) == 0 {
		notes = append(notes, "Pods in "+strings.Join(systemNamespaces(), ", ")+" are let alone, so that the cluster cannot lock itself out.")
	}
	return notes
}
