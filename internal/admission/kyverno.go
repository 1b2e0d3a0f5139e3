package admission

import (
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/stepseal/stepseal/internal/trust"
)

const clusterPolicyEngine = "Kyverno's ClusterPolicy"

// The two ways in which a ClusterPolicy reads what is stored.
const (
	cosignType = "Cosign"         // .sig and .att tags alone
	bundleType = "SigstoreBundle" // bundles that refer to the image alone
)

// clusterPolicy has one rule for each requirement, all of which must hold.
// https://kyverno.io/docs/policy-types/cluster-policy/verify-images/
func clusterPolicy(q request) (rendering, error) {
	reads := cosignType
	if q.format == bundle {
		reads = bundleType
	}
	var rules []*yaml.Node
	for _, r := range q.requirements {
		rule, err := q.clusterRule(r, reads)
		if err != nil {
			return rendering{}, err
		}
		rules = append(rules, rule)
	}
	spec := object(
		at("background", flag(false)).said("Signatures are looked at when a pod is admitted. An engine that cannot tell refuses."),
		at("webhookConfiguration", object(at("failurePolicy", text("Fail")), at("timeoutSeconds", number(30)))),
		at("rules", list(rules...)),
	)
	newest, err := q.newestNotes()
	return rendering{[]*yaml.Node{header("kyverno.io/v1", "ClusterPolicy", q.options.name(), spec)}, append(q.clusterNotes(reads), newest...)}, err
}

func (q request) clusterRule(r requirement, reads string) (*yaml.Node, error) {
	entries := list()
	for _, s := range r.signers {
		entry, err := q.clusterEntry(s, reads)
		if err != nil {
			return nil, err
		}
		entries.Content = append(entries.Content, entry)
	}
	attestors := list(object(at("count", number(r.Threshold)), at("entries", entries)))
	check := at("attestors", attestors).said(r.told())
	// With bundles, attestors alone would take any statement for a signature, one that says a scan was refused too.
	if r.Kind != trust.Signature || reads == bundleType {
		conditions, err := jmespathConditions(r.conditions)
		if err != nil {
			return nil, err
		}
		check = at("attestations", list(object(
			at("name", text(identifier(r.Kind))),
			at("type", text(r.predicateType)),
			at("attestors", attestors),
			at("conditions", conditions),
		))).said(r.told())
	}
	action := "Enforce"
	if q.options.Audit {
		action = "Audit"
	}
	pods := object(at("kinds", texts([]string{"Pod"})), at("namespaces", textsIf(q.options.Namespaces)))
	return object(
		at("name", text(string(r.Kind))),
		at("match", object(at("any", list(object(at("resources", pods)))))),
		at("verifyImages", list(object(
			at("imageReferences", texts(patterns(q.images))),
			at("type", text(reads)),
			at("failureAction", text(action)),
			at("required", flag(true)),
			at("mutateDigest", flag(!q.options.Audit)),
			at("verifyDigest", flag(true)),
			check,
		))),
	), nil
}

// identifier is a name that JMESPath takes without quotes.
func identifier(kind trust.Kind) string { return strings.ReplaceAll(string(kind), "-", "_") }

func textsIf(all []string) *yaml.Node {
	if len(all) == 0 {
		return nil
	}
	return texts(all)
}

// jmespathConditions see the predicate alone, and not the statement around it.
func jmespathConditions(all []condition) (*yaml.Node, error) {
	n := list()
	for _, c := range all {
		switch {
		case c.subject:
		case c.within > 0:
			since := fmt.Sprintf("{{ time_since('', %s, '') }}", c)
			n.Content = append(n.Content, comparison(since, "LessThanOrEquals", text(hours(c.within))), comparison(since, "GreaterThanOrEquals", text(minutes(-maxClockSkew))))
		default:
			for _, t := range c.oneOf {
				if err := unsubstituted(t, true); err != nil {
					return nil, err
				}
			}
			n.Content = append(n.Content, oneOf(fmt.Sprintf("{{ %s }}", c), c.oneOf))
		}
	}
	if len(n.Content) == 0 {
		return nil, nil
	}
	return list(object(at("all", n))), nil
}

// hours and minutes are durations as people write them.
func hours(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return d.String()
}

func minutes(d time.Duration) string { return fmt.Sprintf("%dm", d/time.Minute) }

func comparison(key, operator string, value *yaml.Node) *yaml.Node {
	return object(at("key", text(key)), at("operator", text(operator)), at("value", value))
}

func oneOf(key string, values []string) *yaml.Node {
	if len(values) == 1 {
		return comparison(key, "Equals", text(values[0]))
	}
	return comparison(key, "AnyIn", texts(values))
}

// unsubstituted refuses what Kyverno would put something else in the place of, and where it is compared, what it takes
// for a wildcard.
// https://github.com/kyverno/kyverno/blob/v1.19.1/pkg/engine/variables/regex/vars.go
func unsubstituted(value string, compared bool) error {
	if strings.Contains(value, "{{") || strings.Contains(value, "$(") || compared && strings.ContainsAny(value, "*?") {
		return inexpressible(clusterPolicyEngine, "the text %.80q, in which it sees a variable or a wildcard", value)
	}
	return nil
}

func (q request) clusterNotes(reads string) []string {
	notes := []string{"ClusterPolicy is deprecated since Kyverno 1.17: kyverno-image-validating is its successor, and reads bundles."}
	if reads == cosignType {
		notes = append(notes, "Type Cosign reads .sig and .att tags alone: sign with signature-format both or legacy.")
	} else {
		notes = append(notes, "Type SigstoreBundle reads bundles alone: sign with signature-format both or bundle. It reads 50 referrers of 10 MB each, refuses all of them when one is damaged, and looks at no certificate transparency log.")
	}
	for _, r := range q.requirements {
		notes = append(notes, r.clusterNotes(reads)...)
	}
	return append(notes, commonNotes()...)
}

func (r requirement) clusterNotes(reads string) (notes []string) {
	for _, c := range r.conditions {
		if c.subject {
			notes = append(notes, fmt.Sprintf("%s of the %s is not compared with the digest of the image: conditions see the predicate alone. The signed statement must name the digest, as always.", c, r.word()))
		}
		if c.within > 0 {
			notes = append(notes, fmt.Sprintf("Every %s must be younger than %s, older ones beside a newer one too: an image is refused once its oldest stored one is older.", r.word(), hours(c.within)))
		}
	}
	if len(r.conditions) > 0 && r.Kind == trust.Scan {
		notes = append(notes, "Every scan by a signer must be accepted, and not the newest alone: after a refused one, no new scan lets the image in again.")
	}
	if reads == cosignType && r.Kind != trust.Signature && len(r.signers) > 1 && r.signers[0].authority.Source.Keyless() {
		notes = append(notes, fmt.Sprintf("Type Cosign refuses the %s when two signers of one Sigstore have attested it: each entry must fit all of them.", r.word()))
	}
	return notes
}
