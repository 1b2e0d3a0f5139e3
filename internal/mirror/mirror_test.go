package mirror

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stepseal/stepseal/internal/outcome"
)

var (
	built   = time.Date(2026, 8, 26, 12, 0, 0, 0, time.UTC)
	archive = bytes.Repeat([]byte("an archive, as far as anybody here knows. "), 5000)
)

func describe(name string, content []byte) string {
	return fmt.Sprintf(`{"status":"active","schemaVersion":"v6.1.10","built":%q,"path":%q,"checksum":"sha256:%x"}`, built.Format(time.RFC3339), name, sha256.Sum256(content))
}

// filled is a folder as database build writes it.
func filled(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "a.tar.zst"), archive)
	put(t, filepath.Join(dir, LatestFile), []byte(describe("a.tar.zst", archive)))
	return dir
}

func put(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// site is a server on loopback that remembers what it was asked.
type site struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func newSite(t *testing.T, handler http.Handler) *site {
	t.Helper()
	s := &site{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, strings.TrimSpace(req.Method+" "+req.URL.Path+" "+req.Header.Get("Range")))
		s.mu.Unlock()
		handler.ServeHTTP(w, req)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *site) requests() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.asked, "\n")
}

func serving(t *testing.T, dir string) *site {
	t.Helper()
	server, err := NewServer(context.Background(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return newSite(t, server)
}

func client(t *testing.T, urls ...string) Client {
	t.Helper()
	web, err := NewHTTP(nil, "test")
	if err != nil {
		t.Fatal(err)
	}
	c := Client{HTTP: web, AnswerIn: 5 * time.Second, Stall: 500 * time.Millisecond, Whole: 20 * time.Second}
	for _, url := range urls {
		address, err := ParseAddress(url)
		if err != nil {
			t.Fatal(err)
		}
		c.Addresses = append(c.Addresses, address)
	}
	return c
}

func always(Latest) bool { return true }

func (c Client) into(t *testing.T, dir string) (Fetched, error) {
	t.Helper()
	got, err := c.Newest(context.Background(), dir, always)
	if err == nil {
		if content, _ := os.ReadFile(got.Archive); !bytes.Equal(content, archive) {
			t.Errorf("the archive is not what was served: %d bytes", len(content))
		}
	}
	return got, err
}

func reason(err error) outcome.Reason {
	if err == nil {
		return ""
	}
	return outcome.Of(err).Reason
}

func TestDatabasesComeOverSafeConnectionsOnly(t *testing.T) {
	for url, want := range map[string]string{
		"https://mirror.example/databases":         "https://mirror.example/databases/v6/latest.json",
		"https://mirror.example/x/latest.json":     "https://mirror.example/x/latest.json",
		"https://user:secret@mirror.example/":      "https://user:xxxxx@mirror.example/v6/latest.json",
		"http://localhost:8080/x":                  "http://localhost:8080/x/v6/latest.json",
		"http://127.3.2.1/x":                       "http://127.3.2.1/x/v6/latest.json",
		"http://[::1]:80/x":                        "http://[::1]:80/x/v6/latest.json",
		"http://mirror.example/databases":          "",
		"http://127.0.0.1.example/":                "",
		"HTTP://mirror.example":                    "",
		"git::https://mirror.example/x":            "",
		"file:///tmp/latest.json":                  "",
		"s3://bucket/x":                            "",
		"mirror.example":                           "",
		"/tmp/latest.json":                         "",
		"http://%zz":                               "",
		"http://0.0.0.0/":                          "",
		"http://user:secret@mirror.example/a b%zz": "",
	} {
		got, err := ParseAddress(url)
		if (err == nil) != (want != "") || err == nil && got.String() != want {
			t.Errorf("%s: %s, %v", url, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the password is shown: %v", url, err)
		}
	}
}

func TestAnArchiveIsFetchedOnceAndWhole(t *testing.T) {
	at := serving(t, filled(t))
	dir := t.TempDir()
	for range 2 { // the second time the file is there already
		if _, err := client(t, at.URL+"/databases").into(t, dir); err != nil {
			t.Fatal(err)
		}
	}
	want := "GET /databases/v6/latest.json\nGET /databases/v6/a.tar.zst\nGET /databases/v6/latest.json"
	if got := at.requests(); got != want {
		t.Errorf("asked:\n%s", got)
	}
	got, err := client(t, at.URL+"/databases").Newest(context.Background(), t.TempDir(), func(Latest) bool { return false })
	if err != nil || got.Archive != "" || !got.Latest.Built.Equal(built) {
		t.Errorf("what is not wanted: %+v, %v", got, err)
	}
}

// cutting serves a folder, and breaks the connection after so many bytes of every answer that has an archive's name.
func cutting(next http.Handler, after int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !strings.HasSuffix(req.URL.Path, ".zst") {
			next.ServeHTTP(w, req)
			return
		}
		next.ServeHTTP(&cut{w, after}, req)
		panic(http.ErrAbortHandler)
	})
}

type cut struct {
	http.ResponseWriter
	left int
}

func (c *cut) Write(p []byte) (int, error) {
	n := min(len(p), c.left)
	c.left -= n
	if n > 0 {
		_, _ = c.ResponseWriter.Write(p[:n])
		c.ResponseWriter.(http.Flusher).Flush()
	}
	if n < len(p) {
		return n, errors.New("cut")
	}
	return n, nil
}

func TestABrokenDownloadIsGoneOnWith(t *testing.T) {
	folder := filled(t)
	server, err := NewServer(context.Background(), folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	piece := len(archive)/6 + 1
	flaky := newSite(t, cutting(server, piece))
	dir := t.TempDir()
	if _, err := client(t, flaky.URL+"/databases").into(t, dir); reason(err) != outcome.DatabaseUnavailable {
		t.Fatalf("after %d goes: %v", attempts, err)
	}
	if got := strings.Count(flaky.requests(), "bytes="); got != attempts-1 {
		t.Errorf("%d goes were for the rest:\n%s", got, flaky.requests())
	}
	// Another run, and another mirror, go on.
	good := newSite(t, server)
	if _, err := client(t, good.URL+"/databases").into(t, dir); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("GET /databases/v6/a.tar.zst bytes=%d-", attempts*piece); !strings.HasSuffix(good.requests(), want) {
		t.Errorf("asked:\n%s\nwant %s", good.requests(), want)
	}
}

func TestAPartOfSomethingElseIsNotBelieved(t *testing.T) {
	at := serving(t, filled(t))
	for name, part := range map[string][]byte{
		"other bytes":        []byte("something else"),
		"longer than it all": append(bytes.Clone(archive), "more"...),
		"as long":            bytes.Repeat([]byte("x"), len(archive)),
		"nothing":            {},
	} {
		dir := t.TempDir()
		put(t, filepath.Join(dir, fmt.Sprintf("%x.part", sha256.Sum256(archive))), part)
		put(t, filepath.Join(dir, "0123.part"), []byte("of yesterday"))
		if _, err := client(t, at.URL+"/databases").into(t, dir); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := os.ReadDir(dir); len(left) != 1 {
			t.Errorf("%s: left behind %v", name, left)
		}
	}
}

func TestAServerWithoutRangesIsAskedForAllOfIt(t *testing.T) {
	folder := filled(t)
	at := newSite(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		content, err := os.ReadFile(filepath.Join(folder, filepath.Base(req.URL.Path)))
		if err != nil {
			http.NotFound(w, req)
			return
		}
		_, _ = w.Write(content)
	}))
	dir := t.TempDir()
	put(t, filepath.Join(dir, fmt.Sprintf("%x.part", sha256.Sum256(archive))), archive[:1000])
	if _, err := client(t, at.URL+"/databases").into(t, dir); err != nil {
		t.Error(err)
	}
}

