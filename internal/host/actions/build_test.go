package actions_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/step"
)

// running is a runner of the workflow of a push to main.
func running(t *testing.T) *job {
	j := newJob(t)
	for name, value := range map[string]string{"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "o/app", "GITHUB_WORKFLOW_REF": "o/app/.github/workflows/release.yml@refs/heads/main",
		"GITHUB_REF": "refs/heads/main", "GITHUB_SHA": "c27d339ee6075c1f744c5d4b200f7901aad2c369", "GITHUB_EVENT_NAME": "push", "GITHUB_RUN_ID": "7", "GITHUB_RUN_ATTEMPT": "2",
		"GITHUB_REPOSITORY_ID": "1296269", "GITHUB_REPOSITORY_OWNER_ID": "583231", "RUNNER_ENVIRONMENT": "self-hosted"} {
		j.env[name] = value
	}
	return j
}

func TestBuildIsWhatTheRunnerSays(t *testing.T) {
	want := step.Build{System: "github", Builder: "https://github.com/o/app/.github/workflows/release.yml@refs/heads/main", Invocation: "https://github.com/o/app/actions/runs/7/attempts/2",
		Repository: "https://github.com/o/app", Ref: "refs/heads/main", Commit: "c27d339ee6075c1f744c5d4b200f7901aad2c369", Definition: ".github/workflows/release.yml", Event: "push", Builds: true,
		Details: []step.Value{{Name: "repository_id", Value: "1296269"}, {Name: "repository_owner_id", Value: "583231"}, {Name: "runner_environment", Value: "self-hosted"}}}
	if diff := cmp.Diff(want, running(t).host().Build()); diff != "" {
		t.Error(diff)
	}
}

func TestTheWorkflowsPathMayHoldAnAt(t *testing.T) {
	for name, test := range map[string]struct{ workflow, ref, want string }{
		"an @ in the ref":                 {"o/app/.github/workflows/a.yml@refs/heads/x@y", "refs/heads/x@y", ".github/workflows/a.yml"},
		"an @ in the path":                {"o/app/.github/workflows/a@b.yml@refs/heads/main", "refs/heads/main", ".github/workflows/a@b.yml"},
		"of another repository":           {"org/rules/.github/workflows/a.yml@refs/heads/main", "refs/heads/main", ""},
		"of a repository that begins so":  {"o/app-else/.github/workflows/a.yml@refs/heads/main", "refs/heads/main", ""},
		"at another ref than the event's": {"o/app/.github/workflows/a.yml@refs/heads/main", "refs/pull/7/merge", ""},
		"without a ref":                   {"o/app/.github/workflows/a.yml@", "", ""},
	} {
		j := running(t)
		j.env["GITHUB_WORKFLOW_REF"], j.env["GITHUB_REF"] = test.workflow, test.ref
		if got := j.host().Build(); got.Definition != test.want || got.Builder != "https://github.com/"+test.workflow {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestAScheduledRunBuildsNothing(t *testing.T) {
	j := running(t)
	j.env["GITHUB_EVENT_NAME"] = "schedule"
	if j.host().Build().Builds {
		t.Error("it is mistaken")
	}
}

func TestARunnerThatSaysTooLittleSaysNothing(t *testing.T) {
	for _, name := range []string{"GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_WORKFLOW_REF"} {
		j := running(t)
		delete(j.env, name)
		if got := j.host().Build(); got.Builder != "" {
			t.Errorf("without %s: %+v", name, got)
		}
	}
	j := running(t)
	delete(j.env, "GITHUB_RUN_ID")
	delete(j.env, "RUNNER_ENVIRONMENT")
	if got := j.host().Build(); got.Invocation != "" || len(got.Details) != 2 {
		t.Errorf("%+v", got)
	}
	j = running(t)
	delete(j.env, "GITHUB_RUN_ATTEMPT")
	if got := j.host().Build().Invocation; got != "https://github.com/o/app/actions/runs/7/attempts/1" {
		t.Error(got)
	}
}
