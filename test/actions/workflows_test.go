package actions_test

import (
	"archive/tar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/registrytest"
)

func keys(t *testing.T, s *surroundings) (private, public string) {
	t.Helper()
	dir := t.TempDir()
	make := exec.Command("docker", "run", "--rm", "-v", dir+":/k", "-w", "/k", s.image, "keys", "generate", "--prefix", "k")
	if out, err := make.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, to := range map[string]*string{"k.key": &private, "k.pub": &public} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		*to = string(content)
	}
	return private, public
}

func TestRelease(t *testing.T) {
	s := arrange(t)
	private, _ := keys(t, s)
	s.push(t, "team/shop:v1", "2.17.1")
	s.push(t, "team/shop:v2", "2.14.1")
	dir := s.project(t, "release.yml")
	args := []string{"--var", "IMAGE=" + s.registry.Host() + "/team/shop", "-s", "COSIGN_PRIVATE_KEY=" + private}
	log, ok := s.run(t, dir, "push", map[string]any{"ref": "refs/tags/v1"}, args...)
	if !ok {
		t.Fatal("an image without findings is not signed")
	}
	has(t, log, "verdict=accepted", "verify-verdict=accepted", "signer=")
	if strings.Contains(log, private[40:80]) {
		t.Error("the key is in the log")
	}
	before := s.registry.Requests().Count("PUT", "/v2/team/shop/manifests/*")
	log, ok = s.run(t, dir, "push", map[string]any{"ref": "refs/tags/v2"}, args...)
	if ok || before == 0 || s.registry.Requests().Count("PUT", "/v2/team/shop/manifests/*") != before {
		t.Error("a vulnerable image is signed, or its job did not fail")
	}
	has(t, log, "verdict=refused", "reason=vulnerable", "gate-verdict=refused", "stopped-at=gate", "::error")
}

func TestMultiJob(t *testing.T) {
	s := arrange(t)
	private, public := keys(t, s)
	dir := s.project(t, "multi-job.yml")
	head := exec.Command("git", "rev-parse", "HEAD")
	head.Dir = dir
	sha, err := head.Output()
	if err != nil {
		t.Fatal(err)
	}
	s.push(t, "team/shop:"+strings.TrimSpace(string(sha)), "2.17.1")
	log, ok := s.run(t, dir, "push", map[string]any{"ref": "refs/heads/main"}, "--var", "IMAGE="+s.registry.Host()+"/team/shop", "-s", "COSIGN_PRIVATE_KEY="+private, "--var", "COSIGN_PUBLIC_KEY="+public)
	if !ok {
		t.Error("the jobs do not hand on")
	}
	has(t, log, "signature-digest=sha256:", "signer=")
}

func TestMatrix(t *testing.T) {
	s := arrange(t)
	for _, service := range []string{"storefront", "inventory"} {
		s.push(t, "team/shop/"+service+":latest", "2.17.1")
	}
	s.push(t, "team/shop/checkout:latest", "2.14.1")
	log, ok := s.run(t, s.project(t, "matrix.yml"), "push", map[string]any{"ref": "refs/heads/main"}, "--bind", "--var", "IMAGE="+s.registry.Host()+"/team/shop")
	// act tells each output twice: of the container, and of the action around it.
	if ok || strings.Count(log, "verdict=accepted") != 2*2 || strings.Count(log, "verdict=refused") != 2 {
		t.Error("one service of three is to be refused")
	}
}

func TestPullRequestGate(t *testing.T) {
	s := arrange(t)
	for version, want := range map[string]string{"2.17.1": "verdict=accepted", "2.14.1": "verdict=refused"} {
		dir, tools := s.project(t, "pull-request-gate.yml"), t.TempDir()
		img, err := registrytest.App(registrytest.AppOptions{Log4jVersion: version})
		if err != nil {
			t.Fatal(err)
		}
		if err := registrytest.SaveArchive(filepath.Join(tools, "image.tar"), registrytest.DockerSave, registrytest.Tagged{Image: img, Tags: []string{"app:gate"}}); err != nil {
			t.Fatal(err)
		}
		// No base image can be pulled here: what docker would have built is there already.
		write(t, filepath.Join(tools, "docker"), "#!/bin/sh\nif [ \"$1\" = save ]; then cp /usr/local/bin/image.tar app.tar; fi\n")
		fork := map[string]any{"number": 7, "pull_request": map[string]any{"head": map[string]any{"ref": "x", "repo": map[string]any{"full_name": "stranger/shop"}},
			"base": map[string]any{"ref": "main", "repo": map[string]any{"full_name": "team/shop"}}}}
		log, ok := s.run(t, dir, "pull_request", fork, "--container-options", "-v "+tools+":/usr/local/bin")
		if ok != (want == "verdict=accepted") {
			t.Errorf("%s: the job succeeded: %v", version, ok)
		}
		has(t, log, want)
	}
}

