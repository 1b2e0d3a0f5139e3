// Package example runs examples/private-sigstore: its scripts as they stand, and the commands of its compose file as
// processes, without the images. The script test/sigstore/run starts it.
package example

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/test/sigstore/issuer"
	"github.com/stepseal/stepseal/test/sigstore/stack"
)

var made struct{ services string }

func TestMain(m *testing.M) {
	if made.services = os.Getenv("STEPSEAL_SIGSTORE_SERVICES"); made.services == "" {
		fmt.Fprintln(os.Stderr, "STEPSEAL_SIGSTORE_SERVICES is not set: start these tests with test/sigstore/run")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestAnOperatorsYears(t *testing.T) {
	o := newOperator(t)
	tokens, err := issuer.Serve("127.0.0.1:5556")
	if err != nil {
		t.Fatal(err)
	}
	defer tokens.Close()
	o.script("keys", "sigstore")
	o.issuers(tokens.URL(stack.Kubernetes))
	o.script("trust", "sigstore")
	o.up()

	// The first image is signed, and verified by who trusts the files of public.
	first, second := pushed(t), pushed(t)
	o.sign(tokens, first)
	o.accepts(first)
	o.refuses(second, "no valid bundles exist in registry")

	// There is no certificate log, and who does not say so is refused.
	o.refuses(first, "only able to verify 0 SCT entries", "--insecure-ignore-sct=false")

	// Nothing that runs is needed to verify.
	o.down()
	o.accepts(first)

	// The log goes on where it was.
	o.backUp()
	o.up()
	before := o.logged()
	o.sign(tokens, second)
	o.accepts(second)
	if after := o.logged(); before < 1 || after != before+1 {
		t.Errorf("the log has %d entries before the second signature, %d after it", before, after)
	}
	o.down()

	// A backup goes on too. What was logged after it is missing from the log, and no verifier notices.
	o.restore()
	o.up()
	if restored := o.logged(); restored != before {
		t.Errorf("the restored log has %d entries, and had %d", restored, before)
	}
	o.accepts(second)
	after := pushed(t)
	o.sign(tokens, after)
	o.accepts(after)
	o.down()

	// New keys for Fulcio and timestamps: what was signed before stays good for who knows the old chains too.
	old := o.read("sigstore/public/trusted_root.json")
	o.rename("sigstore/public/fulcio.crt", "sigstore/public/fulcio-2026.crt")
	o.rename("sigstore/public/timestamps.crt", "sigstore/public/timestamps-2026.crt")
	o.remove("sigstore/fulcio/fulcio.key", "sigstore/timestamps/timestamps.key")
	o.script("keys", "sigstore")
	o.script("trust", "sigstore")
	o.up()
	third := pushed(t)
	o.sign(tokens, third)
	o.accepts(third)
	o.accepts(first)
	o.write("sigstore/public/trusted_root.json", old)
	o.accepts(first)
	o.refuses(third, "leaf certificate verification failed|unable to verify signed timestamps")

	// Who forgets the old chains loses what was signed under them.
	o.remove("sigstore/public/fulcio-2026.crt")
	o.script("trust", "sigstore")
	o.refuses(first, "leaf certificate verification failed")
	o.accepts(third)
}

// A root whose key was taken away signs nothing, and no other takes its place.
func TestKeysNeedTheOfflineKeyToRenew(t *testing.T) {
	o := newOperator(t)
	o.script("keys", "sigstore")
	o.rename("sigstore/offline", "safe")
	o.script("keys", "sigstore") // nothing is missing
	o.remove("sigstore/public/fulcio.crt", "sigstore/fulcio/fulcio.key")
	root := o.read("sigstore/roots/fulcio.crt")
	said, err := o.command("../../../examples/private-sigstore/keys", o.path("sigstore")).CombinedOutput()
	if err == nil || !strings.Contains(string(said), "offline/fulcio.key") {
		t.Errorf("want an error that names the key, got %v:\n%s", err, said)
	}
	if o.read("sigstore/roots/fulcio.crt") != root {
		t.Error("the root is another one")
	}
	o.remove("sigstore/offline")
	o.rename("safe", "sigstore/offline")
	o.script("keys", "sigstore")
	if !strings.HasSuffix(o.read("sigstore/public/fulcio.crt"), root) {
		t.Error("the new chain does not end in the root")
	}
}

const subject = "https://kubernetes.io/namespaces/builds/serviceaccounts/tekton"

func (o *operator) sign(tokens *issuer.Issuer, ref string) {
	o.t.Helper()
	token, err := tokens.Token(stack.Kubernetes, issuer.Kubernetes("builds", "tekton"))
	if err != nil {
		o.t.Fatal(err)
	}
	said, err := o.command("cosign", "sign", "--yes", ref, "--new-bundle-format", "--identity-token", o.write("token", token),
		"--trusted-root", o.path("sigstore/public/trusted_root.json"), "--signing-config", o.path("sigstore/public/signing_config.json")).CombinedOutput()
	if err != nil {
		o.t.Fatalf("%v:\n%s", err, said)
	}
}

func (o *operator) accepts(ref string) {
	o.t.Helper()
	if said, err := o.verify(ref); err != nil {
		o.t.Errorf("%v:\n%s", err, said)
	}
}

func (o *operator) refuses(ref, grounds string, flags ...string) {
	o.t.Helper()
	said, err := o.verify(ref, flags...)
	if err == nil || !contains(said, grounds) {
		o.t.Errorf("want a refusal on the grounds %q, got %v:\n%s", grounds, err, said)
	}
}

func (o *operator) verify(ref string, flags ...string) (string, error) {
	o.t.Helper()
	args := append([]string{"verify", ref, "--new-bundle-format", "--trusted-root", o.path("sigstore/public/trusted_root.json"),
		"--certificate-identity", subject, "--certificate-oidc-issuer", "http://127.0.0.1:5556/" + stack.Kubernetes,
		"--use-signed-timestamps", "--insecure-ignore-sct"}, flags...)
	said, err := o.command("cosign", args...).CombinedOutput()
	return string(said), err
}

// logged is how many entries the log has: the second line of its checkpoint. The server takes entries only; whoever wants to
// read the log is given its files.
// https://c2sp.org/tlog-checkpoint
func (o *operator) logged() int {
	o.t.Helper()
	text := o.read("log/checkpoint")
	var origin string
	var size int
	if _, err := fmt.Sscanf(text, "%s\n%d\n", &origin, &size); err != nil {
		o.t.Fatalf("%v in %q", err, text)
	}
	return size
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

// pushed is the reference, by digest, of a small image in a registry of its own.
func pushed(t *testing.T) string {
	t.Helper()
	registry, err := registrytest.Start(registrytest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(registry.Close)
	image, err := registrytest.App(registrytest.AppOptions{Distro: registrytest.Debian("11")})
	if err != nil {
		t.Fatal(err)
	}
	digest, err := registry.Push("shop/api:1.0", image)
	if err != nil {
		t.Fatal(err)
	}
	return registry.Ref("shop/api@" + digest.String())
}
