package admission

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// regoPolicy is evaluated on each statement. It is written in version 0 of Rego, which policy-controller sets.
// https://docs.sigstore.dev/policy-controller/overview/#configuring-policy-that-validates-attestations
func regoPolicy(all []condition) *yaml.Node {
	if len(all) == 0 {
		return nil
	}
	var b strings.Builder
	b.WriteString("package sigstore\n\ndefault isCompliant = false\n\nisCompliant {\n")
	for _, c := range all {
		for _, line := range regoCondition(c) {
			b.WriteString("  " + line + "\n")
		}
	}
	b.WriteString("}\n")
	return object(at("type", text("rego")), at("data", text(b.String())))
}

// regoCondition: what is not there is undefined, and whatever looks at it does not hold.
func regoCondition(c condition) []string {
	value := "input.predicate." + c.String()
	switch {
	case c.subject:
		return []string{value + ` == concat(":", ["sha256", input.subject[0].digest.sha256])`}
	case c.within > 0:
		return []string{
			fmt.Sprintf("time.now_ns() - time.parse_rfc3339_ns(%s) <= %d", value, c.within.Nanoseconds()),
			fmt.Sprintf("time.now_ns() - time.parse_rfc3339_ns(%s) >= %d", value, -maxClockSkew.Nanoseconds()),
		}
	case len(c.oneOf) == 1:
		return []string{value + " == " + regoText(c.oneOf[0])}
	}
	quoted := make([]string, len(c.oneOf))
	for i, t := range c.oneOf {
		quoted[i] = regoText(t)
	}
	return []string{fmt.Sprintf("{%s}[%s]", strings.Join(quoted, ", "), value)}
}
