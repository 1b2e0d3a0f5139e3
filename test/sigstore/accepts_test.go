package sigstore

import (
	"testing"

	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/test/sigstore/issuer"
	"github.com/stepseal/stepseal/test/sigstore/shop"
	"github.com/stepseal/stepseal/test/sigstore/stack"
)

// The workflow that signs, and the issuer and subject of its certificates.
const workflow = "acme/shop/.github/workflows/release.yml"

func release() trust {
	return trust{
		sigstore: running.Trust(),
		issuer:   running.Issuer.URL(stack.GitHub),
		subject:  "https://github.com/" + workflow + "@refs/heads/main",
	}
}

// released is an image that the workflow has secured.
func (u user) released(by tool, ref string, how way) ended {
	u.t.Helper()
	return by.secures(u, ref, how, u.file("token", token(u.t, stack.GitHub, issuer.GitHub(workflow, ""))))
}

// token is a token of the issuer of that name.
func token(t *testing.T, name string, claims issuer.Claims) string {
	t.Helper()
	text, err := running.Issuer.Token(name, claims)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// pushed is the reference, by digest, of a small image that nobody has signed, in a registry of its own.
func pushed(t *testing.T, referrers registrytest.Referrers) string {
	t.Helper()
	_, ref := shop.Push(t, referrers)
	return ref
}

var registries = map[string]registrytest.Referrers{
	"a registry with referrers":    registrytest.ReferrersOn,
	"a registry without referrers": registrytest.ReferrersOff,
}

func TestEveryToolAcceptsWhatEveryToolSigns(t *testing.T) {
	for signing, signer := range tools {
		for _, how := range ways {
			for where, referrers := range registries {
				t.Run(signing+" signs with "+how.String()+" in "+where, func(t *testing.T) {
					ref := pushed(t, referrers)
					newUser(t).released(signer, ref, how).accepted(t)
					for verifying, verifier := range tools {
						t.Run(verifying, func(t *testing.T) {
							ended := verifier.verifies(newUser(t), ref, how, release())
							if grounds, ok := apart[pair{signing, verifying, how}]; ok {
								ended.refused(t, grounds)
								return
							}
							ended.accepted(t)
						})
					}
				})
			}
		}
	}
}

// An identity is what a token of an issuer says, and the subject that Fulcio makes of it.
type identity struct {
	name, issuer string
	claims       issuer.Claims
	subject      string
}

func identities() []identity {
	return []identity{
		{
			"a workflow", stack.GitHub, issuer.GitHub(workflow, ""),
			"https://github.com/acme/shop/.github/workflows/release.yml@refs/heads/main",
		}, {
			"a job of a reusable workflow is the reusable workflow", stack.GitHub,
			issuer.GitHub(workflow, "acme/pipelines/.github/workflows/build.yml@refs/tags/v3"),
			"https://github.com/acme/pipelines/.github/workflows/build.yml@refs/tags/v3",
		}, {
			"a pipeline", stack.GitLab, issuer.GitLab("acme/shop"),
			"https://gitlab.com/acme/shop//.gitlab-ci.yml@refs/heads/main",
		}, {
			"a service account", stack.Kubernetes, issuer.Kubernetes("builds", "tekton"),
			"https://kubernetes.io/namespaces/builds/serviceaccounts/tekton",
		}, {
			"a person", stack.Mail, issuer.Mail("release@example.com"),
			"release@example.com",
		}, {
			"a workload", stack.SPIFFE, issuer.SPIFFE("spiffe://" + stack.TrustDomain + "/builder"),
			"spiffe://example.com/builder",
		},
	}
}

// What Fulcio makes of each issuer's tokens is the subject that a verifier names.
func TestEveryIssuersSubjects(t *testing.T) {
	for _, one := range identities() {
		for signing, signer := range tools {
			t.Run(one.name+" signs with "+signing, func(t *testing.T) {
				u, ref, how := newUser(t), pushed(t, registrytest.ReferrersOn), way{stack.WithTimestamps, "bundle"}
				signer.secures(u, ref, how, u.file("token", token(t, one.issuer, one.claims))).accepted(t)
				for verifying, verifier := range tools {
					t.Run(verifying, func(t *testing.T) {
						verifier.verifies(newUser(t), ref, how, trust{sigstore: running.Trust(), issuer: running.Issuer.URL(one.issuer), subject: one.subject}).accepted(t)
					})
				}
			})
		}
	}
}