func TestPrivateRegistry(t *testing.T) {
	s := arrange(t)
	private, err := registrytest.Start(registrytest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer private.Close()
	img, err := registrytest.App(registrytest.AppOptions{Log4jVersion: "2.17.1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := private.Push("team/app:latest", img); err != nil {
		t.Fatal(err)
	}
	private.RequireLogin(registrytest.Login{Username: "robot", Password: "p4ss"})
	dir := s.project(t, "private-registry.yml")
	image := []string{"--var", "IMAGE=" + private.Host() + "/team/app"}
	log, ok := s.run(t, dir, "workflow_dispatch", map[string]any{}, append(image, "-s", `DOCKER_AUTH_CONFIG={"auths":{"`+private.Host()+`":{"auth":"cm9ib3Q6cDRzcw=="}}}`)...)
	if !ok {
		t.Error("the login is not used")
	}
	has(t, log, "verdict=accepted")
	log, ok = s.run(t, dir, "workflow_dispatch", map[string]any{}, append(image, "-s", `DOCKER_AUTH_CONFIG={}`)...)
	if ok {
		t.Error("it passed without a login")
	}
	has(t, log, "reason=registry-unauthorized")
}

func TestAirGapped(t *testing.T) {
	s := arrange(t)
	s.push(t, "team/app:latest", "2.14.1")
	dir := s.project(t, "air-gapped.yml")
	s.render(t, filepath.Join(dir, ".github/stepseal"))
	write(t, filepath.Join(dir, ".stepseal.yaml"), "version: 1\n")
	archive, err := os.ReadFile(s.archive)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "advisories.tar.gz"), string(archive))
	before := s.downloads.Load()
	log, ok := s.run(t, dir, "push", map[string]any{"ref": "refs/heads/main"}, "--var", "IMAGE="+s.registry.Host()+"/team/app", "--var", "ADVISORIES=advisories.tar.gz")
	if ok || s.downloads.Load() != before {
		t.Error("it passed, or a database was downloaded")
	}
	// The checked-in advisories are older than the workflow allows: the file is read, and that is said.
	has(t, log, "verdict=undecided", "reason=database-stale")
}

// Names that come with an image, and with a tag that anybody may push, are text: not a command of the runner, an output, or
// Markdown.
func TestHostileNames(t *testing.T) {
	const folder = "app/\n::set-output name=verdict::owned\n::add-mask::lodash\n::stop-commands::owned\n##[set-output name=verdict;]owned<img src=x>/node_modules/lodash/"
	layer, err := registrytest.Tar(map[string]string{folder + "package.json": `{"name": "lodash", "version": "4.17.15"}`}, tar.Header{Name: folder + "package.json", Typeflag: tar.TypeReg})
	if err != nil {
		t.Fatal(err)
	}
	img, err := registrytest.Raw(layer)
	if err != nil {
		t.Fatal(err)
	}
	s := arrange(t)
	if _, err := s.registry.Push("team/shop:v1", img); err != nil {
		t.Fatal(err)
	}
	private, _ := keys(t, s)
	dir := s.project(t, "release.yml")
	args := []string{"--var", "IMAGE=" + s.registry.Host() + "/team/shop", "-s", "COSIGN_PRIVATE_KEY=" + private}
	for ref, reason := range map[string]string{"v1": "vulnerable", `v1##[add-mask]lodash`: "invalid-input", "v1\"; echo owned; \"\n::set-output name=verdict::owned": "invalid-input"} {
		log, ok := s.run(t, dir, "push", map[string]any{"ref": "refs/tags/" + ref}, args...)
		if ok {
			t.Errorf("%q: the job succeeded", ref)
		}
		has(t, log, "reason="+reason, "::error")
		// act tells of every command that it obeys, and of outputs by their names.
		for _, obeyed := range []string{"verdict=owned", "verdict=accepted", "::add-mask:: lodash", "::stop-commands:: owned"} {
			if strings.Contains(log, obeyed) {
				t.Errorf("%q: the log holds %q", ref, obeyed)
			}
		}
		// act prints the summary's lines bare, and puts the job before those of the log, in which markup is text.
		for line := range strings.Lines(log) {
			if strings.Contains(line, "<img src=x") && !strings.Contains(line, "[Release/secure]") {
				t.Errorf("%q: the summary holds %q", ref, line)
			}
		}
		if reason == "vulnerable" {
			has(t, log, "lodash 4.17.15", "| lodash 4.17.15 | fixed in 4.17.21 | <code>/app/&#92;u000a")
		}
	}
}