func TestTheFirstMirrorThatServesCounts(t *testing.T) {
	away := newSite(t, http.NotFoundHandler())
	changed := filled(t)
	put(t, filepath.Join(changed, "a.tar.zst"), []byte("changed"))
	damaged := newSite(t, http.StripPrefix("/databases/v6/", http.FileServer(http.Dir(changed))))
	good, never := serving(t, filled(t)), serving(t, filled(t))
	got, err := client(t, away.URL+"/databases", damaged.URL+"/databases", good.URL+"/databases", never.URL+"/databases").into(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if notes := strings.Join(got.Notes, "\n"); len(got.Notes) != 2 || !strings.Contains(notes, "404") || !strings.Contains(notes, "is not what latest.json says") {
		t.Errorf("notes %q", got.Notes)
	}
	if never.requests() != "" {
		t.Errorf("the last one was asked %s", never.requests())
	}
	_, err = client(t, away.URL+"/databases", damaged.URL+"/databases").into(t, t.TempDir())
	if reason(err) != outcome.DatabaseDamaged || len(outcome.Of(err).Evidence) < 2 {
		t.Errorf("all fail: %v, %q", err, outcome.Of(err).Evidence)
	}
	if _, err = client(t, away.URL+"/databases", away.URL+"/x").into(t, t.TempDir()); reason(err) != outcome.DatabaseUnavailable {
		t.Errorf("all are away: %v", err)
	}
}

func TestNothingIsBelievedBeforeItsSignature(t *testing.T) {
	signedWith := func(document, signature []byte) error {
		if string(signature) != fmt.Sprintf("%x", sha256.Sum256(document)) {
			return errors.New("the signature is not by this key")
		}
		return nil
	}
	for name, c := range map[string]struct {
		signature string
		document  string
		want      outcome.Reason
	}{
		"signed":                          {"right", "", ""},
		"unsigned":                        {"", "", outcome.DatabaseUntrusted},
		"by somebody else":                {"wrong", "", outcome.DatabaseUntrusted},
		"with an endless signature":       {strings.Repeat("x", maxSignature+1), "", outcome.TooLarge},
		"of what would not even be read":  {"wrong", "{", outcome.DatabaseUntrusted},
		"right, and names another folder": {"right", describe("../a.tar.zst", archive), outcome.DatabaseDamaged},
	} {
		dir := filled(t)
		if c.document != "" {
			put(t, filepath.Join(dir, LatestFile), []byte(c.document))
		}
		document, err := os.ReadFile(filepath.Join(dir, LatestFile))
		if err != nil {
			t.Fatal(err)
		}
		if c.signature == "right" {
			c.signature = fmt.Sprintf("%x", sha256.Sum256(document))
		}
		if c.signature != "" {
			put(t, filepath.Join(dir, SignatureFile), []byte(c.signature))
		}
		at := newSite(t, http.StripPrefix("/databases/v6/", http.FileServer(http.Dir(dir))))
		asking := client(t, at.URL+"/databases")
		asking.Verify = signedWith
		if _, err := asking.into(t, t.TempDir()); reason(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
		if c.want != "" && strings.Contains(at.requests(), ".zst") {
			t.Errorf("%s: the archive was asked for", name)
		}
	}
}

func TestWhatComesIsBounded(t *testing.T) {
	dir := filled(t)
	endless := func(w http.ResponseWriter) {
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}
	at := newSite(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch {
		case strings.HasPrefix(req.URL.Path, "/endless"), strings.HasSuffix(req.URL.Path, ".zst") && strings.HasPrefix(req.URL.Path, "/large"):
			endless(w)
		case strings.HasSuffix(req.URL.Path, ".zst") && strings.HasPrefix(req.URL.Path, "/stalls"):
			_, _ = w.Write(archive[:10])
			w.(http.Flusher).Flush()
			<-req.Context().Done()
		case strings.HasSuffix(req.URL.Path, ".zst") && strings.HasPrefix(req.URL.Path, "/says"):
			w.Header().Set("Content-Length", "1000000000")
		default:
			http.ServeFile(w, req, filepath.Join(dir, filepath.Base(req.URL.Path)))
		}
	}))
	for path, want := range map[string]struct {
		reason outcome.Reason
		say    string
	}{
		"/endless": {outcome.TooLarge, "larger than 1048576 bytes"},
		"/large":   {outcome.TooLarge, "larger than 300000 bytes"},
		"/says":    {outcome.TooLarge, "larger than 300000 bytes"},
		"/stalls":  {outcome.DatabaseUnavailable, "stopped sending"},
	} {
		asking := client(t, at.URL+path)
		asking.MaxArchive = 300000
		into := t.TempDir()
		_, err := asking.into(t, into)
		if reason(err) != want.reason || !strings.Contains(err.Error(), want.say) {
			t.Errorf("%s: %v", path, err)
		}
		files, _ := filepath.Glob(filepath.Join(into, "*"))
		for _, file := range files {
			if sizeOf(file) > 300001 {
				t.Errorf("%s: %d bytes were written", path, sizeOf(file))
			}
		}
	}
}

