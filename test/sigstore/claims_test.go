package sigstore

import (
	"testing"

	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/test/sigstore/issuer"
	"github.com/stepseal/stepseal/test/sigstore/stack"
)

// What else a certificate says of the signer, the trust section may demand too, exactly or by a pattern.
func TestStepsealComparesEveryClaim(t *testing.T) {
	const (
		shop     = "https://github.com/acme/shop"
		reusable = "https://github.com/acme/pipelines/.github/workflows/build.yml@refs/tags/v3"
	)
	for _, one := range []struct {
		name, issuer string
		claims       issuer.Claims
		accepted     []signer
		refused      map[string]signer // by what stepseal says
	}{
		{
			name: "a workflow's own job", issuer: stack.GitHub, claims: issuer.GitHub(workflow, ""),
			accepted: []signer{
				{{"subject", "https://github.com/" + workflow + "@refs/heads/main"}, {"caller-workflow", "https://github.com/" + workflow + "@refs/heads/main"}, {"source-repository", shop}, {"source-ref", "refs/heads/main"}},
				{{"subject-pattern", `^https://github\.com/acme/[^/@]+/\.github/workflows/release\.yml@refs/heads/main$`}, {"source-repository-pattern", `^https://github\.com/acme/(?:shop|web)$`}},
			},
			refused: map[string]signer{
				`source-repository is ".*/acme/shop" and not ".*/acme/web"`: {{"subject", "https://github.com/" + workflow + "@refs/heads/main"}, {"source-repository", "https://github.com/acme/web"}},
				`source-ref is "refs/heads/main" and not`:                   {{"subject", "https://github.com/" + workflow + "@refs/heads/main"}, {"source-ref-pattern", "^refs/tags/v[0-9.]+$"}},
				`subject is ".*@refs/heads/main" and not`:                   {{"subject-pattern", `^https://github\.com/acme/shop/\.github/workflows/release\.yml@refs/tags/v[0-9]+$`}},
			},
		}, {
			name: "a job of a reusable workflow", issuer: stack.GitHub, claims: issuer.GitHub(workflow, "acme/pipelines/.github/workflows/build.yml@refs/tags/v3"),
			accepted: []signer{
				{{"subject", reusable}, {"caller-workflow", "https://github.com/" + workflow + "@refs/heads/main"}, {"source-repository", shop}, {"source-ref", "refs/heads/main"}},
				{{"subject", reusable}, {"source-repository-pattern", `^https://github\.com/acme/[^/]+$`}},
			},
			refused: map[string]signer{
				`subject is ".*/pipelines/.*" and not ".*/release.yml@`:         {{"subject", "https://github.com/" + workflow + "@refs/heads/main"}},
				`caller-workflow is ".*/release.yml@.*" and not ".*/other.yml@`: {{"subject", reusable}, {"caller-workflow", shop + "/.github/workflows/other.yml@refs/heads/main"}},
				`source-repository is ".*/acme/shop" and not ".*/acme/api"`:     {{"subject", reusable}, {"source-repository", "https://github.com/acme/api"}},
			},
		}, {
			name: "a pipeline", issuer: stack.GitLab, claims: issuer.GitLab("acme/shop"),
			accepted: []signer{
				{{"subject", "https://gitlab.com/acme/shop//.gitlab-ci.yml@refs/heads/main"}, {"source-repository", "https://gitlab.com/acme/shop"}, {"source-ref", "refs/heads/main"}},
			},
			refused: map[string]signer{
				`source-repository is "https://gitlab.com/acme/shop" and not`: {{"subject", "https://gitlab.com/acme/shop//.gitlab-ci.yml@refs/heads/main"}, {"source-repository", "https://gitlab.com/acme/web"}},
				`source-ref is "refs/heads/main" and not`:                     {{"subject", "https://gitlab.com/acme/shop//.gitlab-ci.yml@refs/heads/main"}, {"source-ref", "refs/heads/other"}},
			},
		}, {
			name: "a service account", issuer: stack.Kubernetes, claims: issuer.Kubernetes("builds", "tekton"),
			accepted: []signer{{{"subject-pattern", `^https://kubernetes\.io/namespaces/builds/serviceaccounts/[a-z-]+$`}}},
			refused: map[string]signer{
				`subject is ".*/builds/.*" and not ".*/other/`: {{"subject", "https://kubernetes.io/namespaces/other/serviceaccounts/tekton"}},
				`source-repository is "" and not`:              {{"subject", "https://kubernetes.io/namespaces/builds/serviceaccounts/tekton"}, {"source-repository", shop}},
			},
		}, {
			name: "a person", issuer: stack.Mail, claims: issuer.Mail("release@example.com"),
			accepted: []signer{{{"subject-pattern", `^[a-z.]+@example\.com$`}}},
			refused:  map[string]signer{`subject is "release@example.com" and not`: {{"subject", "release@example.org"}}},
		}, {
			name: "a workload", issuer: stack.SPIFFE, claims: issuer.SPIFFE("spiffe://" + stack.TrustDomain + "/builder"),
			accepted: []signer{{{"subject-pattern", `^spiffe://example\.com/[a-z]+$`}}},
			refused:  map[string]signer{`subject is "spiffe://example.com/builder" and not`: {{"subject", "spiffe://example.com/other"}}},
		},
	} {
		t.Run(one.name, func(t *testing.T) {
			u, ref, how := newUser(t), pushed(t, registrytest.ReferrersOn), way{stack.WithRekorV2, "bundle"}
			stepseal{}.secures(u, ref, how, u.file("token", token(t, one.issuer, one.claims))).accepted(t)
			asks := func(of signer) ended {
				named := section{sigstore: running.Trust(), how: how, evidence: everything, signers: []signer{append(signer{{"issuer", running.Issuer.URL(one.issuer)}}, of...)}}
				return stepseal{}.run(u, nil, "verify", "--image", ref, "--config", named.file(u, "verify.yaml"))
			}
			for _, of := range one.accepted {
				asks(of).accepted(t)
			}
			for grounds, of := range one.refused {
				asks(of).refused(t, `\[signature-untrusted\](?s:.*)`+grounds)
			}
		})
	}
}
