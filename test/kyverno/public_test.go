package kyverno

import (
	"testing"

	"github.com/sigstore/sigstore/pkg/tuf"

	"github.com/stepseal/stepseal/internal/admission"
	"github.com/stepseal/stepseal/internal/signing"
	"github.com/stepseal/stepseal/internal/trust"
	"github.com/stepseal/stepseal/internal/tuf/tuftest"
)

// The policies for the public Sigstore name no root: engines have it from the public TUF repository, in whose place a mirror
// stands here that has a private one's.
func TestAPolicyForThePublicSigstoreRestsOnItsRepository(t *testing.T) {
	public, other := newLab(t, rekor...), newLab(t, rekor...)
	repository := mirror(t, public.TrustedRoot())
	cached(t, repository)
	b := newBench(t, signing.Bundle)
	pods, section := b.keylessPods(public, other), public.section(trust.PublicSigstore)
	t.Run("ImageValidatingPolicy", func(t *testing.T) {
		judge(t, mirrored(t, b.renderFrom(admission.KyvernoImageValidating, section, nil), repository), pods)
	})
	t.Run("policy-controller", func(t *testing.T) {
		test(t, b.renderControlled(section, nil), pods)
	})
	t.Run("ClusterPolicy", func(t *testing.T) {
		pods := taken(pods, "of-another-ct-log") // its notes say so
		for i := range pods {
			pods[i].because = "" // of bundles it says of everything that none matches
		}
		judge(t, b.renderFrom(admission.Kyverno, section, nil), pods)
	})
}

// cached lets engines find the mirror where they keep what they have fetched, as after cosign initialize: neither a
// ClusterPolicy nor a ClusterImagePolicy can name one. It works once in a process.
func cached(t *testing.T, mirror *tuftest.Repository) {
	t.Helper()
	t.Setenv(tuf.TufRootEnv, t.TempDir())
	if err := tuf.Initialize(t.Context(), mirror.URL, mirror.Root()); err != nil {
		t.Fatal(err)
	}
}
