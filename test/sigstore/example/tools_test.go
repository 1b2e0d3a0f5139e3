package example

import (
	"strings"

	"github.com/stepseal/stepseal/test/sigstore/issuer"
	"github.com/stepseal/stepseal/test/sigstore/stack"
)

const subject = "https://kubernetes.io/namespaces/builds/serviceaccounts/tekton"

// sign signs an image with stepseal, as the page says.
func (o *operator) sign(tokens *issuer.Issuer, ref string) {
	o.t.Helper()
	if said, err := o.stepseal("sign-attest", "--image", ref, "--config", o.trusting(), "--require-scan=false", "--identity-token-file", o.token(tokens)); err != nil {
		o.t.Fatalf("%v:\n%s", err, said)
	}
}

// signByCosign signs an image with cosign.
func (o *operator) signByCosign(tokens *issuer.Issuer, ref string) {
	o.t.Helper()
	said, err := o.command("cosign", "sign", "--yes", ref, "--new-bundle-format", "--identity-token", o.token(tokens),
		"--trusted-root", o.path("sigstore/public/trusted_root.json"), "--signing-config", o.path("sigstore/public/signing_config.json")).CombinedOutput()
	if err != nil {
		o.t.Fatalf("%v:\n%s", err, said)
	}
}

// accepts wants both tools to take the image.
func (o *operator) accepts(ref string) {
	o.t.Helper()
	if said, err := o.verify(ref); err != nil {
		o.t.Errorf("stepseal: %v:\n%s", err, said)
	}
	if said, err := o.verifyByCosign(ref); err != nil {
		o.t.Errorf("cosign: %v:\n%s", err, said)
	}
}

// refuses wants both tools to refuse it on those grounds.
func (o *operator) refuses(ref, stepseal, cosign string) {
	o.t.Helper()
	if said, err := o.verify(ref); err == nil || !strings.Contains(said, stepseal) {
		o.t.Errorf("want stepseal to refuse on the grounds %q, got %v:\n%s", stepseal, err, said)
	}
	if said, err := o.verifyByCosign(ref); err == nil || !contains(said, cosign) {
		o.t.Errorf("want cosign to refuse on the grounds %q, got %v:\n%s", cosign, err, said)
	}
}

func (o *operator) verify(ref string) (string, error) {
	return o.stepseal("verify", "--image", ref, "--config", o.trusting())
}

func (o *operator) verifyByCosign(ref string, flags ...string) (string, error) {
	args := append([]string{"verify", ref, "--new-bundle-format", "--trusted-root", o.path("sigstore/public/trusted_root.json"),
		"--use-signed-timestamps", "--certificate-identity", subject, "--certificate-oidc-issuer", "http://127.0.0.1:5556/" + stack.Kubernetes}, flags...)
	said, err := o.command("cosign", args...).CombinedOutput()
	return string(said), err
}

// stepseal runs in an empty folder. Nothing ends TLS before these services, so it is told that they may be spoken to without.
func (o *operator) stepseal(args ...string) (string, error) {
	command := o.command("stepseal", args...)
	command.Dir = o.t.TempDir()
	command.Env = append(command.Env, "STEPSEAL_INSECURE_REGISTRY=fulcio:5555,rekor:3000,rekor-2027:3000,timestamps:3004")
	said, err := command.CombinedOutput()
	return string(said), err
}

// trusting is the path of the trust section.
func (o *operator) trusting() string { return o.path("sigstore/public/trust.yaml") }

// token is the path of a token of the service account that builds.
func (o *operator) token(tokens *issuer.Issuer) string {
	o.t.Helper()
	token, err := tokens.Token(stack.Kubernetes, issuer.Kubernetes("builds", "tekton"))
	if err != nil {
		o.t.Fatal(err)
	}
	return o.write("token", token)
}

// contains says whether one of the alternatives stands in the text.
func contains(text, alternatives string) bool {
	for one := range strings.SplitSeq(alternatives, "|") {
		if strings.Contains(text, one) {
			return true
		}
	}
	return false
}
