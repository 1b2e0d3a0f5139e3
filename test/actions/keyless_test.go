package actions_test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const release = "https://github.com/team/shop/.github/workflows/keyless.yml@refs/tags/v1.2.3"

// TestKeyless signs by tokens like GitHub's and a real Fulcio. They have one Sigstore together: it takes its time to start.
func TestKeyless(t *testing.T) {
	l := newLab(t)
	t.Run("a release is signed and deployed", l.release)
	t.Run("whoever may not sign does not", l.stops)
	t.Run("without the permission within a second", l.stopsAtOnce)
	t.Run("a job that has ended is turned away", l.turnedAway)
	t.Run("whoever nobody trusts is not deployed", l.gate)
	t.Run("a reusable workflow is told by its caller", l.callers)
}

func (l *lab) release(t *testing.T) {
	shop, image := l.shop(t), l.registry.Host()+"/team/shop"
	signer := "signer=" + release + " (" + l.issuer() + ")"
	log, ok := l.push(t, shop, "v1.2.3")
	if !ok {
		t.Fatal("a release is not signed")
	}
	has(t, log, signer, "verify-verdict=accepted", "provenance-attestation-digest=sha256:")
	log, told := l.deploy(t, example(t, "deploy-gate.yml"), shop.trust, image+":v1.2.3")
	if !regexp.MustCompile(`^set image deployment/app app=` + regexp.QuoteMeta(image) + `@sha256:[0-9a-f]{64}\n$`).MatchString(told) {
		t.Errorf("kubectl is told %q", told)
	}
	has(t, log, signer)
	for row, value := range map[string]string{"repository": "https://github.com/team/shop", "ref": "refs/tags/v1.2.3", "commit": "[0-9a-f]{40}", "started by": release,
		"trigger": "push", "run": "https://github.com/team/shop/actions/runs/1234567/attempts/2", "runner": "github-hosted"} {
		if !regexp.MustCompile(`\|   ` + row + ` +` + value + `\n`).MatchString(log) {
			t.Errorf("the log does not say that the %s is %s", row, value)
		}
	}
}

// stops: a job that may not ask for a token, and one on a tag that is no release.
func (l *lab) stops(t *testing.T) {
	mayNot, candidate := l.shop(t), l.shop(t)
	mayNot.workflow = changed(t, mayNot.workflow, "      id-token: write\n", "")
	for tag, one := range map[string]struct {
		repository
		says []string
	}{
		"v1.2.4":     {mayNot, []string{"verdict=misused", "reason=identity-token-missing", "add `id-token: write` under the `permissions:` of the job"}},
		"v1.3.0-rc1": {candidate, []string{"verdict=refused", "reason=signer-not-trusted"}},
	} {
		before := l.registry.Requests().Count("PUT", "/v2/team/shop/manifests/*")
		log, ok := l.push(t, one.repository, tag)
		if pushed := l.registry.Requests().Count("PUT", "/v2/team/shop/manifests/*") - before; ok || pushed != 1 {
			t.Errorf("%s: the job succeeded (%v), or more is pushed than the image: %d manifests", tag, ok, pushed)
		}
		has(t, log, one.says...)
	}
}

// stopsAtOnce counts the container's life alone, without the time that Docker takes to make it. The machine may be busy: the
// fastest of three counts.
func (l *lab) stopsAtOnce(t *testing.T) {
	container, fastest := l.container(t), time.Hour
	for range 3 {
		log, _ := exec.Command("docker", "start", "--attach", container).CombinedOutput() // how it ended is asked for below
		has(t, string(log), "[identity-token-missing]", "id-token: write")
		code, lived := life(t, container)
		if code != 12 {
			t.Errorf("it ends with %d", code)
		}
		fastest = min(fastest, lived)
	}
	if fastest > time.Second {
		t.Errorf("it takes %s", fastest)
	}
}

// turnedAway: the right to ask ends with the job.
func (l *lab) turnedAway(t *testing.T) {
	container := l.container(t, "-e", "ACTIONS_ID_TOKEN_REQUEST_URL="+l.issuer()+"/idtoken?api-version=2.0", "-e", "ACTIONS_ID_TOKEN_REQUEST_TOKEN=of-a-job-that-has-ended")
	log, _ := exec.Command("docker", "start", "--attach", container).CombinedOutput()
	if code, _ := life(t, container); code != 11 {
		t.Errorf("it ends with %d", code)
	}
	has(t, string(log), "[identity-token-unavailable]", "does not let this job have an identity token (401)")
}

