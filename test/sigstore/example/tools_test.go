package example

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/stepseal/stepseal/test/sigstore/issuer"
	"github.com/stepseal/stepseal/test/sigstore/stack"
)

// sign signs an image as the page says.
func (o *operator) sign(tokens *issuer.Issuer, ref string) {
	o.t.Helper()
	if said, err := o.signs(tokens, "sign", ref); err != nil {
		o.t.Fatalf("%v:\n%s", err, said)
	}
}

// signs runs a command of the page that takes a token.
func (o *operator) signs(tokens *issuer.Issuer, command, ref string) (string, error) {
	o.t.Helper()
	token, err := tokens.Token(stack.Kubernetes, issuer.Kubernetes("builds", "tekton"))
	if err != nil {
		o.t.Fatal(err)
	}
	o.write("sigstore/public/token", token)
	defer o.remove("sigstore/public/token")
	return o.page(command, ref)
}

// accepts wants both tools to take the image.
func (o *operator) accepts(ref string) {
	o.t.Helper()
	for _, command := range []string{"verify", "cosign-verify"} {
		if said, err := o.page(command, ref); err != nil {
			o.t.Errorf("%s: %v:\n%s", command, err, said)
		}
	}
}

// refuses wants both to refuse it on those grounds, which are regular expressions.
func (o *operator) refuses(ref, stepseal, cosign string) {
	o.t.Helper()
	for command, grounds := range map[string]string{"verify": stepseal, "cosign-verify": cosign} {
		if said, err := o.page(command, ref); err == nil || !regexp.MustCompile(grounds).MatchString(said) {
			o.t.Errorf("%s: want a refusal on the grounds %q, got %v:\n%s", command, grounds, err, said)
		}
	}
}

// page runs a command of the page about an image, in the folder that is carried.
func (o *operator) page(command, ref string) (string, error) {
	o.t.Helper()
	text, err := os.ReadFile("../../../examples/private-sigstore/README.md")
	if err != nil {
		o.t.Fatal(err)
	}
	_, block, found := strings.Cut(string(text), "\n```sh "+command+"\n")
	if !found {
		o.t.Fatalf("the page has no command %s", command)
	}
	block, _, _ = strings.Cut(block, "\n```\n")
	return o.carried("bash", "-euc", strings.NewReplacer("IMAGE@DIGEST", ref, exampleIssuer, o.issuer).Replace(block))
}

// carried runs something in the folder that is carried. Nothing ends TLS before the services here, so stepseal is told that
// they may be spoken to without.
func (o *operator) carried(name string, args ...string) (string, error) {
	command := o.command(name, args...)
	command.Dir = o.path("sigstore/public")
	command.Env = append(command.Env,
		"STEPSEAL_INSECURE_REGISTRY=fulcio:5555,rekor:3000,rekor-2027:3000,timestamps:3004",
		"STEPSEAL_DATABASE="+made.database, "STEPSEAL_MAX_DATABASE_AGE=0", "STEPSEAL_FAIL_ON=never",
		"STEPSEAL_OUTPUT_DIRECTORY="+o.t.TempDir())
	said, err := command.CombinedOutput()
	return string(said), err
}

// environment is one in which both tools are found.
func (o *operator) environment() []string {
	path := []string{filepath.Dir(made.product), made.services, os.Getenv("PATH")}
	return []string{"HOME=" + o.mkdir("home"), "PATH=" + strings.Join(path, ":")}
}
