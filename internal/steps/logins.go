package steps

import (
	"cmp"
	"strings"

	"github.com/stepseal/stepseal/internal/credentials"
	"github.com/stepseal/stepseal/internal/step"
)

// tektonCredentials is where Tekton puts the logins that a ServiceAccount links.
// https://github.com/tektoncd/pipeline/blob/main/docs/auth.md
const tektonCredentials = "/tekton/creds"

// logins is the keychain of a run. It reads files and asks helpers when a registry is to be spoken to.
func logins(r *step.Run) *credentials.Keychain {
	return credentials.New(credentials.Sources{
		Given:  credentials.Login{Username: registryUsernameInput.Of(r), Password: string(registryPasswordInput.Of(r).Reveal())},
		Host:   registryHost(r),
		Getenv: r.Getenv,
		Folder: r.Getenv("STEPSEAL_DOCKER_CONFIG"),
		Tekton: tektonCredentials,
		Job:    jobLogin(r),
	})
}

// jobLogin is the token of a GitHub job, which any user name goes with.
func jobLogin(r *step.Run) credentials.Login {
	token := string(githubTokenInput.Of(r).Reveal())
	if token == "" {
		return credentials.Login{}
	}
	return credentials.Login{Username: cmp.Or(r.Getenv("GITHUB_ACTOR"), "github-actions"), Password: token}
}

// registryHost is the registry of --image; empty where it names none. An image that is known from evidence alone is not
// meant: a document must not say where a password is sent.
func registryHost(r *step.Run) string {
	ref := imageInput.Of(r)
	if !ref.InRegistry() {
		return ""
	}
	host, _, _ := strings.Cut(ref.Repository(), "/")
	return host
}
