//go:build unix && hostile

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/stepseal/stepseal/cmd/stepseal/internal/transcripts"
	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/registrytest"
)

const kills = 50

// TestHostileKillsOfSigning kills sign-attest with SIGKILL as it sends one of its requests, before or after the registry has
// done what it asks for, and every third time at any moment. Half of what it writes is never accepted, and the next run
// writes the other half and nothing twice.
func TestHostileKillsOfSigning(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	k := newKilling(t)
	whole := k.round(t, registrytest.ReferrersOn)
	if code := whole.sign(nil); code != 0 {
		t.Fatalf("a run that nobody kills ends with %d:\n%s", code, whole.said)
	}
	requests, took := len(whole.registry.Requests()), whole.took
	t.Logf("a whole run sends %d requests in %s", requests, took)
	begun := 0
	for i := range kills {
		referrers := []registrytest.Referrers{registrytest.ReferrersOn, registrytest.ReferrersOff}[i%2]
		at := &killing{request: random.IntN(requests), done: random.IntN(2) == 0}
		if i%3 == 0 {
			at = &killing{after: time.Duration(random.Int64N(int64(took)))}
		}
		t.Run(fmt.Sprintf("%d, %s", i, at), func(t *testing.T) {
			r := k.round(t, referrers)
			code := r.sign(at)
			stored := r.stored()
			if len(stored) > 0 && !complete(stored) {
				begun++
			}
			if verified := r.verify(); verified != 10 && verified != 0 || verified == 0 && !complete(stored) {
				t.Errorf("sign-attest ended with %d, verify with %d beside %v:\n%s", code, verified, stored, r.said)
			}
			if code := r.sign(nil); code != 0 {
				t.Errorf("the next run ends with %d:\n%s", code, r.said)
			}
			want := []string{".att scan", ".att sbom", ".sig", "bundle sbom", "bundle scan", "bundle signature"}
			if got := r.stored(); !slices.Equal(got, sorted(want)) {
				t.Errorf("after the next run there is %v", got)
			}
			if verified := r.verify(); verified != 0 {
				t.Errorf("after the next run verify ends with %d:\n%s", verified, r.said)
			}
		})
	}
	if begun < kills/10 {
		t.Errorf("only %d of %d runs were killed with a part written", begun, kills)
	}
}

// killing is when a run is killed.
type killing struct {
	after   time.Duration // it began
	request int           // that it sends
	done    bool          // the registry still does what the request asks for
}

func (k *killing) String() string {
	if k.after > 0 {
		return "at some moment"
	}
	return map[bool]string{true: "after", false: "before"}[k.done] + fmt.Sprintf(" request %d", k.request)
}

// killings share an image, its evidence and a key.
type killings struct {
	folder string
	host   string // as the evidence has it
}

func newKilling(t *testing.T) *killings {
	t.Helper()
	s := transcripts.NewShared(t)
	k := &killings{folder: t.TempDir()}
	registry := hostileRegistry(t)
	img, err := registrytest.App(registrytest.AppOptions{Log4jVersion: "2.17.1"})
	must(t, err)
	_, err = registry.Push("shop:1", img)
	must(t, err)
	k.host = registry.Host()
	for _, args := range [][]string{
		{"keys", "generate", "--prefix", "k"},
		{"generate-sbom", "--image", registry.Ref("shop:1"), "--output-directory", "evidence"},
		{"scan-gate", "--evidence", "evidence", "--output-directory", "evidence", "--database", s.Database},
	} {
		cmd := exec.Command("stepseal", args...)
		cmd.Dir = k.folder
		cmd.Env = append(os.Environ(), "STEPSEAL_MAX_DATABASE_AGE=0", "XDG_CACHE_HOME="+s.Cache)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	return k
}

// round is the image in a registry of its own, with evidence that names it there.
type round struct {
	*killings
	t        *testing.T
	dir      string
	registry *registrytest.Registry
	subject  name.Digest
	said     string
	took     time.Duration
}

func (k *killings) round(t *testing.T, referrers registrytest.Referrers) *round {
	t.Helper()
	registry, err := registrytest.Start(registrytest.Options{Referrers: referrers})
	must(t, err)
	t.Cleanup(registry.Close)
	img, err := registrytest.App(registrytest.AppOptions{Log4jVersion: "2.17.1"})
	must(t, err)
	digest, err := registry.Push("shop:1", img)
	must(t, err)
	r := &round{killings: k, t: t, dir: t.TempDir(), registry: registry}
	r.subject, err = name.NewDigest(registry.Ref("shop@" + digest.String()))
	must(t, err)
	must(t, os.CopyFS(filepath.Join(r.dir, "evidence"), os.DirFS(filepath.Join(k.folder, "evidence"))))
	file := filepath.Join(r.dir, "evidence", "evidence.json")
	record, err := os.ReadFile(file)
	must(t, err)
	must(t, os.WriteFile(file, []byte(strings.ReplaceAll(string(record), k.host, registry.Host())), 0o644))
	must(t, os.Mkdir(filepath.Join(r.dir, "tmp"), 0o755))
	registry.Forget()
	return r
}

func (r *round) command(args ...string) *exec.Cmd {
	cmd := exec.Command("stepseal", args...)
	cmd.Dir = r.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir, "TMPDIR=" + filepath.Join(r.dir, "tmp")}
	return cmd
}

