// Package actions_test runs the example workflows as GitHub would: the actions rendered from this tree, the container by
// digest from a registry, and a runner that is act. See run.
package actions_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/stepseal/stepseal/internal/registrytest"
)

// surroundings are what a workflow needs of the world, on the loopback interface.
type surroundings struct {
	registry  *registrytest.Registry
	image     string // of stepseal, by digest
	tree      string // the repository stepseal/stepseal at the commit that the examples name
	stand     string // stand-ins for GitHub's own actions
	database  *httptest.Server
	downloads atomic.Int64 // of the database
	archive   string
}

func need(t *testing.T, variable string) string {
	t.Helper()
	value := os.Getenv(variable)
	if value == "" {
		t.Fatalf("%s is not set: this is run by test/actions/run", variable)
	}
	return value
}

func arrange(t *testing.T) *surroundings {
	t.Helper()
	s := &surroundings{tree: t.TempDir(), stand: t.TempDir()}
	var err error
	if s.registry, err = registrytest.Start(registrytest.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.registry.Close)
	digest := s.pushProduct(t, need(t, "STEPSEAL_ACTIONS_IMAGE"))
	s.image = s.registry.Host() + "/stepseal:dev@" + digest
	s.render(t, s.tree)
	write(t, filepath.Join(s.stand, "restore/action.yml"), standIn("cache-matched-key: {value: '', description: none}", "true"))
	write(t, filepath.Join(s.stand, "save/action.yml"), standIn("none: {value: '', description: none}", `echo "would save $KEY"`))
	write(t, filepath.Join(s.stand, "upload/action.yml"), standIn("none: {value: '', description: none}", `mkdir -p /opt/hostedtoolcache/artifacts && cp -r "$ARTIFACT" "/opt/hostedtoolcache/artifacts/$NAME"`))
	write(t, filepath.Join(s.stand, "download/action.yml"), standIn("none: {value: '', description: none}", `mkdir -p "$ARTIFACT" && cp -r "/opt/hostedtoolcache/artifacts/$NAME/." "$ARTIFACT"`))
	s.serveDatabase(t)
	return s
}

// pushProduct pushes the index that mkimage has laid out.
func (s *surroundings) pushProduct(t *testing.T, folder string) (digest string) {
	t.Helper()
	all, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := all.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		t.Fatalf("%s: %v, or not one index", folder, err)
	}
	index, err := all.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	pushed, err := s.registry.PushIndex("stepseal:dev", index)
	if err != nil {
		t.Fatal(err)
	}
	return pushed.String()
}

// standIn is an action that does with a shared folder what GitHub's does with its servers.
func standIn(outputs, script string) string {
	return `name: stand-in
description: stand-in
inputs: {name: {description: n}, path: {description: p}, key: {description: k}, restore-keys: {description: r}}
outputs: {` + outputs + `}
runs:
  using: composite
  steps:
    - shell: bash
      env: {NAME: "${{ inputs.name }}", ARTIFACT: "${{ inputs.path }}", KEY: "${{ inputs.key }}"}
      run: ` + script + "\n"
}

// render writes the actions that run the image of this tree.
func (s *surroundings) render(t *testing.T, to string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(to, "internal/manifest"), 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(need(t, "STEPSEAL_ACTIONS_GENERATE"), "-root", to, "-pin", s.image).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// serveDatabase is Grype's server; it counts how often the database itself is fetched.
func (s *surroundings) serveDatabase(t *testing.T) {
	folder := t.TempDir()
	s.archive = filepath.Join(folder, "advisories.tar.gz")
	build := exec.Command("docker", "run", "--rm", "--network=host", "-v", testset(t)+":/from:ro", "-v", folder+":/to", s.image, "database", "build", "--from", "/from", "--to", "/to/advisories.tar.gz")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the database: %v\n%s", err, out)
	}
	files := http.FileServer(http.Dir(folder))
	s.database = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, ".tar.gz") {
			s.downloads.Add(1)
		}
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(s.database.Close)
}

func testset(t *testing.T) string {
	folder, err := filepath.Abs("../../internal/advisory/testset")
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

func (s *surroundings) push(t *testing.T, ref, log4j string) {
	t.Helper()
	img, err := registrytest.App(registrytest.AppOptions{Log4jVersion: log4j})
	if err == nil {
		_, err = s.registry.Push(ref, img)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// project is the repository of somebody who has copied an example.
func (s *surroundings) project(t *testing.T, example string) string {
	t.Helper()
	dir := t.TempDir()
	content, err := os.ReadFile("../../examples/github/" + example)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, ".github/workflows", example), string(content))
	write(t, filepath.Join(dir, ".stepseal.yaml"), fmt.Sprintf("version: 1\ndatabase:\n  database-url: %s/latest.json\n  max-database-age: \"0\"\n", s.database.URL))
	write(t, filepath.Join(dir, "Dockerfile"), "FROM maven\n")
	commit(t, dir, "team/shop")
	return dir
}

// commit makes of a folder that repository of GitHub's, at a first commit.
func commit(t *testing.T, dir, repository string) (sha string) {
	t.Helper()
	var last []byte
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "a"},
		{"remote", "add", "origin", "https://github.com/" + repository + ".git"}, {"rev-parse", "HEAD"}} {
		git := exec.Command("git", args...)
		git.Dir = dir
		out, err := git.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		last = out
	}
	return strings.TrimSpace(string(last))
}

const placeholder = "0000000000000000000000000000000000000000"

// run runs the workflow and returns its log, and whether it succeeded.
func (s *surroundings) run(t *testing.T, dir, event string, payload map[string]any, args ...string) (log string, ok bool) {
	t.Helper()
	if payload["repository"] == nil {
		payload["repository"] = map[string]any{"full_name": "team/shop", "default_branch": "main"}
	}
	raw, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "event.json")
	write(t, file, string(raw))
	all := append([]string{event, "-P", "ubuntu-latest=jobimage:dev", "--pull=false", "--rm", "--no-cache-server", "--container-daemon-socket", "-", "--eventpath", file,
		"--local-repository", "stepseal/stepseal@" + placeholder + "=" + s.tree,
		"--local-repository", "actions/cache@27d5ce7f107fe9357f9df03efb73ab90386fccae=" + s.stand,
		"--local-repository", "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f=" + filepath.Join(s.stand, "upload"),
		"--local-repository", "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c=" + filepath.Join(s.stand, "download"),
		"-s", "GITHUB_TOKEN=gh-token-value"}, args...)
	act := exec.Command(need(t, "STEPSEAL_ACTIONS_ACT"), all...)
	act.Dir = dir
	act.WaitDelay = time.Minute
	out, err := act.CombinedOutput()
	t.Logf("%s", out)
	return string(out), err == nil
}

func has(t *testing.T, log string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(log, text) {
			t.Errorf("the log does not hold %q", text)
		}
	}
}
