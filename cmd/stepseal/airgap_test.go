package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stepseal/stepseal/cmd/stepseal/internal/transcripts"
	"github.com/stepseal/stepseal/internal/advisory/testset"
	"github.com/stepseal/stepseal/internal/registrytest"
)

// isolated names a program that runs another one with no network but loopback; test/airgap/run sets it. Without it,
// attempts to reach out are caught by a proxy only.
const isolated = "STEPSEAL_TEST_ISOLATED"

// part is one block of the page: the commands of one side, or the file that is carried.
type part struct{ side, commands, carried string }

var pagePart = regexp.MustCompile("(?s)```sh (connected|air-gapped)\n(.*?)```|\nCarry `([^`]+)`")

func airGapPage(t *testing.T) []part {
	t.Helper()
	text, err := os.ReadFile("../../docs/air-gap.md")
	if err != nil {
		t.Fatal(err)
	}
	var parts []part
	for _, found := range pagePart.FindAllStringSubmatch(string(text), -1) {
		parts = append(parts, part{found[1], found[2], found[3]})
	}
	if len(parts) < 9 || strings.Count(string(text), "```sh") != strings.Count(string(text), "```sh connected")+strings.Count(string(text), "```sh air-gapped") {
		t.Fatalf("the page has %d parts, or a block that belongs to no side", len(parts))
	}
	return parts
}

// TestTheAirGapPage runs what docs/air-gap.md says to type, on two sides that share nothing but the one file.
func TestTheAirGapPage(t *testing.T) {
	connected, gapped := newSide(t), newSide(t)
	site := transcripts.StartMirror(filepath.Join(connected.dir, "out"))
	defer site.Server.Close()
	connected.env = append(connected.env, "MIRROR="+site.Server.URL+"/databases")
	if err := os.CopyFS(filepath.Join(connected.dir, "advisories"), testset.FS); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(connected.dir, "advisories", "ATTRIBUTION.md")); err != nil {
		t.Fatal(err)
	}
	img, err := registrytest.App(registrytest.AppOptions{Log4jVersion: "2.17.1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := registrytest.SaveArchive(filepath.Join(gapped.dir, "app.tar"), registrytest.DockerSave, registrytest.Tagged{Image: img, Tags: []string{"app:1"}}); err != nil {
		t.Fatal(err)
	}
	gapped.isolate(t)
	gates := 0
	for _, p := range airGapPage(t) {
		switch {
		case p.side == "connected":
			connected.run(t, p.commands)
		case p.side == "air-gapped":
			gates += strings.Count(p.commands, "scan-gate --offline")
			gapped.run(t, p.commands)
		default:
			gapped.fresh(t)
			carry(t, filepath.Join(connected.dir, p.carried), gapped.dir)
			if key := filepath.Join(connected.dir, "publisher.pub"); p.carried == "signed.tar" {
				carry(t, key, gapped.dir) // which came before, on another way
			}
		}
	}
	if gates != 3 {
		t.Errorf("%d images were gated", gates)
	}
	gapped.reachedNobody(t)
}

func carry(t *testing.T, file, to string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, filepath.Base(file)), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// side is a machine: a working directory, a home, and who notices when it reaches out.
type side struct {
	dir     string
	env     []string
	through []string // what its commands are run by
	trace   string   // what they asked of the network, as strace writes it
	proxied *atomic.Int64
}

func newSide(t *testing.T) *side {
	t.Helper()
	s := &side{dir: t.TempDir(), proxied: &atomic.Int64{}}
	for _, sub := range []string{"home", "tmp"} {
		if err := os.Mkdir(filepath.Join(s.dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(s.dir, "home"), "TMPDIR=" + filepath.Join(s.dir, "tmp"),
		"STEPSEAL_MAX_DATABASE_AGE=0"} // the advisories that are checked in are old
	return s
}

// isolate lets nothing out unnoticed. That what notices works is shown by an update, which tries.
func (s *side) isolate(t *testing.T) {
	t.Helper()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.proxied.Add(1)
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(proxy.Close)
	program := os.Getenv(isolated)
	if program == "" {
		s.env = append(s.env, "HTTPS_PROXY="+proxy.URL, "HTTP_PROXY="+proxy.URL)
	} else {
		s.trace = filepath.Join(s.dir, "trace")
		s.through = []string{program, "strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", s.trace}
	}
	if output, err := s.command("stepseal database update --database-url https://mirror.example.com/databases").CombinedOutput(); err == nil {
		t.Fatalf("an update without a network succeeded: %s", output)
	}
	if s.attempts(t) == 0 {
		t.Fatal("an attempt to reach out is not noticed")
	}
	s.proxied.Store(0)
	s.fresh(t)
}

var inet = regexp.MustCompile(`sa_family=AF_INET6?\b`)

// attempts counts what went to the network, or to the name service.
func (s *side) attempts(t *testing.T) int {
	t.Helper()
	if s.trace == "" {
		return int(s.proxied.Load())
	}
	text, err := os.ReadFile(s.trace)
	if err != nil {
		t.Fatal(err)
	}
	return len(inet.FindAll(text, -1))
}

func (s *side) reachedNobody(t *testing.T) {
	t.Helper()
	if n := s.attempts(t); n != 0 {
		t.Errorf("%d attempts to reach out", n)
	}
}

// fresh forgets the database, so that every walk brings its own.
func (s *side) fresh(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(s.dir, "home", ".cache")); err != nil {
		t.Fatal(err)
	}
}

func (s *side) command(commands string) *exec.Cmd {
	argv := append(append([]string{}, s.through...), "sh", "-e", "-c", commands)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = s.dir, s.env, time.Minute
	return cmd
}

func (s *side) run(t *testing.T, commands string) {
	t.Helper()
	var said bytes.Buffer
	cmd := s.command(commands)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, commands, &said)
	}
	if s.through != nil {
		s.reachedNobody(t) // each command writes the trace anew
	}
}
