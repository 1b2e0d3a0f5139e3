package signing

import (
	"testing"

	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/sigstoretest"
	"github.com/stepseal/stepseal/internal/trust"
)

// A reusable workflow has the same subject for whoever calls it, from whatever ref. What one caller signed must not keep
// another from signing the same image: the trust may tell them apart.
func TestAnotherCallerOfTheSameWorkflowSignsAnew(t *testing.T) {
	calling := func(from, ref string) map[string]any {
		claims := sigstoretest.GitHub(from, workflow, ref)
		claims["job_workflow_ref"] = "acme/shared/.github/workflows/sign.yml@refs/tags/v1"
		return claims
	}
	b := newKeylessBench(t, registrytest.Options{})
	signer := Signer{Sigstore: b.sigstore, Signer: trust.Signer{Name: "release", Issuer: trust.Exactly(sigstoretest.GitHubIssuer),
		Subject: trust.Exactly("https://github.com/acme/shared/.github/workflows/sign.yml@refs/tags/v1")}}
	for _, c := range []struct {
		claims map[string]any
		demand func(*Signer)
	}{
		{calling(repository, "refs/heads/feature"), func(*Signer) {}},
		{calling(repository, mainBranch), func(s *Signer) { s.SourceRef = trust.Exactly(mainBranch) }},
		{calling("acme/web", mainBranch), func(s *Signer) { s.SourceRepository = trust.Exactly("https://github.com/acme/web") }},
	} {
		author := b.as(c.claims, sigstoretest.Rekor)
		for _, first := range []bool{true, false} {
			written, err := AttestAll(t.Context(), b.registry, b.subject, author, b.everything(), Both, noon)
			if err != nil {
				t.Fatal(err)
			}
			for i, w := range written {
				if w.Added != first {
					t.Errorf("statement %d by %s of %s: added is %v", i, author.Identity().SourceRepository, author.Identity().SourceRef, w.Added)
				}
			}
		}
		demanding := signer
		c.demand(&demanding)
		b.ends("", all, demanding)
	}
}
