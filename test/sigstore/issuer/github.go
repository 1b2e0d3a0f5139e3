package issuer

import (
	"crypto/rand"
	"net/http"
	"strings"
)

// Run is a job of a workflow that runs on GitHub, as far as its token tells of it.
type Run struct {
	Workflow    string // that was started, as in acme/shop/.github/workflows/release.yml
	Ref         string // that it was started on, as in refs/heads/main
	Commit      string
	Calls       string // the reusable workflow that the job comes from, with its ref; empty where the job is the workflow's own
	Environment string // that the job names; empty for none
}

// GitHub is what the token of a workflow says that was started by a push to main, and may call a reusable one.
func GitHub(workflow, calls string) Claims {
	return Run{Workflow: workflow, Ref: "refs/heads/main", Commit: "6f1c9d6c2a3d0f4b5e8a7b9c0d1e2f3a4b5c6d7e", Calls: calls}.Claims()
}

// Repository is the one that the workflow was started in.
func (r Run) Repository() string {
	parts := strings.SplitN(r.Workflow, "/", 3)
	return parts[0] + "/" + parts[1]
}

// Claims are those of the job's token.
// https://docs.github.com/en/actions/reference/security/oidc#oidc-token-claims
func (r Run) Claims() Claims {
	owner, _, _ := strings.Cut(r.Workflow, "/")
	kind, subject := "branch", "ref:"+r.Ref
	if strings.HasPrefix(r.Ref, "refs/tags/") {
		kind = "tag"
	}
	claims := Claims{
		"repository":            r.Repository(),
		"repository_id":         "74",
		"repository_owner":      owner,
		"repository_owner_id":   "65",
		"repository_visibility": "private",
		"ref":                   r.Ref,
		"ref_type":              kind,
		"ref_protected":         "false",
		"head_ref":              "",
		"base_ref":              "",
		"sha":                   r.Commit,
		"event_name":            "push",
		"actor":                 "octocat",
		"actor_id":              "12",
		"workflow":              "release",
		"workflow_ref":          r.Workflow + "@" + r.Ref,
		"workflow_sha":          r.Commit,
		"job_workflow_ref":      r.Workflow + "@" + r.Ref,
		"job_workflow_sha":      r.Commit,
		"run_id":                "1234567",
		"run_number":            "10",
		"run_attempt":           "2",
		"runner_environment":    "github-hosted",
		"check_run_id":          "7654321",
		"jti":                   "0d6f2c1e-7a7f-4c1c-9f3c-2f9f0f3f1c55",
	}
	if r.Calls != "" {
		claims["job_workflow_ref"], claims["job_workflow_sha"] = r.Calls, "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"
	}
	if r.Environment != "" {
		subject = "environment:" + r.Environment
		claims["environment"] = r.Environment
	}
	claims["sub"] = "repo:" + r.Repository() + ":" + subject
	return claims
}

// Let lets the jobs of a run ask the issuer of that name for tokens. The address and the secret are those that GitHub's runner
// hands over as ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN to a job with `id-token: write`, and to no other.
func (i *Issuer) Let(name string, run Run) (address, secret string) {
	secret = rand.Text()
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if i.runs == nil {
		i.runs = map[string]Run{}
	}
	i.runs[secret] = run
	return i.URL(name) + "/idtoken?api-version=2.0", secret
}

// tell answers GET NAME/idtoken as GitHub does.
// https://docs.github.com/en/actions/reference/security/oidc#methods-for-requesting-the-oidc-token
func (i *Issuer) tell(w http.ResponseWriter, r *http.Request, name string) {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	i.mutex.Lock()
	run, ok := i.runs[secret]
	i.mutex.Unlock()
	if !ok || !strings.EqualFold(scheme, "bearer") {
		http.Error(w, "this job may not have a token", http.StatusUnauthorized)
		return
	}
	claims := run.Claims()
	claims["aud"] = r.URL.Query().Get("audience")
	if claims["aud"] == "" {
		claims["aud"] = "https://github.com/" + claims["repository_owner"].(string)
	}
	token, err := i.Token(name, claims)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, map[string]any{"count": len(token), "value": token})
}
