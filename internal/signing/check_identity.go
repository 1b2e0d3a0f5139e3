package signing

import (
	"errors"
	"slices"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/trust"
)

// The files check_*.go hold the checks of verification, each one function. Its comment ends with the numbers of the attacks
// that docs/threat-model.md tells of and that it stops: test/mutants has each of them say yes in turn, and demands that
// exactly the tests of those attacks fail.

// issuedAs compares who issued the identity token. Only an authority that asks for no token may go without.
// https://github.com/sigstore/fulcio/blob/v1.8.7/docs/oid-info.md#1361415726418--issuer-v2
// Attacks 12, 13.
func (c Certificate) issuedAs(s Signer) bool {
	return s.Issuer.Fits(c.Issuer) || !s.Issuer.Given() && s.Sigstore.namesNoIssuer()
}

// subjectOf compares the alternative name: which workflow, on which ref.
// https://github.com/sigstore/fulcio/blob/v1.8.7/docs/oidc.md
// Attacks 9, 12, 13, 24.
func (c Certificate) subjectOf(s Signer) bool { return s.Subject.Fits(c.Subject) }

// calledBy compares the workflow that the run began with, where a reusable workflow signs.
// https://github.com/sigstore/fulcio/blob/v1.8.7/docs/oid-info.md#13614157264118--build-config-uri
// Attack 13.
func (c Certificate) calledBy(s Signer) bool {
	return !s.CallerWorkflow.Given() || s.CallerWorkflow.Fits(c.CallerWorkflow)
}

// sourcedIn compares the repository that the run is of, where anybody's may call the workflow that signs.
// https://github.com/sigstore/fulcio/blob/v1.8.7/docs/oid-info.md#13614157264112--source-repository-uri
// Attack 13.
func (c Certificate) sourcedIn(s Signer) bool {
	return !s.SourceRepository.Given() || s.SourceRepository.Fits(c.SourceRepository)
}

// sourcedAt compares the branch or tag that the run is of.
// https://github.com/sigstore/fulcio/blob/v1.8.7/docs/oid-info.md#13614157264114--source-repository-ref
// Attack 13.
func (c Certificate) sourcedAt(s Signer) bool {
	return !s.SourceRef.Given() || s.SourceRef.Fits(c.SourceRef)
}

// namesAnybody refuses a trust of nobody, which would otherwise be one that nothing fails.
// Attack 14.
func (t Trust) namesAnybody() error {
	if len(t.Signers) == 0 {
		return outcome.New(outcome.InvalidInput, "there is nobody to trust").Hint("name the public key that must have signed")
	}
	return nil
}

// isKnownBySomething refuses a signer who could be anybody.
// Attack 14.
func (s Signer) isKnownBySomething() error {
	switch {
	case s.Sigstore == nil && s.Key.key == nil:
		return outcome.New(outcome.InvalidInput, "one of the keys to trust is empty")
	case s.Sigstore != nil && !(s.Subject.Given() && (s.Issuer.Given() || s.Sigstore.namesNoIssuer())):
		return outcome.New(outcome.InvalidInput, "the signer %q names no identity, so that anybody would do", s.Name)
	}
	return nil
}

// maySign says whether the signer's word on the kind of evidence counts.
// Attacks 13, 24.
func (s Signer) maySign(kind trust.Kind) bool {
	return len(s.MaySign) == 0 || slices.Contains(s.MaySign, kind)
}

// isAmong says whether a demand asks for this signer, or for none by name.
// Attack 13.
func (s Signer) isAmong(names []string) bool {
	return len(names) == 0 || slices.Contains(names, s.Name)
}

// areEnough says whether as many signed as are demanded.
// Attack 13.
func areEnough(n int, d trust.Demand) bool { return n >= d.Threshold }

// isNewVoice has each who signed count once, however much he signed.
// Attack 13.
func isNewVoice(who string, among []string) bool { return !slices.Contains(among, who) }

// isFree has each signer of the trust stand for one who signed.
// Attack 13.
func isFree(s *Signer, taken map[*Signer]string) bool { return taken[s] == "" }

// takes refuses what lies under cosign's tags where only bundles are trusted. The trust decides, and never what is there.
// Attack 22.
func (t Trust) takes(store Format) error {
	if t.BundlesOnly && store == Legacy {
		return errors.New("it lies under cosign's tags, and only bundles are trusted (signature-format: bundle)")
	}
	return nil
}
