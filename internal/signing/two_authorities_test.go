package signing

import (
	"testing"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/sigstoretest"
	"github.com/stepseal/stepseal/internal/trust"
)

// While a trusted root is replaced, two authorities know the same certificate authority, and the one that is asked first
// must not keep the word of the other's signer from counting.
func TestTwoAuthoritiesVouchForOneIdentity(t *testing.T) {
	b := newKeylessBench(t, registrytest.Options{})
	b.mustWrite(b.release(sigstoretest.Rekor), Both)
	old, replaced := releaser(b.root(Without{})), releaser(b.root(Without{}))
	old.Name, old.MaySign = "old", []trust.Kind{trust.Signature}
	replaced.Name, replaced.MaySign = "new", []trust.Kind{trust.SBOM, trust.Scan}
	b.ends("", all, old, replaced)
	b.ends("", all, replaced, old)
	b.ends(outcome.SignatureUntrusted, all, replaced)
	b.ends(outcome.AttestationUntrusted, require(trust.SBOM), old)
	// It is one identity all the same, and counts for one of two.
	two := Requirements{Demands: []trust.Demand{{Kind: trust.Signature, Threshold: 2}}}
	old.MaySign, replaced.MaySign = nil, nil
	b.ends(outcome.TooFewSigners, two, old, replaced)
}
