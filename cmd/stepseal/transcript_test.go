package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/stepseal/stepseal/internal/advisory/testset"
	"github.com/stepseal/stepseal/internal/demo"
	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/scan"
	"github.com/stepseal/stepseal/internal/step"
	"github.com/stepseal/stepseal/internal/steps"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"stepseal":          func() { os.Exit(run()) },
		"stepseal-measured": func() { os.Exit(measured()) },
		// A step that panics, for the ending that no input can bring about.
		"stepseal-with-bug": func() { os.Exit(executeWith(broken())) },
		// The demo with the repaired log4j-core in the image that is to be refused.
		"stepseal-repaired": func() {
			os.Exit(executeWith(renamed(demo.SpecOf(demo.Sample{Vulnerable: "2.17.1", Repaired: "2.17.1"}), "demo-repaired")))
		},
		// The demo of makers who trust all of their organisation, as few mean to.
		"stepseal-careless": func() {
			os.Exit(executeWith(renamed(demo.SpecOf(demo.Sample{Vulnerable: "2.14.1", Repaired: "2.17.1", Careless: true}), "demo-careless")))
		},
		// The program with its file size limited, as a full quota would.
		"stepseal-limited": func() { limitFileSize(4096); os.Exit(run()) },
	})
}

func executeWith(extra *step.Spec) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return execute(ctx, os.Args[1:], slices.Concat(steps.All(), []*step.Spec{demo.Spec(), extra}))
}

func broken() *step.Spec {
	outputs := step.Text(step.Declaration{Name: "outputs", Usage: "where to write the outputs"})
	return &step.Spec{Name: "broken", Summary: "Panic", Inputs: []step.Input{outputs}, Run: func(context.Context, *step.Run) error { panic("a bug") }}
}

func renamed(spec *step.Spec, name string) *step.Spec {
	spec.Name = name
	return spec
}

// TestTranscripts runs what a person would type, on the plain host. Each script has a registry of its own.
func TestTranscripts(t *testing.T) {
	shared := newShared(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup:               func(env *testscript.Env) error { return setUp(env, shared) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ends": ends, "outputs": outputs, "push": push, "behave": behave, "login": login, "referrers": referrers,
			"move": move, "requests": requests, "edit": edit, "interrupt": interrupt, "clean": clean, "json": jsonHas,
			"told": told, "archive": archive, "platform": platformOf, "env-from-file": envFromFile, "begins": begins,
			"reference": reference, "document": document, "swap": swap, "calm": calm, "artefact": artefact, "results": results, "mirror": mirror, "same": same, "attested": attested, "sigstore": sigstore, "token": token, "github-token": githubToken, "misbehave": misbehave, "ending": ending, "without": without, "github-base": githubBase, "tuf-mirror": tufMirror, "vault": vault, "fill": fill,
		},
	})
}

// TestEveryReasonHasATranscript keeps the table of reasons honest: a reason that no script brings about is not known to
// work.
func TestEveryReasonHasATranscript(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no scripts", err)
	}
	shown := map[string]bool{}
	asserted := regexp.MustCompile(`(?m)^outputs .*\breason=([a-z-]+)|^ends \d+ ([a-z-]+) `)
	for _, script := range scripts {
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range asserted.FindAllStringSubmatch(string(text), -1) {
			shown[found[1]+found[2]] = true
		}
	}
	for _, row := range outcome.Table() {
		if !shown[string(row.Reason)] {
			t.Errorf("no transcript ends with the reason %s", row.Reason)
		}
	}
}

// shared is what all scripts may read.
type shared struct{ database, cache string }

