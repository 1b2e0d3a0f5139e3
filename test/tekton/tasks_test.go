package tekton

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each Task alone, and then by hand what a Pipeline would do: what one finds out the next takes from the workspace source.
func TestTasks(t *testing.T) {
	s := newSpace(t, ordinary)
	repository, digest := app(t, "tasks/shop", "2.17.1")
	image := repository + "@" + digest
	source := s.claim("source")
	reach := []any{dockerconfig, authorities, source}

	made := s.task("sbom", run{step: "generate-sbom", params: params{"image": image}, workspaces: reach}, "accepted")
	has(t, made, map[string]string{"image": image, "image-digest": digest, "packages": "*", "evidence-digest": "*", "reason": "",
		"scanned_ARTIFACT_INPUTS": fmt.Sprint(map[string]any{"digest": digest, "uri": repository})})
	evidence := params{"evidence": made.Results()["evidence"], "evidence-digest": made.Results()["evidence-digest"]}

	gated := s.task("gate", run{step: "scan-gate", params: evidence, workspaces: append(reach, advisories)}, "accepted")
	has(t, gated, map[string]string{"image": image, "critical": "0", "high": "0", "database-date": "*", "evidence-digest": "*"})
	evidence = params{"evidence": gated.Results()["evidence"], "evidence-digest": gated.Results()["evidence-digest"]}

	signed := s.task("sign", run{step: "sign-attest", params: evidence, workspaces: append(reach, signingKey)}, "accepted")
	has(t, signed, map[string]string{"image": image, "signature-digest": "*", "sbom-attestation-digest": "*", "scan-attestation-digest": "*"})

	verified := s.task("verify", run{step: "verify", params: params{"image": image, "require": "signature,sbom,scan"},
		workspaces: []any{dockerconfig, authorities, publicKey}}, "accepted")
	has(t, verified, map[string]string{"image": image, "signer": "*", "verification-digest": "*"})
}

// A changed hand-over is refused: the digest is a result, which nobody but Tekton can write, and the files are not.
func TestChangedHandOver(t *testing.T) {
	s := newSpace(t, ordinary)
	repository, digest := app(t, "handover/shop", "2.17.1")
	source := s.claim("source")
	made := s.task("sbom", run{step: "generate-sbom", params: params{"image": repository + "@" + digest},
		workspaces: []any{dockerconfig, authorities, source}}, "accepted")
	path := filepath.Join(s.folder("source"), "stepseal-out", "evidence.json")
	changed := strings.Replace(s.read(path), digest, "sha256:"+strings.Repeat("0", 64), 1)
	if err := os.WriteFile(path, []byte(changed), 0o666); err != nil {
		t.Fatal(err)
	}
	gated := s.task("gate", run{step: "scan-gate", workspaces: []any{dockerconfig, authorities, source, advisories},
		params: params{"evidence": made.Results()["evidence"], "evidence-digest": made.Results()["evidence-digest"]}}, "refused")
	has(t, gated, map[string]string{"reason": "evidence-changed", "image": ""})
}

func TestSecureImage(t *testing.T) {
	s := newSpace(t, ordinary)
	repository, digest := app(t, "secure/shop", "2.17.1")
	found := s.task("secure", run{step: "secure-image", params: params{"image": repository + "@" + digest},
		workspaces: []any{dockerconfig, authorities, advisories, signingKey}}, "accepted")
	has(t, found, map[string]string{"image-digest": digest, "gate-verdict": "accepted", "verify-verdict": "accepted", "stopped-at": "",
		"signature-digest": "*", "sbom-attestation-digest": "*", "scan-attestation-digest": "*", "signer": "*"})
}

// The image runs as it is pinned: the node pulled that very digest.
func TestImageByDigest(t *testing.T) {
	s := newSpace(t, ordinary)
	repository, digest := app(t, "digest/shop", "2.17.1")
	found := s.task("sbom", run{step: "generate-sbom", params: params{"image": repository + "@" + digest},
		workspaces: []any{dockerconfig, authorities}}, "accepted")
	_, pinned, _ := strings.Cut(the.image, "@")
	steps := found.List("status", "steps")
	if len(steps) != 1 || !strings.HasSuffix(steps[0].Text("imageID"), "@"+pinned) {
		t.Errorf("the steps are %v, want one of %s", steps, pinned)
	}
}

func TestRefused(t *testing.T) {
	s := newSpace(t, ordinary)
	repository, digest := app(t, "refused/shop", "2.14.1")
	found := s.task("gate", run{step: "scan-gate", params: params{"image": repository + "@" + digest},
		workspaces: []any{dockerconfig, authorities, advisories}}, "refused")
	has(t, found, map[string]string{"reason": "vulnerable", "image-digest": digest, "critical": "*", "scan-digest": "*"})
	if found.Results()["critical"] == "0" {
		t.Error("nothing critical was found in log4j-core 2.14.1")
	}
	steps := found.List("status", "steps")
	if code := steps[0].At("terminated", "exitCode"); fmt.Sprint(code) != "10" {
		t.Errorf("the exit code is %v, want 10", code)
	}

	unsigned := s.task("verify", run{step: "verify", params: params{"image": repository + "@" + digest},
		workspaces: []any{dockerconfig, authorities, publicKey}}, "refused")
	has(t, unsigned, map[string]string{"reason": "signature-missing", "image-digest": digest})
}
