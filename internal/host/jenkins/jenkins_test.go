package jenkins

import (
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/host/plain"
	"github.com/stepseal/stepseal/internal/step"
)

func build(env map[string]string) step.Build {
	all := map[string]string{"JENKINS_URL": "https://ci.example.com/", "BUILD_URL": "https://ci.example.com/job/app/job/main/17/", "JOB_NAME": "app/main",
		"GIT_URL": "https://git.example.com/o/app.git", "GIT_COMMIT": "c27d339ee6075c1f744c5d4b200f7901aad2c369", "GIT_BRANCH": "origin/main"}
	for name, value := range env {
		all[name] = value
	}
	return New(plain.New(io.Discard, plain.Options{}), func(name string) string { return all[name] }).Build()
}

func TestBuildIsWhatJenkinsAndItsGitPluginSay(t *testing.T) {
	want := step.Build{System: "jenkins", Builder: "https://ci.example.com/", Invocation: "https://ci.example.com/job/app/job/main/17/", Repository: "https://git.example.com/o/app",
		Ref: "refs/heads/main", Commit: "c27d339ee6075c1f744c5d4b200f7901aad2c369", Definition: "app/main", Builds: true}
	if diff := cmp.Diff(want, build(nil)); diff != "" {
		t.Error(diff)
	}
}

func TestBuildNamesTheRefAsGitDoes(t *testing.T) {
	for want, env := range map[string]map[string]string{
		"refs/heads/feature/x": {"GIT_BRANCH": "feature/x"},
		"refs/tags/v1":         {"TAG_NAME": "v1", "GIT_BRANCH": "v1"},
		"":                     {"GIT_BRANCH": "detached"},
	} {
		if got := build(env).Ref; got != want {
			t.Errorf("%v is %q, not %q", env, got, want)
		}
	}
}

// Jenkins gives the address as it was typed, with the login that somebody may have put into it.
func TestALoginInAnAddressIsNotTold(t *testing.T) {
	for _, address := range []string{"https://me:secret@git.example.com/o/app.git", "git@git.example.com:o/app.git", "ssh://git@git.example.com/o/app"} {
		if got := build(map[string]string{"GIT_URL": address}).Repository; got != "" {
			t.Errorf("%s is told as %s", address, got)
		}
	}
	for _, name := range []string{"JENKINS_URL", "BUILD_URL"} {
		if got := build(map[string]string{name: ""}); got.Builder != "" {
			t.Errorf("without %s: %+v", name, got)
		}
	}
}