func newShared(t *testing.T) shared {
	dir := t.TempDir()
	s := shared{database: filepath.Join(dir, "advisories.tar.zst"), cache: filepath.Join(dir, "cache")}
	_, err := scan.Build(context.Background(), scan.BuildOptions{FS: testset.FS, Output: s.database, WorkDir: t.TempDir(), Built: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const registryKey = "registry"

func setUp(env *testscript.Env, s shared) error {
	registry, err := registrytest.Start(registrytest.Options{})
	if err != nil {
		return err
	}
	env.Defer(registry.Close)
	env.Values[registryKey] = registry
	env.Values[mirrorsKey] = mirrors{}
	env.Values[sigstoreKey] = &labHolder{}
	env.Values[tufKey] = &tufHolder{}
	for _, sub := range []string{"tmp", "home", "docker"} {
		if err := os.MkdirAll(filepath.Join(env.WorkDir, sub), 0o755); err != nil {
			return err
		}
	}
	env.Setenv("REGISTRY", registry.Host())
	env.Setenv("DATABASE", s.database)
	env.Setenv("STEPSEAL_MAX_DATABASE_AGE", "0")
	env.Setenv("XDG_CACHE_HOME", s.cache)
	env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
	env.Setenv("TMPDIR", filepath.Join(env.WorkDir, "tmp"))
	env.Setenv("DOCKER_CONFIG", filepath.Join(env.WorkDir, "docker"))
	env.Setenv("STEPSEAL_OUTPUTS", filepath.Join(env.WorkDir, "outputs.json"))
	return nil
}

func registryOf(ts *testscript.TestScript) *registrytest.Registry {
	return ts.Value(registryKey).(*registrytest.Registry)
}

// ends CODE REASON PROGRAM ARGS... runs a program and compares its exit code and the output reason; - is no reason.
func ends(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: ends CODE REASON PROGRAM ARGS...")
	}
	if out := ts.Getenv("STEPSEAL_OUTPUTS"); strings.HasPrefix(out, ts.Getenv("WORK")) {
		_ = os.Remove(out)
	}
	err := ts.Exec(args[2], args[3:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, expected %s", code, args[0])
	}
	if args[1] == "-" {
		return
	}
	if !strings.Contains(ts.ReadFile("stderr"), "["+args[1]+"]") {
		ts.Fatalf("standard error does not name the reason %s", args[1])
	}
}

// outputs NAME=VALUE... compares what the last run published; VALUE * is anything but empty.
func outputs(ts *testscript.TestScript, neg bool, args []string) {
	var got map[string]string
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(ts.Getenv("STEPSEAL_OUTPUTS"))), &got))
	for _, arg := range args {
		name, want, _ := strings.Cut(arg, "=")
		value, ok := got[name]
		if !ok {
			ts.Fatalf("no output %s", name)
		}
		if same := value == want || want == "*" && value != ""; same == neg {
			ts.Fatalf("output %s is %q", name, value)
		}
	}
}

// results FOLDER NAME=VALUE... compares files of Tekton's results folder; VALUE * is anything but empty. In every one of
// them there is no newline, and the folder holds nothing half written.
func results(ts *testscript.TestScript, neg bool, args []string) {
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	for _, entry := range entries {
		if content := ts.ReadFile(filepath.Join(args[0], entry.Name())); strings.HasPrefix(entry.Name(), ".") || strings.Contains(content, "\n") {
			ts.Fatalf("%s is %q", entry.Name(), content)
		}
	}
	for _, arg := range args[1:] {
		name, want, _ := strings.Cut(arg, "=")
		value := ts.ReadFile(filepath.Join(args[0], name))
		if same := value == want || want == "*" && value != ""; same == neg {
			ts.Fatalf("result %s is %q", name, value)
		}
	}
}

// push REF KIND [LOG4J] puts an image into the script's registry and its digest into the variable of the kind's name.
func push(ts *testscript.TestScript, neg bool, args []string) {
	registry := registryOf(ts)
	digest, err := pushed(registry, args[0], args[1], args[2:])
	ts.Check(err)
	ts.Setenv(strings.ToUpper(strings.ReplaceAll(args[1], "-", "_")), digest.String())
}

