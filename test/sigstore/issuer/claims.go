package issuer

import "strings"

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
