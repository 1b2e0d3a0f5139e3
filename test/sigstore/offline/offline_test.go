// Package offline verifies what was signed on a private Sigstore after that Sigstore has gone, and looks at every system call
// by which the program could reach out: it may speak to the registry and to nobody else. The script test/sigstore/run starts
// it. It needs strace.
package offline

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/test/sigstore/issuer"
	"github.com/stepseal/stepseal/test/sigstore/shop"
	"github.com/stepseal/stepseal/test/sigstore/stack"
)

const workflow = "acme/shop/.github/workflows/release.yml"

func TestVerifyingReachesNobodyButTheRegistry(t *testing.T) {
	r := newRunner(t)
	sigstore, err := stack.Start(stack.Options{Folder: t.TempDir(), Services: r.made("SERVICES"), Trillian: r.made("TRILLIAN"), Keys: absolute(t, "../../../examples/private-sigstore/keys")})
	if err != nil {
		t.Fatal(err)
	}
	defer sigstore.Close()
	token, err := sigstore.Issuer.Token(stack.GitHub, issuer.GitHub(workflow, ""))
	if err != nil {
		t.Fatal(err)
	}
	r.write("token", token)
	// What watches does notice: signing speaks to the Sigstore too.
	fulcio := strings.TrimPrefix(stack.FulcioURL, "http://")
	images := []secured{
		r.secured(sigstore, stack.WithRekorV1, "both"), r.secured(sigstore, stack.WithRekorV2, "bundle"), r.secured(sigstore, stack.WithTimestamps, "both"),
	}
	for _, one := range images {
		code, spokenTo := r.signs(one)
		if code != 0 || !slices.Contains(spokenTo, fulcio) || !slices.Contains(spokenTo, one.registry) {
			t.Fatalf("signing by %s ends with %d and speaks to %v", one.config, code, spokenTo)
		}
	}

	sigstore.Close()
	for _, one := range images {
		if code, spokenTo := r.run("verify", "--image", one.ref, "--config", one.config); code != 0 || !slices.Equal(spokenTo, []string{one.registry}) {
			t.Errorf("verifying by %s ends with %d and speaks to %v, and the registry is %s", one.config, code, spokenTo, one.registry)
		}
		// A refusal asks nobody for more.
		if code, spokenTo := r.run("verify", "--image", one.ref, "--config", one.stranger); code != 10 || !slices.Equal(spokenTo, []string{one.registry}) {
			t.Errorf("refusing by %s ends with %d and speaks to %v", one.stranger, code, spokenTo)
		}
	}
	// Nobody can be certified any longer.
	if code, spokenTo := r.signs(images[2]); code != 11 || !slices.Contains(spokenTo, fulcio) {
		t.Errorf("signing without the Sigstore ends with %d and speaks to %v", code, spokenTo)
	}
}

func (r *runner) signs(one secured) (code int, spokenTo []string) {
	r.Helper()
	return r.run("secure-image", "--image", one.ref, "--config", one.config, "--database", r.made("DATABASE"), "--max-database-age", "0", "--fail-on", "never")
}

// secured is an image in a registry of its own, with the trust section by which it is signed, and one of a stranger.
type secured struct{ registry, ref, config, stranger string }

func (r *runner) secured(sigstore *stack.Stack, with stack.SigningConfig, format string) secured {
	r.Helper()
	registry, ref := shop.Push(r.T, registrytest.ReferrersOn)
	text := fmt.Sprintf(`version: 1
trust:
  authorities:
    lab: {trusted-root: %q, signing-config: %q, transparency-log: %t}
  signers:
    release: {authority: lab, issuer: %q, subject: %q}
  evidence: {signature: {}, sbom: {binding: true}, scan: {max-age: 1d}}
  sign-with: lab
  signature-format: %s
`, sigstore.Trust().Root, sigstore.SigningConfig(with), with != stack.WithTimestamps,
		sigstore.Issuer.URL(stack.GitHub), "https://github.com/"+workflow+"@refs/heads/main", format)
	return secured{registry.Host(), ref, r.write(string(with)+".yaml", text),
		r.write(string(with)+".stranger.yaml", strings.ReplaceAll(text, "refs/heads/main", "refs/heads/other"))}
}

// runner runs the product with a home and a working directory of its own.
type runner struct {
	*testing.T
	dir string
}

func newRunner(t *testing.T) *runner { return &runner{t, t.TempDir()} }

// made is what the script run has built.
func (r *runner) made(name string) string {
	r.Helper()
	path := os.Getenv("STEPSEAL_SIGSTORE_" + name)
	if path == "" {
		r.Fatalf("STEPSEAL_SIGSTORE_%s is not set: start these tests with test/sigstore/run", name)
	}
	return path
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	whole, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return whole
}

func (r *runner) write(name, content string) string {
	r.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		r.Fatal(err)
	}
	return path
}

// run is how a command ended, and to whom it spoke, or tried to.
func (r *runner) run(args ...string) (code int, spokenTo []string) {
	r.Helper()
	trace := filepath.Join(r.dir, "trace")
	command := exec.Command("strace", append([]string{"-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", trace, r.made("PRODUCT")}, args...)...)
	command.Dir = r.dir
	command.Env = []string{"HOME=" + r.dir, "TMPDIR=" + r.TempDir(), "PATH=" + os.Getenv("PATH"), "STEPSEAL_IDENTITY_TOKEN_FILE=" + filepath.Join(r.dir, "token")}
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	_ = command.Run() // the exit code says all
	text, err := os.ReadFile(trace)
	if err != nil {
		r.Fatalf("%v\n%s", err, &said)
	}
	r.Logf("stepseal %s: exit %d\n%s", strings.Join(args, " "), command.ProcessState.ExitCode(), &said)
	return command.ProcessState.ExitCode(), addresses(string(text))
}

var (
	anyAddress = regexp.MustCompile(`sa_family=AF_[A-Z0-9]+[^}]*`)
	internet   = regexp.MustCompile(`^sa_family=AF_INET, sin_port=htons\(([0-9]+)\), sin_addr=inet_addr\("([0-9.]+)"\)$`)
)

// addresses are those in the calls of a trace, each once. What is no address of IPv4 stands there as strace writes it.
func addresses(trace string) []string {
	seen := map[string]bool{}
	for _, found := range anyAddress.FindAllString(trace, -1) {
		if parts := internet.FindStringSubmatch(found); parts != nil {
			found = parts[2] + ":" + parts[1]
		}
		seen[found] = true
	}
	return slices.Sorted(maps.Keys(seen))
}
