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
	"github.com/stepseal/stepseal/test/sigstore/shop"
	"github.com/stepseal/stepseal/test/sigstore/stack"
)

// made is what the script run has built.
var made struct{ services, product, database string }

func TestMain(m *testing.M) {
	for name, to := range map[string]*string{
		"STEPSEAL_SIGSTORE_SERVICES": &made.services,
		"STEPSEAL_SIGSTORE_PRODUCT":  &made.product,
		"STEPSEAL_SIGSTORE_DATABASE": &made.database,
	} {
		if *to = os.Getenv(name); *to == "" {
			fmt.Fprintln(os.Stderr, name+" is not set: start these tests with test/sigstore/run")
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func TestAnOperatorsYears(t *testing.T) {
	o := newOperator(t)
	tokens := o.begin()
	o.up()

	// The first image is signed, and verified by who trusts the files of public.
	first, second := pushed(t), pushed(t)
	o.sign(tokens, first)
	o.accepts(first)
	o.refuses(second, `\[signature-missing\]`, "no valid bundles exist in registry")
	byCosign := pushed(t)
	if said, err := o.signs(tokens, "cosign-sign", byCosign); err != nil {
		t.Fatalf("%v:\n%s", err, said)
	}
	if said, err := o.page("cosign-verify", byCosign); err != nil {
		t.Errorf("%v:\n%s", err, said)
	}
	o.says("signature-untrusted", `log entry is of the kind dsse 0\.0\.2`, "verify", "--image", byCosign)
	o.healthy()

	// Nothing that runs is needed to verify.
	o.down()
	o.accepts(first)
	o.says("sigstore-unavailable", `3 of the services cannot be reached`, "trust", "doctor")

	// The logs go on where they were.
	o.backUp()
	o.up()
	before := o.logged()
	o.sign(tokens, second)
	o.accepts(second)
	if after := o.logged(); before.signatures < 4 || after.signatures != before.signatures+3 || before.certificates < 2 || after.certificates <= before.certificates {
		t.Errorf("the logs have %v entries before the second signature, %v after it", before, after)
	}
	o.down()

	// A backup goes on too. What was logged after it is missing from the logs, and no verifier notices.
	o.restore()
	o.up()
	if restored := o.logged(); restored != before {
		t.Errorf("the restored logs have %v entries, and had %v", restored, before)
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
	o.healthy()
	renewed := o.read("sigstore/public/trusted_root.json")
	o.write("sigstore/public/trusted_root.json", old)
	o.accepts(first)
	o.refuses(third, `\[signature-untrusted\]`, "leaf certificate verification failed|unable to verify signed timestamps")
	if said, err := o.signs(tokens, "sign", pushed(t)); err == nil || !strings.Contains(said, "does not vouch for") {
		t.Errorf("who has the old root signs: %v:\n%s", err, said)
	}
	o.down()

	o.write("sigstore/public/trusted_root.json", renewed)

	// New logs under other names, and new roots: what rests on the old ones stays good for who knows them too.
	for _, name := range []string{"fulcio", "timestamps"} {
		o.rename("sigstore/public/"+name+".crt", "sigstore/public/"+name+"-2027.crt")
		o.remove("sigstore/roots/"+name+".crt", "sigstore/offline/"+name+".key", "sigstore/"+name+"/"+name+".key")
	}
	o.remove("sigstore/ctlog/roots.crt")
	o.rename("sigstore/public/ctlog.pub", "sigstore/public/ctlog-2026.pub")
	o.rename("sigstore/public/rekor.pub", "sigstore/public/rekor-rekor.pub")
	o.remove("sigstore/ctlog/ctlog.key", "sigstore/rekor/rekor.key")
	o.script("keys", "sigstore")
	o.script("trust", "sigstore", "REKOR=http://rekor-2027:3000")
	handedOut := o.read("sigstore/public/trusted_root.json")
	o.write("sigstore/public/trusted_root.json", old)
	o.says("trust-expired", `http://rekor-2027:3000`, "trust", "doctor", "--offline")
	o.write("sigstore/public/trusted_root.json", handedOut)
	o.up("--origin=ctlog", "--origin=ctlog-2027", "--hostname=rekor", "--hostname=rekor-2027",
		"certificates:/", "certificates-2027:/", " log:/", " log-2027:/")
	fourth := pushed(t)
	o.sign(tokens, fourth)
	o.accepts(fourth)
	o.accepts(first)
	o.accepts(third)
	o.healthy()
	o.down()

	// Who forgets an old chain or an old log loses what was signed under it.
	o.forgets("sigstore/public/rekor-rekor.pub", "not enough verified log entries from transparency log: 0 < 1", first, fourth)
	o.forgets("sigstore/public/ctlog-2026.pub", "only able to verify 0 SCT entries", first, fourth)
	o.forgets("sigstore/public/fulcio-2026.crt", "leaf certificate verification failed", first, fourth)
	o.forgets("sigstore/public/fulcio-2027.crt", "leaf certificate verification failed", third, fourth)
	o.forgets("sigstore/public/timestamps-2027.crt", "unable to verify signed timestamps", third, fourth)
}

// forgets takes a file out of what is trusted, for as long as it looks: what rests on it is refused, what does not is accepted.
func (o *operator) forgets(file, grounds, refused, accepted string) {
	o.t.Helper()
	o.rename(file, "forgotten")
	o.script("trust", "sigstore", "REKOR=http://rekor-2027:3000")
	o.refuses(refused, grounds, grounds)
	o.accepts(accepted)
	o.rename("forgotten", file)
}

func TestNobodyIsCertifiedWhileTheCertificateLogIsDown(t *testing.T) {
	o := newOperator(t)
	tokens := o.begin()
	o.up("--ct-log-url=http://ctlog:6962", "--ct-log-url=http://ctlog:1")
	image := pushed(t)
	if said, err := o.signs(tokens, "sign", image); err == nil || !strings.Contains(said, "the certificate authority http://fulcio:5555 cannot be reached") {
		t.Errorf("want a certificate authority that certifies nobody, got %v:\n%s", err, said)
	}
	o.refuses(image, `\[signature-missing\]`, "no valid bundles exist in registry")
}

// begin makes everything that the services and their users read. Tokens come from the issuer.
func (o *operator) begin() *issuer.Issuer {
	o.t.Helper()
	tokens, err := issuer.Serve("127.0.0.1:5556")
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(tokens.Close)
	o.issuer = tokens.URL(stack.Kubernetes)
	o.script("keys", "sigstore")
	o.names("issuers.yaml", "fulcio")
	o.names("trust.yaml", "public")
	o.script("trust", "sigstore")
	return tokens
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

// entries says how many the logs have.
type entries struct{ certificates, signatures int }

func (o *operator) logged() entries { return entries{o.size("certificates"), o.size("log")} }

// size is how many entries a log has: the second line of its checkpoint. The servers take entries only; whoever wants to read
// a log is given its files.
// https://c2sp.org/tlog-checkpoint
func (o *operator) size(volume string) int {
	o.t.Helper()
	text := o.read(volume + "/checkpoint")
	var origin string
	var size int
	if _, err := fmt.Sscanf(text, "%s\n%d\n", &origin, &size); err != nil {
		o.t.Fatalf("%v in %q", err, text)
	}
	return size
}

// pushed is the reference, by digest, of a small image in a registry of its own.
func pushed(t *testing.T) string {
	t.Helper()
	_, ref := shop.Push(t, registrytest.ReferrersOn)
	return ref
}
