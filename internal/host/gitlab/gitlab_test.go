package gitlab

import (
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/host/plain"
	"github.com/stepseal/stepseal/internal/step"
)

func build(env map[string]string) step.Build {
	all := map[string]string{"CI_SERVER_URL": "https://gitlab.example.com", "CI_PROJECT_URL": "https://gitlab.example.com/group/app", "CI_PIPELINE_URL": "https://gitlab.example.com/group/app/-/pipelines/12", "CI_JOB_URL": "https://gitlab.example.com/group/app/-/jobs/99", "CI_RUNNER_ID": "5",
		"CI_COMMIT_SHA": "c27d339ee6075c1f744c5d4b200f7901aad2c369", "CI_COMMIT_BRANCH": "main", "CI_PIPELINE_SOURCE": "push", "CI_PIPELINE_CREATED_AT": "2026-01-02T03:04:05Z",
		"CI_PROJECT_ID": "11", "CI_CONFIG_PATH": ".gitlab-ci.yml"}
	for name, value := range env {
		all[name] = value
	}
	return New(plain.New(io.Discard, plain.Options{}), io.Discard, func(name string) string { return all[name] }).Build()
}

func TestBuildIsThePipeline(t *testing.T) {
	want := step.Build{System: "gitlab", Builder: "https://gitlab.example.com", Invocation: "https://gitlab.example.com/group/app/-/pipelines/12", Builds: true,
		Repository: "https://gitlab.example.com/group/app", Ref: "refs/heads/main", Commit: "c27d339ee6075c1f744c5d4b200f7901aad2c369", Definition: ".gitlab-ci.yml", Event: "push",
		Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Details: []step.Value{{Name: "project_id", Value: "11"}, {Name: "job", Value: "https://gitlab.example.com/group/app/-/jobs/99"}, {Name: "runner_id", Value: "5"}}}
	if diff := cmp.Diff(want, build(nil)); diff != "" {
		t.Error(diff)
	}
}

func TestBuildNamesTheRefAsGitDoes(t *testing.T) {
	for want, env := range map[string]map[string]string{
		"refs/heads/main":            {},
		"refs/tags/v1":               {"CI_COMMIT_TAG": "v1", "CI_COMMIT_BRANCH": ""},
		"refs/merge-requests/7/head": {"CI_MERGE_REQUEST_REF_PATH": "refs/merge-requests/7/head", "CI_COMMIT_BRANCH": ""},
		"":                           {"CI_COMMIT_BRANCH": ""},
	} {
		if got := build(env).Ref; got != want {
			t.Errorf("%v is %q, not %q", env, got, want)
		}
	}
}

func TestAScheduleBuildsNothingAndAJobThatSaysNothingIsNone(t *testing.T) {
	if build(map[string]string{"CI_PIPELINE_SOURCE": "schedule"}).Builds {
		t.Error("a schedule is mistaken")
	}
	for _, name := range []string{"CI_SERVER_URL", "CI_PROJECT_URL", "CI_PIPELINE_URL"} {
		if got := build(map[string]string{name: ""}); got.Builder != "" {
			t.Errorf("without %s: %+v", name, got)
		}
	}
}
