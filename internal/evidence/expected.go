package evidence

import (
	"fmt"
	"slices"
)

// Expected is what a verification summary must say to count. The zero value of a member demands nothing, but for
// Resource and Verifiers: a summary is good for one resource, and by somebody who is named.
// https://slsa.dev/spec/v1.1/verifying-artifacts#how-to-verify-vsas
type Expected struct {
	Resource   string
	Verifiers  []string // ids, exactly
	Policies   []string // digests (sha256:<hex>)
	BuildLevel int      // the least
}

// Unmet says why the summary is not what is expected, in one sentence; it is empty where it is.
func (e Expected) Unmet(s VerificationSummary) string {
	switch {
	case e.Resource == "" || s.Resource != e.Resource:
		return fmt.Sprintf("it is about %.200q, not %q", s.Resource, e.Resource)
	case !slices.Contains(e.Verifiers, s.Verifier):
		return fmt.Sprintf("the verifier %.200q is none that is expected", s.Verifier)
	case !s.Passed:
		return "it says FAILED"
	case len(e.Policies) > 0 && !slices.Contains(e.Policies, s.Policy.Digest):
		return fmt.Sprintf("its policy has the digest %.80q, which is none that is expected", s.Policy.Digest)
	case s.BuildLevel() < e.BuildLevel:
		return fmt.Sprintf("it says SLSA build level %d, and %d is the least", s.BuildLevel(), e.BuildLevel)
	}
	return ""
}
