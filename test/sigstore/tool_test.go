package sigstore

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/test/sigstore/stack"
)

// A tool signs and verifies images. Each is a row here and a file of its own.
type tool interface {
	// secures signs an image and attests an SBOM of it.
	secures(u user, ref string, how way, token string) ended
	// verifies asks for both.
	verifies(u user, ref string, how way, trusting trust) ended
	// grounds is what the tool says when it refuses something, as a regular expression; empty where it does not tell.
	grounds(of refusal, how way) string
}

var tools = map[string]tool{
	"cosign": cosign{},
}

// A way is how signatures are vouched for and stored.
type way struct {
	config stack.SigningConfig
	format string // bundle or legacy
}

// ways are all that cosign knows. Rekor v2 keeps no entries of the legacy kind.
var ways = []way{
	{stack.WithRekorV1, "bundle"},
	{stack.WithRekorV2, "bundle"},
	{stack.WithTimestamps, "bundle"},
	{stack.WithRekorV1, "legacy"},
	{stack.WithTimestamps, "legacy"},
}

func (w way) String() string { return string(w.config) + " " + w.format }

// rests says which parts of a Sigstore the way rests on.
func (w way) rests() []stack.Part {
	return append([]stack.Part{stack.Fulcio, stack.CTLog}, map[stack.SigningConfig][]stack.Part{
		stack.WithRekorV1:    {stack.RekorV1},
		stack.WithRekorV2:    {stack.RekorV2, stack.Timestamps},
		stack.WithTimestamps: {stack.Timestamps},
	}[w.config]...)
}

// trust is what a verifier is told: which Sigstore, and whom it vouches for.
type trust struct {
	sigstore        stack.Trust
	issuer, subject string
}

// A user has a home, a working directory and a temporary folder of their own.
type user struct {
	t   *testing.T
	dir string
}

// ended is how a command ended and what it said.
type ended struct {
	code int
	said string
}

func newUser(t *testing.T) user {
	t.Helper()
	u := user{t, t.TempDir()}
	u.write("sbom.cdx.json", `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[]}`)
	return u
}

func (u user) run(program string, environment []string, args ...string) ended {
	u.t.Helper()
	command := exec.Command(program, args...)
	command.Dir = u.dir
	command.Env = append([]string{"HOME=" + u.dir, "TMPDIR=" + u.t.TempDir(), "PATH=" + os.Getenv("PATH")}, environment...)
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	err := command.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		u.t.Fatal(err)
	}
	code := command.ProcessState.ExitCode()
	u.t.Logf("%s %s: exit %d", filepath.Base(program), strings.Join(args, " "), code)
	return ended{code, said.String()}
}

func (u user) path(name string) string { return filepath.Join(u.dir, name) }

func (u user) write(name, text string) {
	u.t.Helper()
	if err := os.WriteFile(u.path(name), []byte(text), 0o600); err != nil {
		u.t.Fatal(err)
	}
}

// accepted ends the test unless it is.
func (e ended) accepted(t *testing.T) {
	t.Helper()
	if e.code != 0 {
		t.Fatalf("exit %d:\n%s", e.code, e.said)
	}
}
