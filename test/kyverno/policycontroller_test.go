package kyverno

import (
	"bytes"
	"crypto/elliptic"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/admission"
	"github.com/stepseal/stepseal/internal/signing"
	"github.com/stepseal/stepseal/internal/sigstoretest"
	"github.com/stepseal/stepseal/internal/trust"
)

func TestPolicyControllerTakesImagesOfATrustedKeyAlone(t *testing.T) {
	for _, format := range []signing.Format{signing.Legacy, signing.Both} {
		t.Run(string(format), func(t *testing.T) {
			b, release, stranger := newBench(t, format), newKey(t, elliptic.P256()), newKey(t, elliptic.P256())
			section := byKeys("release")
			section.Evidence = newLab(t, rekor...).section(trust.TrustedRoot).Evidence
			policy := b.renderControlled(section, map[string][]byte{"release": release.public})
			test(t, policy, b.pods(release, stranger, false))
		})
	}
}

func TestPolicyControllerTakesImagesOfTheTrustedIdentityAlone(t *testing.T) {
	for _, r := range []struct {
		name     string
		format   signing.Format
		services []sigstoretest.Service
		noCTLog  bool
	}{
		{".sig and .att in Rekor 1", signing.Legacy, rekor, false},
		{"both in Rekor 1 with timestamps", signing.Both, rekorStamped, false},
		{".sig and .att with timestamps alone", signing.Legacy, stamped, false},
		{"bundles with timestamps and no log at all", signing.Bundle, stamped, true},
	} {
		t.Run(r.name, func(t *testing.T) {
			b, corp, other := newBench(t, r.format), newLab(t, r.services...), newLab(t, r.services...)
			section := corp.section(trust.TrustedRoot)
			pods := b.keylessPods(corp, other)
			if r.noCTLog {
				section.Authorities[0].WithoutCTLog = true
				pods = taken(pods, "of-another-ct-log")
			}
			// A log that signed none of it is in the root too.
			policy := b.renderControlled(section, map[string][]byte{"corp": corp.TrustedRoot()})
			test(t, policy, pods)
		})
	}
}

// What is not rendered: that policy-controller finds no log for a bundle. Once it does, the policy can be rendered.
func TestPolicyControllerFindsNoLogOfATrustRootForABundle(t *testing.T) {
	b, corp := newBench(t, signing.Bundle), newLab(t, rekor...)
	section := corp.section(trust.TrustedRoot)
	section.Evidence = []trust.Demand{{Kind: trust.SBOM, Threshold: 1}}
	_, err := admission.Render(admission.PolicyController, section, admission.Material{Sources: map[string][]byte{"corp": corp.root}}, admission.Options{Images: []string{b.server.Host() + "/team/*"}, Format: "bundle"})
	if err == nil || !strings.Contains(err.Error(), "the logs of the authority corp for bundles") {
		t.Fatalf("it is rendered, or %v", err)
	}
	b.format = signing.Legacy
	policy := b.renderControlled(section, map[string][]byte{"corp": corp.root})
	policy.policies = bytes.ReplaceAll(policy.policies, []byte("signatureFormat: legacy"), []byte("signatureFormat: bundle"))
	b.format = signing.Bundle
	good := b.push("team/good")
	b.attest(good, corp.as(t, b, workflow("main")), sbom(good))
	test(t, policy, []pod{{name: "good", containers: []string{good.String()}, because: "not enough verified log entries from transparency log"}})
}

// Every policy of the golden files is one to policy-controller, which has no more to say of an image that none names.
func TestPolicyControllerLoadsWhatIsRendered(t *testing.T) {
	files, err := filepath.Glob("../../internal/admission/testdata/*.policy-controller.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d golden files: %v", len(files), err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		test(t, divided(content), []pod{{name: filepath.Base(file), containers: []string{"elsewhere.example/app:1"}, because: "is uncovered by policy"}})
	}
}

// controlled is what is rendered for policy-controller: its tester takes the TrustRoot in a file of its own.
type controlled struct{ policies, trustRoot []byte }

func (b bench) renderControlled(section trust.Section, sources map[string][]byte) controlled {
	b.Helper()
	policy, err := admission.Render(admission.PolicyController, section, admission.Material{Sources: sources}, admission.Options{Images: []string{b.server.Host() + "/team/*"}, Format: string(b.format)})
	if err != nil {
		b.Fatal(err)
	}
	return divided(policy.Document)
}

func divided(rendered []byte) (c controlled) {
	var policies [][]byte
	for _, document := range bytes.Split(rendered, []byte("\n---\n"))[1:] {
		if bytes.Contains(document, []byte("kind: TrustRoot\n")) {
			c.trustRoot = document
		} else {
			policies = append(policies, document)
		}
	}
	c.policies = bytes.Join(policies, []byte("\n---\n"))
	return c
}

// test lets policy-controller's tester judge each image, and compares what it says.
func test(t *testing.T, policy controlled, pods []pod) {
	t.Helper()
	folder := t.TempDir()
	arguments := []string{"-policy", filepath.Join(folder, "policies.yaml"), "-log-level", "error"}
	write(t, filepath.Join(folder, "policies.yaml"), policy.policies)
	if policy.trustRoot != nil {
		write(t, filepath.Join(folder, "root.yaml"), policy.trustRoot)
		arguments = append(arguments, "-trustroot", filepath.Join(folder, "root.yaml"))
	}
	for _, p := range pods {
		if len(p.containers)+len(p.init)+len(p.ephemeral) > 1 {
			continue // which containers a pod has is not the tester's business
		}
		admitted, said := tested(t, folder, append(arguments, "-image", p.containers[0]))
		t.Logf("%s: %t: %s", p.name, admitted, said)
		if admitted != p.admitted {
			t.Errorf("%s: admitted is %t: %s", p.name, admitted, said)
		}
		if !admitted && !regexp.MustCompile("(?m)"+p.because).MatchString(said) {
			t.Errorf("%s: what is said of it does not fit %s: %s", p.name, p.because, said)
		}
	}
}

// tested is the answer to one image. The tester prints nothing where it lets an image in, and why where it does not.
func tested(t *testing.T, folder string, arguments []string) (admitted bool, said string) {
	t.Helper()
	cmd := exec.Command(os.Getenv("STEPSEAL_POLICY_TESTER"), arguments...)
	cmd.Dir, cmd.Env = folder, append(os.Environ(), "HOME="+folder)
	var log strings.Builder
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err == nil && len(out) == 0 {
		return true, ""
	}
	var answer struct{ Errors []string }
	if err := json.Unmarshal(out, &answer); err != nil || len(answer.Errors) == 0 {
		t.Fatalf("no answer: %s%s", out, log.String())
	}
	return false, strings.Join(answer.Errors, "\n")
}
