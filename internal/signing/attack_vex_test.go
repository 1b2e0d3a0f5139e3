package signing

import (
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/trust"
)

// A statement that excuses a finding counts by whose word it is, and for the image that it is about.
func TestAttack24VEXOfAnybody(t *testing.T) {
	const document = `{"@context":"https://openvex.dev/ns/v0.2.0","statements":[]}`
	b := newForgeBench(t)
	stranger := forgery{claims: jobOf(map[string]any{"job_workflow_ref": "mallory/api/" + workflow + "@" + mainBranch})}
	mayOnly := func(kinds ...trust.Kind) Signer {
		s := releaser(b.sigstore)
		s.MaySign = kinds
		return s
	}
	for name, c := range map[string]struct {
		forgery forgery
		other   bool // about another image
		signer  Signer
		found   int
		says    string
	}{
		"by whom VEX is taken":     {forgery{}, false, mayOnly(trust.VEX), 1, ""},
		"by a stranger":            {stranger, false, mayOnly(trust.VEX), 0, "whom nobody trusts"},
		"by whom scans are taken":  {forgery{}, false, mayOnly(trust.Scan), 0, "whose word on this does not count"},
		"about another image":      {forgery{}, true, mayOnly(trust.VEX), 0, "is about"},
		"without a log entry left": {forgery{alter: stripEntries}, false, mayOnly(trust.VEX), 0, "transparency log"},
	} {
		t.Run(name, func(t *testing.T) {
			b := b.on(t)
			about := b.subject
			if c.other {
				about = b.push("shop", "vex")
			}
			b.plant(c.forgery, b.about(openVEXPredicate, document, about))
			found, doubts, err := AttestedVEX(t.Context(), b.registry, b.subject, Trust{Signers: []Signer{c.signer}}, noon)
			if err != nil || len(found) != c.found || !strings.Contains(strings.Join(doubts, "\n"), c.says) {
				t.Errorf("%d documents, doubts %q, %v", len(found), doubts, err)
			}
			if c.found > 0 && evidence.Digest(found[0].Predicate) != evidence.Digest([]byte(document)) {
				t.Errorf("%s", found[0].Predicate)
			}
		})
	}
}
