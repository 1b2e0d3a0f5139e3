package trust

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/stepseal/stepseal/internal/strictyaml"
)

func (r *reader) readEvidence(node *yaml.Node) {
	before := r.Found()
	for key, value := range r.Pairs(node, "evidence") {
		kind, err := kind(key.Value)
		switch {
		case err != nil:
			r.Wrong(key, "evidence: %v", err)
		case kind == VEX:
			r.Wrong(key, "evidence: vex is not demanded: it excuses findings, and an image without it lacks nothing; name it in may-sign")
		default:
			r.demand(kind, value)
		}
	}
	if len(r.section.Evidence) == 0 && r.Found() == before {
		r.Wrong(node, "evidence is empty, and would be met by any image; demand at least a signature: {}")
	}
	slices.SortFunc(r.section.Evidence, func(a, b Demand) int { return inOrder(a.Kind, b.Kind) })
}

func (r *reader) demand(kind Kind, node *yaml.Node) {
	what := "evidence " + string(kind)
	if strictyaml.Null(node) {
		r.Wrong(node, "%s is not a mapping; {} demands it without anything further", what)
		return
	}
	d := Demand{Kind: kind, Threshold: 1}
	fields := strictyaml.Fields{
		"signers":   strictyaml.List(&d.Signers, maxList, parseName),
		"threshold": strictyaml.Typed("!!int", "a number", strictyaml.Parsed(&d.Threshold, threshold)),
	}
	switch kind {
	case SBOM:
		fields["binding"] = truth(&d.Binding)
	case Scan:
		fields["max-age"] = word(&d.MaxAge, age)
		fields["policies"] = strictyaml.List(&d.Policies, maxList, digest)
	case Provenance:
		fields["builders"] = strictyaml.List(&d.Builders, maxList, identifier)
	case VerificationSummary:
		fields["max-age"] = word(&d.MaxAge, age)
		fields["policies"] = strictyaml.List(&d.Policies, maxList, digest)
		fields["verifiers"] = strictyaml.List(&d.Verifiers, maxList, identifier)
	}
	before := r.Found()
	r.Fields(node, what, fields)
	if kind == VerificationSummary && len(d.Verifiers) == 0 && r.Found() == before {
		// https://slsa.dev/spec/v1.1/verification_summary#how-to-verify
		r.Wrong(node, "%s has no verifiers; whoever goes by a summary says whose", what)
	}
	if r.Found() == before {
		r.section.Evidence = append(r.section.Evidence, d)
		r.places[what] = node
	}
}

// checkEvidence looks at every demand with its signers. How many they are is not known while they have mistakes.
func (r *reader) checkEvidence() {
	countable := r.Found() == 0
	for _, d := range r.section.Evidence {
		at := r.places["evidence "+string(d.Kind)]
		if r.checkNames(at, d) && countable {
			r.checkCount(at, d)
		}
	}
}

func (r *reader) checkNames(at *yaml.Node, d Demand) bool {
	before := r.Found()
	for _, name := range d.Signers {
		i := slices.IndexFunc(r.section.Signers, func(s Signer) bool { return s.Name == name })
		switch {
		case i < 0 && !slices.Contains(r.signers, name):
			r.Wrong(at, "evidence %s: there is no signer %s%s", d.Kind, name, among(r.signers))
		case i >= 0 && !r.section.Signers[i].May(d.Kind):
			r.Wrong(at, "evidence %s: signer %s may not sign it, but %s", d.Kind, name, listed(r.section.Signers[i].MaySign))
		}
	}
	return r.Found() == before
}

func (r *reader) checkCount(at *yaml.Node, d Demand) {
	principals := r.section.Principals(r.section.Of(d))
	switch {
	case principals == 0:
		r.Wrong(at, "evidence %s: no signer may sign it", d.Kind)
	case d.Threshold > principals:
		r.Wrong(at, "evidence %s: threshold %d cannot be reached: %s may sign it%s", d.Kind, d.Threshold, people(principals), shared(principals, r.section.Of(d)))
	}
}

func people(n int) string {
	if n == 1 {
		return "1 signer"
	}
	return fmt.Sprintf("%d signers", n)
}

func shared(principals int, signers []Signer) string {
	if len(signers) == principals {
		return ""
	}
	return fmt.Sprintf(", for %d of the names are the same key or identity as another", len(signers)-principals)
}
