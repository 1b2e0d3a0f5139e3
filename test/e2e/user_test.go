package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A user is somebody with a home, a key pair and a working directory of their own.
type user struct {
	t   *testing.T
	dir string
}

// ended is how a command ended and what it said.
type ended struct {
	code           int
	stdout, stderr string
	outputs        map[string]string // what stepseal put into --outputs; empty for other commands
}

const password = "only for these tests"

func newUser(t *testing.T) user {
	t.Helper()
	u := user{t, t.TempDir()}
	if made := u.run("cosign", "generate-key-pair"); made.code != 0 {
		t.Fatalf("generate-key-pair: %s", made.stderr)
	}
	// A trusted root that trusts nothing: what was signed with a key needs none.
	u.write("empty-root.json", `{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`)
	return u
}

// stepseal runs the product in the user's directory; its files are under stepseal-out there unless args say otherwise.
func (u user) stepseal(args ...string) ended {
	u.t.Helper()
	outputs := filepath.Join(u.t.TempDir(), "outputs.json")
	e := u.run(made.product, append(args, "--outputs", outputs)...)
	text, err := os.ReadFile(outputs)
	if err != nil {
		u.t.Fatalf("stepseal %s left no outputs: %v\n%s", strings.Join(args, " "), err, e.stderr)
	}
	if err := json.Unmarshal(text, &e.outputs); err != nil {
		u.t.Fatalf("outputs of stepseal %s: %v\n%s", strings.Join(args, " "), err, text)
	}
	return e
}

func (u user) run(command string, args ...string) ended {
	u.t.Helper()
	if !filepath.IsAbs(command) {
		command = filepath.Join(made.tools, command)
	}
	cmd := exec.Command(command, args...)
	cmd.Dir = u.dir
	cmd.Env = []string{
		"HOME=" + u.dir,
		"PATH=" + os.Getenv("PATH"),
		"TMPDIR=" + u.t.TempDir(),
		"STEPSEAL_KEY_PASSWORD=" + password,
		"COSIGN_PASSWORD=" + password,
		"SYFT_CHECK_FOR_APP_UPDATE=false",
		"GRYPE_CHECK_FOR_APP_UPDATE=false",
		"GRYPE_DB_AUTO_UPDATE=false",
		"GRYPE_DB_VALIDATE_AGE=false",
		"GRYPE_DB_CACHE_DIR=" + u.path("grype-db"),
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		u.t.Fatal(err)
	}
	u.t.Logf("%s %s: exit %d", filepath.Base(command), strings.Join(args, " "), cmd.ProcessState.ExitCode())
	return ended{code: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
}

func (u user) path(name string) string { return filepath.Join(u.dir, name) }

func (u user) write(name, text string) {
	u.t.Helper()
	if err := os.WriteFile(u.path(name), []byte(text), 0o600); err != nil {
		u.t.Fatal(err)
	}
}

// read decodes a JSON file of the user's.
func read[T any](u user, name string) T {
	u.t.Helper()
	var content T
	text, err := os.ReadFile(u.path(name))
	if err != nil {
		u.t.Fatal(err)
	}
	if err := json.Unmarshal(text, &content); err != nil {
		u.t.Fatalf("%s: %v", name, err)
	}
	return content
}

// want ends the test unless the command ended with that code and, for stepseal, that reason.
func (e ended) want(t *testing.T, code int, reason string) {
	t.Helper()
	if e.code != code || e.outputs["reason"] != reason {
		t.Fatalf("exit %d, reason %q; want exit %d, reason %q\n%s\n%s",
			e.code, e.outputs["reason"], code, reason, e.stdout, e.stderr)
	}
}