func pushed(registry *registrytest.Registry, ref, kind string, rest []string) (v1.Hash, error) {
	options := registrytest.AppOptions{Log4jVersion: "2.17.1"}
	switch kind {
	case "good":
	case "bad":
		options.Log4jVersion = "2.14.1"
	case "debian11":
		options.Distro = registrytest.Debian("11", registrytest.Package{Name: "libssl1.1", Version: "1.1.1k-1", Source: "openssl"})
	case "debian12", "debian12-bad":
		if kind == "debian12-bad" {
			options.Log4jVersion = "2.14.1"
		}
		options.Distro = registrytest.Debian("12", registrytest.Package{Name: "libssl3", Version: "3.0.9-1", Source: "openssl"})
	case "index":
		index, err := registrytest.Index(options)
		if err != nil {
			return v1.Hash{}, err
		}
		return registry.PushIndex(ref, index)
	case "buildkit", "buildkit-stages":
		options.Platform, options.SBOMs = "linux/amd64", []string{buildKitSBOM("sbom-build", "4.17.21"), buildKitSBOM("sbom", "4.17.15")}
		if kind == "buildkit-stages" {
			options.SBOMs[1] = buildKitSBOM("sbom-test", "4.17.15")
		}
		index, err := registrytest.IndexOf(options)
		if err != nil {
			return v1.Hash{}, err
		}
		return registry.PushIndex(ref, index)
	case "three", "three-bad", "three-replaced":
		return pushThree(registry, ref, kind)
	case "empty", "scratch":
		img, err := map[string]func() (v1.Image, error){"empty": registrytest.Empty, "scratch": registrytest.Scratch}[kind]()
		if err != nil {
			return v1.Hash{}, err
		}
		return registry.Push(ref, img)
	case "garbage":
		img, err := mutate.AppendLayers(empty.Image, static.NewLayer(bytes.Repeat([]byte("no tar"), 400), types.DockerLayer))
		if err != nil {
			return v1.Hash{}, err
		}
		return registry.Push(ref, img)
	case "foreign":
		img, err := registrytest.App(options)
		if err != nil {
			return v1.Hash{}, err
		}
		left := static.NewLayer([]byte("no registry hands this on"), types.DockerForeignLayer)
		if img, err = mutate.Append(img, mutate.Addendum{Layer: left, URLs: []string{"https://layers.example.com/base"}}); err != nil {
			return v1.Hash{}, err
		}
		return registry.Push(ref, img)
	case "artefact":
		return registry.Push(ref, mutate.ConfigMediaType(empty.Image, types.MediaType("application/vnd.cncf.helm.config.v1+json")))
	default:
		return v1.Hash{}, fmt.Errorf("no image of the kind %s", kind)
	}
	img, err := registrytest.App(options)
	if err != nil {
		return v1.Hash{}, err
	}
	return registry.Push(ref, img)
}

// buildKitSBOM is an SBOM as BuildKit's scanner writes it, of one version of lodash.
func buildKitSBOM(name, version string) string {
	return fmt.Sprintf(`{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":%q,"packages":[{"SPDXID":"SPDXRef-a","name":"lodash","versionInfo":%q,`+
		`"externalRefs":[{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:npm/lodash@%[2]s"}]}]}`, name, version)
}

// pushThree pushes an index of three platforms, with the one of linux/riscv64 vulnerable or replaced.
func pushThree(registry *registrytest.Registry, ref, kind string) (v1.Hash, error) {
	shops := make([]registrytest.AppOptions, 3)
	for i, platform := range []string{"linux/amd64", "linux/riscv64", "linux/arm64"} {
		shops[i] = registrytest.AppOptions{Platform: platform, Log4jVersion: "2.17.1"}
	}
	switch kind {
	case "three-bad":
		shops[1].Log4jVersion = "2.14.1"
	case "three-replaced":
		shops[1].Version = "6.6.6"
	}
	index, err := registrytest.IndexOf(shops...)
	if err != nil {
		return v1.Hash{}, err
	}
	return registry.PushIndex(ref, index)
}

