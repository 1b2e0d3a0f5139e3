package e2e

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/registrytest"
)

// How the cosign command line reads each format. It knows nothing of logs and roots here: a key is all there is.
var cosignReads = map[string][]string{
	"bundle": {"--key", "cosign.pub", "--insecure-ignore-tlog", "--new-bundle-format", "--trusted-root", "empty-root.json"},
	"legacy": {"--key", "cosign.pub", "--insecure-ignore-tlog", "--private-infrastructure"},
}

func TestCosignVerifiesWhatWeSign(t *testing.T) {
	for _, format := range []string{"bundle", "legacy"} {
		t.Run(format, func(t *testing.T) {
			u, ref := newUser(t), pushedApp(t, startRegistry(t, registrytest.ReferrersOn))
			u.secure(ref, "--signature-format", format).want(t, 0, "")
			u.cosignVerifies(ref, cosignReads[format]...)
		})
	}
}

// With both formats present cosign reads the bundles only; once the registry lists none it reads the others.
func TestCosignVerifiesBothFormatsOfOneImage(t *testing.T) {
	registry := startRegistry(t, registrytest.ReferrersOn)
	u, ref := newUser(t), pushedApp(t, registry)
	u.secure(ref).want(t, 0, "")
	u.cosignVerifies(ref, cosignReads["bundle"]...)
	registry.SetReferrers(registrytest.ReferrersOff)
	u.cosignVerifies(ref, cosignReads["legacy"]...)
}

func TestCosignRefusesUsUnderAnotherKey(t *testing.T) {
	for format, reads := range cosignReads {
		t.Run(format, func(t *testing.T) {
			u, ref := newUser(t), pushedApp(t, startRegistry(t, registrytest.ReferrersOn))
			u.secure(ref, "--signature-format", format).want(t, 0, "")
			stranger := newUser(t)
			if verified := stranger.run("cosign", append([]string{"verify", ref}, reads...)...); verified.code == 0 {
				t.Errorf("cosign accepts the signature under a key that did not sign:\n%s", verified.stderr)
			}
		})
	}
}

// A key pair that stepseal made serves cosign as well.
func TestCosignUsesOurKeys(t *testing.T) {
	u, ref := newUser(t), pushedApp(t, startRegistry(t, registrytest.ReferrersOn))
	u.run(made.product, "keys", "generate", "--prefix", "team").want(t, 0, "")
	u.run("cosign", "sign", "--yes", "--key", "team.key", "--tlog-upload=false", ref).want(t, 0, "")
	u.stepseal("verify", "--image", ref, "--public-key", "team.pub", "--require", "signature").want(t, 0, "")
	u.run("cosign", "verify", "--key", "team.pub", "--insecure-ignore-tlog", "--private-infrastructure", ref).want(t, 0, "")
}

// An image of some hundred megabytes, whose SBOM is as large as they come.
func TestCosignVerifiesTheLargeImage(t *testing.T) {
	u, ref := newUser(t), pushed(t, made.bullseye)
	secured := u.secure(ref, "--fail-on", "never")
	secured.want(t, 0, "")
	u.cosignVerifies(secured.outputs["image"], cosignReads["bundle"]...)

	attested := u.run("cosign", append([]string{"verify-attestation", "--type", "cyclonedx", secured.outputs["image"]}, cosignReads["bundle"]...)...)
	predicate := predicateOf(t, attested.stdout)
	sbom, err := os.ReadFile(u.path("stepseal-out/sbom.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	if string(predicate) != string(sbom) {
		t.Errorf("the attested SBOM has %d bytes and differs from the file of %d bytes", len(predicate), len(sbom))
	}
}

func TestWeVerifyWhatCosignSigns(t *testing.T) {
	for format, option := range map[string]string{"bundle": "--new-bundle-format", "legacy": "--new-bundle-format=false"} {
		t.Run(format, func(t *testing.T) {
			u, ref := newUser(t), pushedApp(t, startRegistry(t, registrytest.ReferrersOn))
			// Of an image named by its tag syft's document knows no digest.
			tagged, _, _ := strings.Cut(ref, "@")
			u.run("syft", "-q", "registry:"+tagged+":1.0", "-o", "cyclonedx-json=syft.cdx.json").want(t, 0, "")
			u.run("grype", "db", "import", made.database).want(t, 0, "")
			u.run("grype", "-q", "registry:"+ref, "-o", "json", "--file", "grype.json").want(t, 0, "")
			u.write("vuln.json", `{"invocation":{},"scanner":{"uri":"pkg:github/anchore/grype","version":"0.120.1","db":{},"result":`+
				string(readFile(t, u.path("grype.json")))+`},"metadata":{"scanStartedOn":"2026-01-01T00:00:00Z","scanFinishedOn":"2026-01-01T00:00:10Z"}}`)
			by := []string{"--yes", "--key", "cosign.key", "--tlog-upload=false", option}
			u.run("cosign", append([]string{"sign", ref}, by...)...).want(t, 0, "")
			u.run("cosign", append([]string{"attest", "--type", "cyclonedx", "--predicate", "syft.cdx.json", ref}, by...)...).want(t, 0, "")
			u.run("cosign", append([]string{"attest", "--type", "vuln", "--predicate", "vuln.json", ref}, by...)...).want(t, 0, "")

			u.verify(ref, "--require", "signature,sbom").want(t, 0, "")
			if noted := string(readFile(t, u.path("stepseal-out/verification.json"))); !strings.Contains(noted, "sbom-unbound") {
				t.Errorf("nothing is said of an SBOM that does not name its image (sbom-unbound):\n%s", noted)
			}
			u.verify(ref, "--require", "signature,sbom", "--require-sbom-binding").want(t, 10, "sbom-unbound")
			u.verify(ref, "--require", "signature,sbom,scan").want(t, 10, "scan-without-verdict")

			newUser(t).verify(ref, "--require", "signature").want(t, 10, "signature-untrusted")
		})
	}
}

// secure runs the whole chain on an image whose content the database covers.
func (u user) secure(ref string, args ...string) ended {
	u.t.Helper()
	return u.stepseal(append(gate("secure-image", "--image", ref, "--key", "cosign.key"), args...)...)
}

// cosignVerifies demands that the command line accepts the signature and both attestations.
func (u user) cosignVerifies(ref string, reads ...string) {
	u.t.Helper()
	for _, command := range [][]string{
		{"verify"},
		{"verify-attestation", "--type", "cyclonedx"},
		{"verify-attestation", "--type", "vuln"},
	} {
		u.run("cosign", append(append(command, ref), reads...)...).want(u.t, 0, "")
	}
}

// predicateOf takes the predicate out of what cosign verify-attestation prints, with its very bytes.
func predicateOf(t *testing.T, printed string) json.RawMessage {
	t.Helper()
	var envelope struct{ Payload string }
	if err := json.Unmarshal([]byte(printed), &envelope); err != nil {
		t.Fatalf("%v in %.200s", err, printed)
	}
	payload, err := base64.StdEncoding.DecodeString(envelope.Payload)
	if err != nil {
		t.Fatal(err)
	}
	var statement struct{ Predicate json.RawMessage }
	if err := json.Unmarshal(payload, &statement); err != nil {
		t.Fatal(err)
	}
	return statement.Predicate
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
