package sigstore

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/test/sigstore/stack"
)

// A tool signs and verifies images. Each is a row of tools and a file of its own, as cosign_test.go is; everything else is the
// same for all of them.
type tool interface {
	// secures signs an image and attests an SBOM of it. The token is a file.
	secures(u user, ref string, how way, token string) ended
	// verifies asks for both.
	verifies(u user, ref string, how way, trusting trust) ended
	// grounds is what the tool says when it refuses something, as a regular expression, or accepts.
	grounds(of refusal, how way) string
}

// apart is what a verifier says of what a signer made in some way, where the two do not understand each other.
var apart = map[pair]string{
	// Rekor v2 held entries of the kind dsse until v2.3.0, and clients made them; those since sigstore-go v1.2 make entries of the
	// envelope's hash, and read no others.
	{"cosign", "cosign with our libraries", way{stack.WithRekorV2, "bundle"}}: "no valid bundles exist in registry",
	{"cosign", "stepseal", way{stack.WithRekorV2, "bundle"}}:                  `\[signature-untrusted\](?s:.*)log entry is of the kind dsse 0\.0\.2`,
}

type pair struct {
	signer, verifier string
	how              way
}

// accepts is for what a tool should refuse and does not: it is written down, so that it is noticed when that changes.
const accepts = "it accepts that"

var tools = map[string]tool{
	"cosign":                    cosign{&made.services}, // as its maintainers release it
	"cosign with our libraries": cosign{&made.tools},    // with the product's version of sigstore-go
	"stepseal":                  stepseal{},
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
	withoutCTLog    bool // certificates need not be in a certificate log
}

// A user has a home, a working directory and a temporary folder of their own.
type user struct {
	t   *testing.T
	dir string
}

// ended is how a command ended and what it said, or several that are to end alike.
type ended struct {
	code int
	said []string
}

func newUser(t *testing.T) user {
	t.Helper()
	return user{t, t.TempDir()}
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
	return ended{code, []string{said.String()}}
}

// file is the path of a file with that content.
func (u user) file(name, content string) string {
	u.t.Helper()
	path := filepath.Join(u.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		u.t.Fatal(err)
	}
	return path
}

// accepted ends the test unless it is.
func (e ended) accepted(t *testing.T) {
	t.Helper()
	if e.code != 0 {
		t.Fatalf("exit %d:\n%s", e.code, strings.Join(e.said, "\n"))
	}
}

// refused fails the test unless the command ended with a no, on those grounds and no others.
func (e ended) refused(t *testing.T, grounds string) {
	t.Helper()
	switch grounds {
	case "":
		t.Fatal("nobody has written down what the tool says then")
	case accepts:
		e.accepted(t)
		return
	}
	if e.code == 0 {
		t.Fatalf("it is accepted:\n%s", strings.Join(e.said, "\n"))
	}
	for _, said := range e.said {
		if !regexp.MustCompile(grounds).MatchString(said) {
			t.Errorf("exit %d on other grounds than %q:\n%s", e.code, grounds, said)
		}
	}
}

// and is how both ended: with a no if one did, and alike if they are to be compared at all.
func (e ended) and(t *testing.T, other ended) ended {
	t.Helper()
	if (e.code == 0) != (other.code == 0) {
		t.Errorf("one ends with %d, the other with %d:\n%s\n%s", e.code, other.code, e.said, other.said)
	}
	return ended{max(e.code, other.code), append(e.said, other.said...)}
}