func TestARedirectLeadsToNoUnsafePlace(t *testing.T) {
	for name, to := range map[string]string{"plain HTTP elsewhere": "http://mirror.example/latest.json", "itself": "", "a file": "file:///etc/passwd"} {
		at := newSite(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if to == "" {
				http.Redirect(w, req, req.URL.Path, http.StatusFound)
				return
			}
			http.Redirect(w, req, to, http.StatusFound)
		}))
		if _, err := client(t, at.URL).into(t, t.TempDir()); reason(err) != outcome.DatabaseUnavailable {
			t.Errorf("%s: %v", name, err)
		}
		if n := len(strings.Split(at.requests(), "\n")); n > maxRedirects+1 {
			t.Errorf("%s: asked %d times", name, n)
		}
	}
}

func TestACertificateAuthorityOfYourOwn(t *testing.T) {
	server, err := NewServer(context.Background(), filled(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	at := httptest.NewTLSServer(server)
	defer at.Close()
	asking := client(t, at.URL+"/databases")
	if _, err := asking.into(t, t.TempDir()); reason(err) != outcome.DatabaseUnavailable || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without the authority: %v", err)
	}
	if asking.HTTP, err = NewHTTP(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: at.Certificate().Raw}), "test"); err != nil {
		t.Fatal(err)
	}
	if _, err := asking.into(t, t.TempDir()); err != nil {
		t.Errorf("with it: %v", err)
	}
	if _, err := NewHTTP([]byte("none"), "test"); reason(err) != outcome.InvalidInput {
		t.Errorf("a file without a certificate: %v", err)
	}
}

func FuzzParseLatest(f *testing.F) {
	f.Add([]byte(describe("a.tar.zst", archive)))
	f.Add([]byte(describe("../x", archive)))
	f.Add([]byte(`{"path":"x","Path":"y"}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		latest, err := ParseLatest(doc)
		if err != nil {
			return
		}
		if filepath.Base(latest.Archive) != latest.Archive || latest.Archive == ".." || !checksum.MatchString(latest.SHA256) {
			t.Errorf("%+v", latest)
		}
		address, err := ParseAddress("https://mirror.example/databases")
		if err != nil {
			t.Fatal(err)
		}
		if url := address.archive(latest.Archive); url.Host != "mirror.example" || !strings.HasPrefix(url.Path, "/databases/v6/") {
			t.Errorf("%q leads to %s", latest.Archive, url)
		}
	})
}
