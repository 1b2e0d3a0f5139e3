package actions_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/test/sigstore/issuer"
	"github.com/stepseal/stepseal/test/sigstore/stack"
)

// lab is all that and a private Sigstore, whose issuer does for the jobs of act what GitHub's does for GitHub's.
type lab struct {
	*surroundings
	sigstore *stack.Stack
}

func newLab(t *testing.T) *lab {
	t.Helper()
	started, err := stack.Start(stack.Options{Folder: t.TempDir(), Services: need(t, "STEPSEAL_ACTIONS_SERVICES"),
		Trillian: need(t, "STEPSEAL_ACTIONS_TRILLIAN"), Keys: need(t, "STEPSEAL_ACTIONS_KEYS")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(started.Close)
	return &lab{arrange(t), started}
}

// trust is examples/github/trust.yaml of who has put in the repository and this Sigstore.
func (l *lab) trust(t *testing.T) string {
	t.Helper()
	return l.filled(t, example(t, "trust.yaml"))
}

func (l *lab) filled(t *testing.T, section string) string {
	t.Helper()
	return changed(t, section, "OWNER/APP", "team/shop", "https://token.actions.githubusercontent.com", l.issuer(),
		"{public-sigstore: true}", "{trusted-root: sigstore/trusted_root.json, signing-config: sigstore/signing_config.json}")
}

// trustIn is the same of who trusts somebody else: whose certificate makes these claims.
func (l *lab) trustIn(t *testing.T, claims ...string) string {
	t.Helper()
	before, rest, _ := strings.Cut(l.trust(t), "      subject-pattern: ")
	_, after, ok := strings.Cut(rest, "  evidence:\n")
	if !ok {
		t.Fatal("trust.yaml names no signer before its evidence")
	}
	return before + "      " + strings.Join(claims, "\n      ") + "\n  evidence:\n" + after
}

// reusable is the trust section of docs/keyless-github.md for a reusable workflow, of who has put in the repositories.
func (l *lab) reusable(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/keyless-github.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := strings.Split(string(page), "\n```yaml trust\n")
	section, _, _ := strings.Cut(sections[len(sections)-1], "```")
	return l.filled(t, changed(t, section, "OWNER/workflows", "team/pipelines"))
}

func (l *lab) issuer() string { return l.sigstore.Issuer.URL(stack.GitHub) }

func example(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile("../../examples/github/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// changed puts new texts in the place of old ones, each of which must be there.
func changed(t *testing.T, text string, oldNew ...string) string {
	t.Helper()
	for i := 0; i < len(oldNew); i += 2 {
		if !strings.Contains(text, oldNew[i]) {
			t.Fatalf("there is no %q in\n%s", oldNew[i], text)
		}
		text = strings.ReplaceAll(text, oldNew[i], oldNew[i+1])
	}
	return text
}

// repository is one on GitHub, with one workflow.
type repository struct {
	name     string // team/shop
	file     string // of the workflow
	workflow string
	trust    string
	calls    string // the reusable workflow of the job that signs, with its ref; empty if it is none
}

// push pushes a tag to a repository and runs its workflow.
func (l *lab) push(t *testing.T, to repository, tag string, args ...string) (log string, ok bool) {
	t.Helper()
	dir := t.TempDir()
	l.fill(t, dir, to)
	l.source(t, dir, to.name+to.file+tag)
	run := issuer.Run{Workflow: to.name + "/.github/workflows/" + to.file, Ref: "refs/tags/" + tag, Calls: to.calls, Commit: commit(t, dir, to.name)}
	args = append(args, "--var", "IMAGE="+l.registry.Host()+"/team/shop", "--env", "GITHUB_WORKFLOW_REF="+run.Workflow+"@"+run.Ref,
		"--env", "GITHUB_RUN_ID=1234567", "--env", "GITHUB_RUN_ATTEMPT=2")
	args = append(args, docker(t)...)
	var secret string
	if strings.Contains(to.workflow, "id-token: write") { // else GitHub's runner sets neither
		var address string
		address, secret = l.sigstore.Issuer.Let(stack.GitHub, run)
		args = append(args, "--env", "ACTIONS_ID_TOKEN_REQUEST_URL="+address, "--env", "ACTIONS_ID_TOKEN_REQUEST_TOKEN="+secret)
	}
	log, ok = l.run(t, dir, "push", map[string]any{"ref": run.Ref, "repository": map[string]any{"full_name": to.name, "default_branch": "main"}}, args...)
	if secret != "" && strings.Contains(log, secret) {
		t.Error("what the job asks for tokens with is in the log")
	}
	return log, ok
}

func (l *lab) fill(t *testing.T, dir string, with repository) {
	t.Helper()
	write(t, filepath.Join(dir, ".github/workflows", with.file), with.workflow)
	write(t, filepath.Join(dir, "trust.yaml"), with.trust+"database:\n  database-url: "+l.database.URL+"/latest.json\n  max-database-age: \"0\"\n")
	for name, from := range map[string]string{"trusted_root.json": l.sigstore.Trust().Root, "signing_config.json": l.sigstore.SigningConfig(stack.WithRekorV2)} {
		content, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "sigstore", name), string(content))
	}
}

// source is what an image without findings is built from, which is no other's.
func (l *lab) source(t *testing.T, dir, label string) {
	t.Helper()
	img, err := registrytest.App(registrytest.AppOptions{Log4jVersion: "2.17.1"})
	if err != nil {
		t.Fatal(err)
	}
	content := mutate.Extract(img)
	defer func() { _ = content.Close() }()
	file, err := os.Create(filepath.Join(dir, "app.tar"))
	if err == nil {
		_, err = file.ReadFrom(content)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "Dockerfile"), "FROM scratch\nADD app.tar /\nLABEL of=\""+label+"\"\n")
}

// docker gives a job what GitHub's runners have: Docker's command and its daemon.
func docker(t *testing.T) []string {
	t.Helper()
	command, err := exec.LookPath("docker")
	if err != nil {
		t.Fatal(err)
	}
	socket := strings.TrimPrefix(need(t, "DOCKER_HOST"), "unix://")
	return []string{"--container-options", "-v " + command + ":/usr/bin/docker:ro -v " + socket + ":/var/run/docker.sock"}
}

// deploy starts a gate in the repository of whoever deploys, and returns what kubectl was told.
func (l *lab) deploy(t *testing.T, workflow, trust, image string) (log, told string) {
	t.Helper()
	dir, tools := t.TempDir(), t.TempDir()
	l.fill(t, dir, repository{file: "deploy-gate.yml", workflow: workflow, trust: trust})
	commit(t, dir, "team/deployments")
	write(t, filepath.Join(tools, "kubectl"), "#!/bin/sh\necho \"$@\" >>/usr/local/bin/told\n")
	write(t, filepath.Join(tools, "told"), "")
	payload := map[string]any{"ref": "refs/heads/main", "inputs": map[string]any{"image": image}}
	log, _ = l.run(t, dir, "workflow_dispatch", payload, "--container-options", "-v "+tools+":/usr/local/bin")
	content, err := os.ReadFile(filepath.Join(tools, "told"))
	if err != nil {
		t.Fatal(err)
	}
	return log, string(content)
}

// shop is the repository that is trusted, with keyless.yml as it stands.
func (l *lab) shop(t *testing.T) repository {
	t.Helper()
	return repository{name: "team/shop", file: "keyless.yml", workflow: example(t, "keyless.yml"), trust: l.trust(t)}
}
