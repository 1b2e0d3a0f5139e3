package identity

import "github.com/stepseal/stepseal/internal/outcome"

// What to add, in YAML as it can be pasted.
const (
	permission = "id-token: write"
	idTokens   = "id_tokens: {SIGSTORE_ID_TOKEN: {aud: sigstore}}"
	projection = "volumes: [{name: sigstore, projected: {sources: [{serviceAccountToken: {audience: sigstore, expirationSeconds: 600, path: oidc-token}}]}}]"
	mount      = "volumeMounts: [{name: sigstore, mountPath: /var/run/sigstore/cosign, readOnly: true}]"
)

// missing says what this host lacks, with the line to add.
func missing(getenv func(string) string) error {
	e := outcome.New(outcome.IdentityTokenMissing, "there is no identity token to sign with")
	switch host(getenv) {
	case "github":
		e.Hint("add `%s` under the `permissions:` of the job, beside what stands there", permission)
		e.Hint("a pull request from a fork never gets one, whatever its workflow says: sign after the change is merged")
	case "gitlab":
		e.Hint("let the job have one: %s", idTokens)
	case "tekton":
		e.Hint("give the Task the token of its ServiceAccount: %s", projection)
		e.Hint("and the step: %s", mount)
	default:
		e.Hint("set STEPSEAL_IDENTITY_TOKEN to one, or name its file with --identity-token-file")
	}
	return e.Hint("or sign with a key: --key")
}

// host is where a token could come from. Variables are what the systems themselves set, and STEPSEAL_HOST where it says.
func host(getenv func(string) string) string {
	if named := getenv("STEPSEAL_HOST"); named != "" {
		return named
	}
	// https://kubernetes.io/docs/concepts/containers/container-environment/#cluster-information
	for _, of := range []struct{ variable, host string }{{"GITHUB_ACTIONS", "github"}, {"GITLAB_CI", "gitlab"}, {"KUBERNETES_SERVICE_HOST", "tekton"}} {
		if getenv(of.variable) != "" {
			return of.host
		}
	}
	return ""
}