// sign runs sign-attest, and kills it.
func (r *round) sign(at *killing) int {
	r.t.Helper()
	cmd := r.command("sign-attest", "--evidence", "evidence", "--output-directory", "evidence", "--key", filepath.Join(r.folder, "k.key"))
	var said strings.Builder
	cmd.Stderr = &said
	var started sync.WaitGroup
	started.Add(1)
	if at != nil && at.after == 0 {
		stop := r.registry.Behave(registrytest.Rule{After: at.request, Times: 1, Answer: func(_ http.ResponseWriter, req *http.Request, next http.Handler) {
			started.Wait()
			if at.done {
				next.ServeHTTP(httptest.NewRecorder(), req)
			}
			_ = cmd.Process.Kill()
			panic(http.ErrAbortHandler) // the one way to close the connection without an answer
		}})
		defer stop()
	}
	begun := time.Now()
	must(r.t, cmd.Start())
	started.Done()
	if at != nil && at.after > 0 {
		defer time.AfterFunc(at.after, func() { _ = cmd.Process.Kill() }).Stop()
	}
	_ = cmd.Wait() // the exit code tells
	r.took, r.said = time.Since(begun), said.String()
	return cmd.ProcessState.ExitCode()
}

func (r *round) verify() int {
	r.t.Helper()
	cmd := r.command("verify", "--image", r.subject.String(), "--public-key", filepath.Join(r.folder, "k.pub"), "--output-directory", "verified")
	out, _ := cmd.CombinedOutput() // the exit code tells
	r.said = string(out)
	return cmd.ProcessState.ExitCode()
}

var kindOf = map[string]string{"https://sigstore.dev/cosign/sign/v1": "signature", "https://cyclonedx.org/bom": "sbom", "https://cosign.sigstore.dev/attestation/vuln/v1": "scan"}

// stored is what the registry holds, by its own word.
func (r *round) stored() []string {
	r.t.Helper()
	access, err := image.NewRegistry(image.Access{})
	must(r.t, err)
	var list []string
	referrers, err := access.Referrers(context.Background(), r.subject)
	must(r.t, err)
	for _, one := range referrers {
		list = append(list, "bundle "+kindOf[one.Annotations["dev.sigstore.bundle.predicateType"]])
	}
	for _, suffix := range []string{".sig", ".att"} {
		got, err := remote.Get(r.subject.Tag(strings.Replace(r.subject.DigestStr(), ":", "-", 1) + suffix))
		if err != nil {
			continue // it is not there yet
		}
		var m struct {
			Layers []struct{ Annotations map[string]string }
		}
		must(r.t, json.Unmarshal(got.Manifest, &m))
		for _, l := range m.Layers {
			list = append(list, strings.TrimSpace(suffix+" "+kindOf[l.Annotations["predicateType"]]))
		}
	}
	return sorted(list)
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

// complete says whether each of the three is there in one form at least.
func complete(stored []string) bool {
	for _, kind := range [][]string{{".sig", "bundle signature"}, {".att sbom", "bundle sbom"}, {".att scan", "bundle scan"}} {
		if !slices.ContainsFunc(kind, func(one string) bool { return slices.Contains(stored, one) }) {
			return false
		}
	}
	return true
}
