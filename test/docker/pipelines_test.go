package docker

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/stepseal/stepseal/internal/registrytest"
)

// project is a folder with an application, the pipeline of an example, and a registry to push to: the example as it
// stands, but for the registry's name.
func project(t *testing.T, log4j, example, file string) (dir, registry string) {
	t.Helper()
	dir = t.TempDir()
	app, err := registrytest.App(registrytest.AppOptions{Log4jVersion: log4j})
	if err != nil {
		t.Fatal(err)
	}
	content := mutate.Extract(app)
	defer content.Close()
	tar, err := os.Create(filepath.Join(dir, "app.tar"))
	if err == nil {
		_, err = tar.ReadFrom(content)
	}
	if err != nil {
		t.Fatal(err)
	}
	tar.Close()
	served, err := registrytest.Start(registrytest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(served.Close)
	raw, err := os.ReadFile(filepath.Join("../../examples", example))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		file:         strings.ReplaceAll(string(raw), "registry.example.com", served.Host()),
		"Dockerfile": "FROM scratch\nADD app.tar /\nENTRYPOINT [\"/app/shop\"]\n",
		"deploy.sh":  "#!/bin/sh\nprintf %s \"$1\" >deployed\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	must(t, dir, made.product, "keys", "generate", "--prefix", "release")
	return dir, served.Host()
}

func around(more ...string) []string {
	return append([]string{"PATH=" + filepath.Dir(made.product) + ":" + os.Getenv("PATH"),
		"STEPSEAL_DATABASE=" + made.database, "STEPSEAL_MAX_DATABASE_AGE=0"}, more...)
}

// deployed is what the pipeline's last stage was given; empty where it was not reached.
func deployed(dir string) string {
	raw, _ := os.ReadFile(filepath.Join(dir, "deployed"))
	return string(raw)
}

func TestJenkinsfile(t *testing.T) {
	harness, err := filepath.Abs("jenkins.groovy")
	if err != nil {
		t.Fatal(err)
	}
	jenkins := func(t *testing.T, dir, branch string) (string, int) {
		return run(t, dir, around("JENKINS_URL=http://ci.example.com/", "BUILD_NUMBER=7", "BRANCH_NAME="+branch,
			"CREDENTIAL_cosign_key="+filepath.Join(dir, "release.key"), "CREDENTIAL_cosign_password="), "groovy", harness, "Jenkinsfile")
	}
	t.Run("a good image is signed and deployed by digest", func(t *testing.T) {
		dir, registry := project(t, "2.17.1", "jenkins/Jenkinsfile", "Jenkinsfile")
		said, code := jenkins(t, dir, "main")
		if image := deployed(dir); code != 0 || !strings.HasPrefix(image, registry+"/team/app@sha256:") {
			t.Fatalf("%d, deployed %q\n%s", code, image, said)
		}
		must(t, dir, made.product, "verify", "--image", registry+"/team/app:7", "--public-key", "release.pub")
	})
	t.Run("on another branch nothing is deployed", func(t *testing.T) {
		dir, _ := project(t, "2.17.1", "jenkins/Jenkinsfile", "Jenkinsfile")
		if said, code := jenkins(t, dir, "topic"); code != 0 || deployed(dir) != "" {
			t.Fatalf("%d, deployed %q\n%s", code, deployed(dir), said)
		}
	})
	t.Run("a vulnerable image is refused, with the report archived", func(t *testing.T) {
		dir, _ := project(t, "2.14.1", "jenkins/Jenkinsfile", "Jenkinsfile")
		said, code := jenkins(t, dir, "main")
		if code != 1 || deployed(dir) != "" || !strings.Contains(said, "ERROR: refused:") || !strings.Contains(said, "log4j-core 2.14.1") {
			t.Fatalf("%d, deployed %q\n%s", code, deployed(dir), said)
		}
		if _, err := os.Stat(filepath.Join(dir, "stepseal-out/summary.md")); err != nil {
			t.Error(err)
		}
	})
	t.Run("what cannot be told is no yes", func(t *testing.T) {
		dir, _ := project(t, "2.17.1", "jenkins/Jenkinsfile", "Jenkinsfile")
		if err := os.WriteFile(filepath.Join(dir, ".stepseal.yaml"), []byte("version: 1\ndatabase:\n  database: nowhere.db\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Setenv("STEPSEAL_DATABASE", "")
		said, code := run(t, dir, []string{"PATH=" + filepath.Dir(made.product) + ":" + os.Getenv("PATH"), "JENKINS_URL=x", "BUILD_NUMBER=7", "BRANCH_NAME=main",
			"CREDENTIAL_cosign_key=" + filepath.Join(dir, "release.key"), "CREDENTIAL_cosign_password="}, "groovy", harness, "Jenkinsfile")
		if code != 1 || deployed(dir) != "" || !strings.Contains(said, "ERROR: undecided") {
			t.Fatalf("%d, deployed %q\n%s", code, deployed(dir), said)
		}
	})
}

func TestGitLabPipeline(t *testing.T) {
	gitlab := func(t *testing.T, dir, registry string) (string, int) {
		for _, command := range [][]string{{"git", "init", "-q", "-b", "main"}, {"git", "remote", "add", "origin", "git@gitlab.example.com:team/app.git"},
			{"git", "add", "-A"}, {"git", "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "-m", "a"}} {
			must(t, dir, command...)
		}
		cmd := exec.Command("gitlab-ci-local", "--shell-executor-no-image", "--no-shell-isolation",
			"--variable", "CI_REGISTRY="+registry, "--variable", "CI_REGISTRY_IMAGE="+registry+"/team/app",
			"--variable", "CI_REGISTRY_USER=ci", "--variable", "CI_REGISTRY_PASSWORD=token",
			"--variable", "COSIGN_KEY="+filepath.Join(dir, "release.key"), "--variable", "COSIGN_PASSWORD=")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), around()...)
		said, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(said), cmd.ProcessState.ExitCode()
	}
	t.Run("a good image is signed, and the next job knows it by digest", func(t *testing.T) {
		dir, registry := project(t, "2.17.1", "gitlab/gitlab-ci.yml", ".gitlab-ci.yml")
		said, code := gitlab(t, dir, registry)
		if image := deployed(dir); code != 0 || !strings.HasPrefix(image, registry+"/team/app@sha256:") {
			t.Fatalf("%d, deployed %q\n%s", code, image, said)
		}
	})
	t.Run("a vulnerable image is refused", func(t *testing.T) {
		dir, registry := project(t, "2.14.1", "gitlab/gitlab-ci.yml", ".gitlab-ci.yml")
		said, code := gitlab(t, dir, registry)
		if code == 0 || deployed(dir) != "" || !strings.Contains(said, "log4j-core 2.14.1") {
			t.Fatalf("%d, deployed %q\n%s", code, deployed(dir), said)
		}
	})
}