// container is the step that signs as GitHub's runner makes it, before it is started.
func (l *lab) container(t *testing.T, more ...string) (id string) {
	t.Helper()
	dir := t.TempDir()
	l.fill(t, dir, l.shop(t))
	l.surroundings.push(t, "team/shop:v1.2.3", "2.17.1")
	args := append([]string{"create", "--network=host", "-v", dir + ":/github/workspace", "--workdir=/github/workspace", "-e", "GITHUB_ACTIONS=true",
		"-e", "STEPSEAL_CONFIG=trust.yaml", "-e", "STEPSEAL_IMAGE=" + l.registry.Host() + "/team/shop:v1.2.3"}, more...)
	out, err := exec.Command("docker", append(args, l.image, "secure-image")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func life(t *testing.T, container string) (code int, lived time.Duration) {
	t.Helper()
	out, err := exec.Command("docker", "inspect", "--format", "{{json .State}}", container).Output()
	var state struct {
		ExitCode              int
		StartedAt, FinishedAt time.Time
	}
	if err == nil {
		err = json.Unmarshal(out, &state)
	}
	if err != nil {
		t.Fatal(err)
	}
	return state.ExitCode, state.FinishedAt.Sub(state.StartedAt)
}

// gate refuses what those signed who trust themselves, even where somebody told it to go on.
func (l *lab) gate(t *testing.T) {
	shop, image := l.shop(t), l.registry.Host()+"/team/shop"
	gate := example(t, "deploy-gate.yml")
	careless := changed(t, gate, "      - id: verify\n", "      - id: verify\n        continue-on-error: true\n")
	for _, one := range []struct{ repository, file, tag, gate, grounds string }{
		{"team/shop", "", "v1.1.0", gate, `\[signature-missing\]`},
		{"team/web", "keyless.yml", "v1.1.1", gate, `\[signature-untrusted\](?s:.*)source-repository is "https://github.com/team/web" and not "https://github.com/team/shop"`},
		{"team/shop", "keyless.yml", "v1.1.2-rc1", gate, `\[signature-untrusted\](?s:.*)subject is "\S+/keyless.yml@refs/tags/v1.1.2-rc1" and not`},
		{"team/shop", "other.yml", "v1.1.3", careless, `\[signature-untrusted\](?s:.*)subject is "\S+/other.yml@refs/tags/v1.1.3" and not`},
	} {
		if one.file == "" {
			l.surroundings.push(t, "team/shop:"+one.tag, "2.17.1")
		} else {
			itself := "https://github.com/" + one.repository + "/.github/workflows/" + one.file + "@refs/tags/" + one.tag
			log, ok := l.push(t, repository{name: one.repository, file: one.file, workflow: shop.workflow, trust: l.trustIn(t, "subject: "+itself)}, one.tag)
			if !ok {
				t.Fatalf("%s cannot sign", itself)
			}
			has(t, log, "signer="+itself)
		}
		log, told := l.deploy(t, one.gate, shop.trust, image+":"+one.tag)
		if told != "" {
			t.Errorf("%s: kubectl is told %q", one.tag, told)
		}
		if !strings.Contains(log, "verdict=refused") || !regexp.MustCompile(one.grounds).MatchString(log) {
			t.Errorf("%s is not refused because of %s", one.tag, one.grounds)
		}
	}
}

// callers of a reusable workflow sign as it, and the trust section tells them apart.
func (l *lab) callers(t *testing.T) {
	const shared = "team/pipelines/.github/workflows/sign.yml@refs/tags/v1"
	pipelines := t.TempDir()
	write(t, filepath.Join(pipelines, ".github/workflows/sign.yml"), changed(t, example(t, "keyless.yml"), "  push:\n    tags: [\"v*\"]\n", "  workflow_call:\n"))
	workflow := `name: Release
on:
  push:
    tags: ["v*"]
permissions: {}
jobs:
  release:
    permissions:
      contents: read
      packages: write
      id-token: write
    uses: team/pipelines/.github/workflows/sign.yml@v1
`
	for _, one := range []struct{ repository, file, tag, grounds string }{
		{"team/shop", "release.yml", "v1.0.0", ""},
		{"team/shop", "nightly.yml", "v1.0.1", `caller-workflow is "\S+/nightly.yml@refs/tags/v1.0.1" and not`},
	} {
		caller := "https://github.com/" + one.repository + "/.github/workflows/" + one.file + "@refs/tags/" + one.tag
		log, ok := l.push(t, repository{name: one.repository, file: one.file, workflow: workflow, calls: shared,
			trust: l.trustIn(t, "subject: https://github.com/"+shared, "caller-workflow: "+caller)}, one.tag, "--local-repository", "team/pipelines@v1="+pipelines)
		if !ok {
			t.Fatalf("%s cannot sign", caller)
		}
		has(t, log, "signer=https://github.com/"+shared+" ("+l.issuer()+"), started by "+caller)
		log, told := l.deploy(t, example(t, "deploy-gate.yml"), l.reusable(t), l.registry.Host()+"/team/shop:"+one.tag)
		if (told != "") != (one.grounds == "") {
			t.Errorf("%s: kubectl is told %q", caller, told)
		}
		if !regexp.MustCompile(one.grounds).MatchString(log) {
			t.Errorf("%s is not refused because of %s", caller, one.grounds)
		}
	}
}
