package issuer

import "strings"

// GitHub is what a workflow's token says that was pushed to main. The workflow is as in
// acme/shop/.github/workflows/release.yml; calls is the reusable workflow that the job comes from, with its ref, and is
// empty where the job is the workflow's own.
// https://docs.github.com/en/actions/reference/security/oidc#oidc-token-claims
func GitHub(workflow, calls string) Claims {
	const ref, commit = "refs/heads/main", "6f1c9d6c2a3d0f4b5e8a7b9c0d1e2f3a4b5c6d7e"
	parts := strings.SplitN(workflow, "/", 3)
	repository := parts[0] + "/" + parts[1]
	job, jobCommit := workflow+"@"+ref, commit
	if calls != "" {
		job, jobCommit = calls, "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"
	}
	return Claims{
		"sub":                   "repo:" + repository + ":ref:" + ref,
		"repository":            repository,
		"repository_id":         "74",
		"repository_owner":      parts[0],
		"repository_owner_id":   "65",
		"repository_visibility": "private",
		"ref":                   ref,
		"ref_type":              "branch",
		"sha":                   commit,
		"event_name":            "push",
		"actor":                 "octocat",
		"actor_id":              "12",
		"workflow":              "release",
		"workflow_ref":          workflow + "@" + ref,
		"workflow_sha":          commit,
		"job_workflow_ref":      job,
		"job_workflow_sha":      jobCommit,
		"run_id":                "1234567",
		"run_number":            "10",
		"run_attempt":           "2",
		"runner_environment":    "github-hosted",
	}
}

// GitLab is what a pipeline's token says for the main branch of a project, as in acme/shop.
// https://docs.gitlab.com/ci/secrets/id_token_authentication/#token-payload
func GitLab(project string) Claims {
	namespace, _, _ := strings.Cut(project, "/")
	const commit = "714a629c0b401fdce83e847fc9589983fc6f46bc"
	return Claims{
		"sub":                "project_path:" + project + ":ref_type:branch:ref:main",
		"namespace_id":       "72",
		"namespace_path":     namespace,
		"project_id":         "20",
		"project_path":       project,
		"project_visibility": "private",
		"user_login":         "sample-user",
		"pipeline_id":        "574",
		"pipeline_source":    "push",
		"job_id":             "302",
		"ref":                "main",
		"ref_type":           "branch",
		"sha":                commit,
		"ci_config_ref_uri":  "gitlab.com/" + project + "//.gitlab-ci.yml@refs/heads/main",
		"ci_config_sha":      commit,
		"runner_id":          1,
		"runner_environment": "self-hosted",
	}
}

// Kubernetes is what a token says that a kubelet projects into the Pod of a service account.
// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens
func Kubernetes(namespace, account string) Claims {
	return Claims{
		"sub": "system:serviceaccount:" + namespace + ":" + account,
		"kubernetes.io": Claims{
			"namespace":      namespace,
			"pod":            Claims{"name": account + "-pod", "uid": "49ad3572-b3dd-43a6-8d77-5858d3660275"},
			"serviceaccount": Claims{"name": account, "uid": "f5720c1d-e152-4356-a897-11b07aff165d"},
		},
	}
}

// Mail is what a token says of somebody who logged in and has shown that the address is theirs.
func Mail(address string) Claims {
	return Claims{"sub": "user-of-" + address, "email": address, "email_verified": true}
}

// SPIFFE is what a SPIRE server's token says of a workload.
func SPIFFE(id string) Claims { return Claims{"sub": id} }