// platform REF PLATFORM NAME puts the digest of one platform of an index into a variable.
func platformOf(ts *testscript.TestScript, neg bool, args []string) {
	access, err := image.NewRegistry(image.Access{})
	ts.Check(err)
	ref, err := image.Parse(args[0])
	ts.Check(err)
	platform, err := image.ParsePlatform(args[1])
	ts.Check(err)
	set, err := access.Open(context.Background(), ref, platform, nil)
	ts.Check(err)
	ts.Setenv(args[2], set.Digest().String())
}

// archive FILE REF KIND writes an image as docker save does.
func archive(ts *testscript.TestScript, neg bool, args []string) {
	log4j := map[string]string{"good": "2.17.1", "bad": "2.14.1"}[args[2]]
	img, err := registrytest.App(registrytest.AppOptions{Log4jVersion: log4j})
	ts.Check(err)
	ts.Check(registrytest.SaveArchive(ts.MkAbs(args[0]), registrytest.DockerSave, registrytest.Tagged{Image: img, Tags: []string{args[1]}}))
}

// behave METHODS PATH TIMES ANSWER [ARG] makes the registry misbehave; TIMES 0 is for ever.
func behave(ts *testscript.TestScript, neg bool, args []string) {
	times, err := strconv.Atoi(args[2])
	ts.Check(err)
	registryOf(ts).Behave(registrytest.Rule{Method: strings.ReplaceAll(args[0], ",", " "), Path: args[1], Times: times, Answer: answerOf(ts, args[3:])})
}

