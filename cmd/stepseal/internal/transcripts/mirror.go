package transcripts

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/stepseal/stepseal/internal/registrytest"
)

// mirrors are the database servers of one script, by name.
type mirrors map[string]*MirrorServer

const mirrorsKey = "mirrors"

// MirrorServer serves a folder on loopback, remembers what it was asked, and misbehaves on demand.
type MirrorServer struct {
	Server *httptest.Server
	files  http.Handler

	mu    sync.Mutex
	asked []string
	rules []mirrorRule
}

type mirrorRule struct {
	name   string // of the file
	times  int
	answer string // cut, altered or a code
	bytes  int    // before the cut
}

// mirror start NAME FOLDER serves a folder, and puts its address into the variable NAME.
// mirror behave NAME FILE TIMES cut BYTES|altered|CODE makes it misbehave.
// mirror count NAME TEXT COUNT compares how many requests, "GET /path bytes=N-", hold a text.
// mirror free NAME puts HOST:PORT of a free port into a variable; mirror await URL waits for an answer.
// mirror certificate FOLDER writes ca.crt, tls.crt and tls.key for a server on loopback.
func mirror(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: mirror start|behave|count|free|await|certificate ...")
	}
	known := ts.Value(mirrorsKey).(mirrors)
	switch args[0] {
	case "start":
		m := StartMirror(ts.MkAbs(args[2]))
		ts.Defer(m.Server.Close)
		known[args[1]] = m
		ts.Setenv(args[1], m.Server.URL+"/databases")
	case "behave":
		times, err := strconv.Atoi(args[3])
		ts.Check(err)
		rule := mirrorRule{name: args[2], times: times, answer: args[4]}
		if rule.answer == "cut" {
			rule.bytes, err = strconv.Atoi(args[5])
			ts.Check(err)
		}
		known[args[1]].add(rule)
	case "count":
		want, err := strconv.Atoi(args[3])
		ts.Check(err)
		if got := known[args[1]].count(args[2]); got != want {
			ts.Fatalf("%d requests hold %s, want %d: %v", got, args[2], want, known[args[1]].asked)
		}
	case "free":
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		ts.Setenv(args[1], listener.Addr().String())
		ts.Check(listener.Close())
	case "await":
		ts.Check(await(args[1]))
	case "certificate":
		authority, certificate, key, err := registrytest.Certificate(net.IPv4(127, 0, 0, 1))
		ts.Check(err)
		for name, content := range map[string][]byte{"ca.crt": authority, "tls.crt": certificate, "tls.key": key} {
			ts.Check(os.WriteFile(filepath.Join(ts.MkAbs(args[1]), name), content, 0o600))
		}
	default:
		ts.Fatalf("mirror %s is not known", args[0])
	}
}

// StartMirror serves a folder of databases.
func StartMirror(folder string) *MirrorServer {
	m := &MirrorServer{files: http.StripPrefix("/databases/v6/", http.FileServer(http.Dir(folder)))}
	m.Server = httptest.NewServer(m)
	return m
}

func (m *MirrorServer) add(rule mirrorRule) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rules = append(m.rules, rule)
}

func (m *MirrorServer) count(text string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, line := range m.asked {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func (m *MirrorServer) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	switch rule := m.note(req); rule.answer {
	case "":
		m.files.ServeHTTP(w, req)
	case "cut":
		rec := httptest.NewRecorder()
		m.files.ServeHTTP(rec, req)
		for key, values := range rec.Header() {
			w.Header()[key] = values
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes()[:min(rule.bytes, rec.Body.Len())])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	case "altered":
		rec := httptest.NewRecorder()
		m.files.ServeHTTP(rec, req)
		doc := rec.Body.Bytes()
		doc[len(doc)/2] ^= 1
		_, _ = w.Write(doc)
	default:
		code, _ := strconv.Atoi(rule.answer)
		w.WriteHeader(code)
	}
}

// note remembers the request and finds the rule for it.
func (m *MirrorServer) note(req *http.Request) mirrorRule {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, strings.TrimSpace(req.Method+" "+req.URL.Path+" "+req.Header.Get("Range")))
	for i := range m.rules {
		if rule := &m.rules[i]; rule.name == path.Base(req.URL.Path) && rule.times > 0 {
			rule.times--
			return *rule
		}
	}
	return mirrorRule{}
}

func await(url string) error {
	any := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} // who answers is looked at later
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		resp, err := any.Get(url)
		if err != nil {
			continue
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return nil
		}
	}
	return errors.New("nobody answers at " + url)
}

// same FILE FILE... compares files byte by byte.
func same(ts *testscript.TestScript, neg bool, args []string) {
	first, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	for _, name := range args[1:] {
		other, err := os.ReadFile(ts.MkAbs(name))
		ts.Check(err)
		if (string(first) == string(other)) == neg {
			ts.Fatalf("%s and %s: equal is %t", args[0], name, neg)
		}
	}
}
