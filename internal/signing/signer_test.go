package signing

import (
	"testing"

	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/sigstoretest"
	"github.com/stepseal/stepseal/internal/trust"
)

// A reusable workflow is the subject whoever calls it, so that the signer is not told by the subject alone.
func TestTheSignerOfAReusableWorkflowIsToldWithItsCaller(t *testing.T) {
	const shared = "acme/workflows/.github/workflows/sign.yml@refs/tags/v1"
	own := "https://github.com/" + repository + "/" + workflow + "@" + mainBranch
	for calls, want := range map[string]string{
		"":     own + " (" + sigstoretest.GitHubIssuer + ")",
		shared: "https://github.com/" + shared + " (" + sigstoretest.GitHubIssuer + "), started by " + own,
	} {
		b := newKeylessBench(t, registrytest.Options{})
		claims, subject := sigstoretest.GitHub(repository, workflow, mainBranch), own
		if calls != "" {
			claims["job_workflow_ref"], subject = calls, "https://github.com/"+calls
		}
		b.mustWrite(b.as(claims, sigstoretest.Rekor), Bundle)
		signer := Signer{Sigstore: b.sigstore, Signer: trust.Signer{Name: "release", Issuer: trust.Exactly(sigstoretest.GitHubIssuer), Subject: trust.Exactly(subject)}}
		v, err := b.check(all, signer)
		if err != nil || v.Signer() != want {
			t.Errorf("%v: the signer is %q, want %q", err, v.Signer(), want)
		}
	}
}
