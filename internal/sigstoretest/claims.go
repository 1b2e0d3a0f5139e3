package sigstoretest

import (
	"crypto/sha1"
	"encoding/hex"
	"strings"
)

// GitHubIssuer is the iss of the tokens of GitHub Actions.
const GitHubIssuer = "https://token.actions.githubusercontent.com"

// GitHub are the claims of a token of GitHub Actions, for a job that a push started. Repository is OWNER/NAME, workflow a
// path such as .github/workflows/release.yml, and ref a full one such as refs/heads/main. For a job of a reusable workflow,
// change job_workflow_ref and job_workflow_sha.
// https://docs.github.com/en/actions/reference/security/oidc#oidc-token-claims
func GitHub(repository, workflow, ref string) map[string]any {
	owner, _, _ := strings.Cut(repository, "/")
	runs := repository + "/" + workflow + "@" + ref
	commit := commitOf(repository)
	return map[string]any{
		"iss": GitHubIssuer, "sub": "repo:" + repository + ":ref:" + ref, "jti": "6f1b2c3d-0000-4000-8000-000000000000",
		"actor": "octocat", "actor_id": "1", "head_ref": "", "base_ref": "", "event_name": "push",
		"ref": ref, "ref_protected": "true", "ref_type": refType(ref), "sha": commit,
		"repository": repository, "repository_id": "74", "repository_owner": owner, "repository_owner_id": "65", "repository_visibility": "private",
		"run_id": "1000001", "run_number": "10", "run_attempt": "1", "runner_environment": "github-hosted",
		"workflow": "release", "workflow_ref": runs, "workflow_sha": commit, "job_workflow_ref": runs, "job_workflow_sha": commit,
	}
}

// GitLab are the claims of a token of GitLab CI. Project is a path such as group/name, and branch its short name.
// https://docs.gitlab.com/ci/secrets/id_token_authentication/#token-payload
func GitLab(project, branch string) map[string]any {
	commit := commitOf(project)
	return map[string]any{
		"iss": "https://gitlab.com", "sub": "project_path:" + project + ":ref_type:branch:ref:" + branch,
		"project_path": project, "project_id": "22", "project_visibility": "private",
		"namespace_path": project[:max(strings.LastIndex(project, "/"), 0)], "namespace_id": "72",
		"user_login": "sample-user", "user_email": "sample-user@example.com", "pipeline_source": "push", "pipeline_id": "212", "job_id": "1010",
		"ref": branch, "ref_type": "branch", "ref_path": "refs/heads/" + branch, "ref_protected": "true", "sha": commit,
		"runner_id": 1, "runner_environment": "gitlab-hosted",
		"ci_config_ref_uri": "gitlab.com/" + project + "//.gitlab-ci.yml@refs/heads/" + branch, "ci_config_sha": commit,
	}
}

// Kubernetes are the claims of a projected token of a ServiceAccount, but for iss, which is the cluster's.
// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens
func Kubernetes(namespace, serviceAccount string) map[string]any {
	return map[string]any{
		"sub": "system:serviceaccount:" + namespace + ":" + serviceAccount,
		"kubernetes.io": map[string]any{
			"namespace":      namespace,
			"serviceaccount": map[string]any{"name": serviceAccount, "uid": "f5720c1d-e152-4356-a897-11b07aff165d"},
			"pod":            map[string]any{"name": "build-pod", "uid": "49ad3572-b3dd-43a6-8d77-5858d3660275"},
		},
	}
}

// Email are the claims of a token of a person.
func Email(address string) map[string]any {
	return map[string]any{"sub": address, "email": address, "email_verified": true}
}

func refType(ref string) string {
	if strings.HasPrefix(ref, "refs/tags/") {
		return "tag"
	}
	return "branch"
}

// commitOf is some commit, the same on every run.
func commitOf(repository string) string {
	sum := sha1.Sum([]byte(repository))
	return hex.EncodeToString(sum[:])
}