func answerOf(ts *testscript.TestScript, args []string) registrytest.Behaviour {
	switch args[0] {
	case "truncated":
		return registrytest.Truncated()
	case "altered":
		return registrytest.Altered()
	case "padded":
		return registrytest.Padded()
	case "hanging":
		return registrytest.Hanging()
	case "html":
		return registrytest.HTML()
	case "loop":
		return registrytest.RedirectLoop()
	case "busy":
		pause, err := time.ParseDuration(args[1])
		ts.Check(err)
		return registrytest.TooManyRequests(pause)
	case "swallowed":
		return func(w http.ResponseWriter, req *http.Request, _ http.Handler) {
			_, _ = io.Copy(io.Discard, req.Body)
			w.WriteHeader(http.StatusCreated)
		}
	case "nothing":
		return registrytest.Instead("application/vnd.oci.image.index.v1+json", []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`))
	case "huge":
		return registrytest.Instead("application/vnd.oci.image.index.v1+json", []byte(`{"pad":"`+strings.Repeat("x", 9<<20)+`"}`))
	}
	code, err := strconv.Atoi(args[0])
	ts.Check(err)
	return registrytest.Status(code)
}

func login(ts *testscript.TestScript, neg bool, args []string) {
	registryOf(ts).RequireLogin(registrytest.Login{Username: args[0], Password: args[1]})
}

func referrers(ts *testscript.TestScript, neg bool, args []string) {
	switch args[0] {
	case "on":
		registryOf(ts).SetReferrers(registrytest.ReferrersOn)
	case "off":
		registryOf(ts).SetReferrers(registrytest.ReferrersOff)
	default:
		code, err := strconv.Atoi(args[0])
		ts.Check(err)
		registryOf(ts).SetReferrers(registrytest.Referrers(code))
	}
}

// move REF AFTER DIGEST points a tag elsewhere after some more requests for it.
func move(ts *testscript.TestScript, neg bool, args []string) {
	after, err := strconv.Atoi(args[1])
	ts.Check(err)
	to, err := v1.NewHash(args[2])
	ts.Check(err)
	registryOf(ts).MoveTag(args[0], after, to)
}

// requests METHODS PATH COUNT compares how often something was asked for; requests forget starts anew.
func requests(ts *testscript.TestScript, neg bool, args []string) {
	if args[0] == "forget" {
		registryOf(ts).Forget()
		return
	}
	got := registryOf(ts).Requests().Count(strings.ReplaceAll(args[0], ",", " "), args[1])
	if want, err := strconv.Atoi(args[2]); err != nil || (got == want) == neg {
		ts.Fatalf("%s %s was asked for %d times", args[0], args[1], got)
	}
}

// env-from-file NAME FILE puts a file's content into a variable.
func envFromFile(ts *testscript.TestScript, neg bool, args []string) {
	ts.Setenv(args[0], ts.ReadFile(args[1]))
}

// begins FILE TEXT checks how a file begins.
func begins(ts *testscript.TestScript, neg bool, args []string) {
	if text := ts.ReadFile(args[0]); strings.HasPrefix(text, args[1]) == neg {
		ts.Fatalf("%s begins %.200q", args[0], text)
	}
}

// edit FILE OLD NEW replaces text in a file.
func edit(ts *testscript.TestScript, neg bool, args []string) {
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s does not contain %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(text, args[1], args[2])), 0o644))
}

// json FILE TEXT... checks that a document holds each text.
func jsonHas(ts *testscript.TestScript, neg bool, args []string) {
	doc := ts.ReadFile(args[0])
	if !json.Valid([]byte(doc)) {
		ts.Fatalf("%s is not JSON", args[0])
	}
	for _, text := range args[1:] {
		if strings.Contains(doc, text) == neg {
			ts.Fatalf("%s: %q", args[0], text)
		}
	}
}

// told SCAN checks that standard output names every finding of a scan.json, and its counts.
func told(ts *testscript.TestScript, neg bool, args []string) {
	report, err := scan.ParseReport([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	said := ts.ReadFile("stdout")
	if !strings.Contains(said, report.Counts.String()) {
		ts.Fatalf("the counts %s are not told", report.Counts)
	}
	for _, f := range report.Findings {
		if !strings.Contains(said, f.ID) {
			ts.Fatalf("finding %s is not told", f.ID)
		}
	}
}

// clean checks that no temporary file is left.
func clean(ts *testscript.TestScript, neg bool, args []string) {
	entries, err := os.ReadDir(ts.Getenv("TMPDIR"))
	ts.Check(err)
	for _, entry := range entries {
		ts.Fatalf("%s is left in the temporary folder", entry.Name())
	}
}

// interrupt ARGS... starts stepseal, sends SIGTERM once it hangs in a request, and checks that it ends with 11 in time.
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	path, err := lookIn(ts.Getenv("PATH"), "stepseal")
	ts.Check(err)
	cmd := exec.Command(path, args...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "DOCKER_CONFIG", "XDG_CACHE_HOME", "STEPSEAL_OUTPUTS", "STEPSEAL_MAX_DATABASE_AGE", "STEPSEAL_HOST", "STEPSEAL_RESULTS"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	registry := registryOf(ts)
	ts.Check(cmd.Start())
	for deadline := time.Now().Add(20 * time.Second); registry.Requests().Count("GET", "/v2/*/blobs/*") < 1; {
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill()
			ts.Fatalf("it never asked for a layer")
		}
		time.Sleep(10 * time.Millisecond)
	}
	var once sync.Once
	kill := time.AfterFunc(20*time.Second, func() { once.Do(func() { _ = cmd.Process.Kill() }) })
	defer kill.Stop()
	sent := time.Now()
	ts.Check(cmd.Process.Signal(syscall.SIGTERM))
	_ = cmd.Wait()
	if took := time.Since(sent); cmd.ProcessState.ExitCode() != 11 || took > time.Second {
		ts.Fatalf("exit code %d after %s", cmd.ProcessState.ExitCode(), took)
	}
}

func lookIn(path, name string) (string, error) {
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			return file, nil
		}
	}
	return "", fmt.Errorf("%s is not in %s", name, path)
}

func limitFileSize(bytes uint64) {
	limit := syscall.Rlimit{Cur: bytes, Max: bytes}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
}
