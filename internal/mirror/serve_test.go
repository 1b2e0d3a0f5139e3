package mirror

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stepseal/stepseal/internal/outcome"
)

func ask(s http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, "http://127.0.0.1"+path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, req)
	return rec
}

func TestOnlyTheDatabaseIsServed(t *testing.T) {
	dir := filled(t)
	put(t, filepath.Join(dir, "private.key"), []byte("secret"))
	s, err := NewServer(context.Background(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path string
		code         int
		body         string
	}{
		{"GET", "/databases/v6/latest.json", 200, describe("a.tar.zst", archive)},
		{"HEAD", "/databases/v6/latest.json", 200, ""},
		{"GET", "/databases/v6/a.tar.zst", 200, string(archive)},
		{"HEAD", "/databases/v6/a.tar.zst", 200, ""},
		{"GET", "/healthz", 200, "ok\n"},
		{"GET", "/databases/v6/latest.json.sig", 404, ""},
		{"GET", "/databases/v6/private.key", 404, ""},
		{"GET", "/databases/v6/", 404, ""},
		{"GET", "/databases/v6/../v6/private.key", 404, ""},
		{"GET", "/databases/v6/..%2fprivate.key", 404, ""},
		{"GET", "/private.key", 404, ""},
		{"GET", "/", 404, ""},
		{"POST", "/databases/v6/latest.json", 405, ""},
		{"DELETE", "/databases/v6/a.tar.zst", 405, ""},
	} {
		rec := ask(s, c.method, c.path)
		if rec.Code != c.code || c.code == 200 && rec.Body.String() != c.body || strings.Contains(rec.Body.String(), "secret") {
			t.Errorf("%s %s: %d, %d bytes", c.method, c.path, rec.Code, rec.Body.Len())
		}
	}
	rec := ask(s, "GET", "/databases/v6/a.tar.zst", "Range", "bytes=10-19")
	if rec.Code != 206 || rec.Body.String() != string(archive[10:20]) {
		t.Errorf("a range: %d %q", rec.Code, rec.Body)
	}
	rec = ask(s, "GET", "/databases/v6/a.tar.zst", "Range", "bytes=10-", "If-Range", `"something else"`)
	if rec.Code != 200 {
		t.Errorf("a range of another file: %d", rec.Code)
	}
	put(t, filepath.Join(dir, SignatureFile), []byte("signed"))
	if rec := ask(s, "GET", "/databases/v6/latest.json.sig"); rec.Code != 200 || rec.Body.String() != "signed" {
		t.Errorf("a signature that was added: %d", rec.Code)
	}
}

func TestAFolderThatDoesNotFitTogetherIsNotServed(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(dir string) error
		want  outcome.Reason
	}{
		"no latest.json":      {func(dir string) error { return os.Remove(filepath.Join(dir, LatestFile)) }, outcome.DatabaseMissing},
		"no archive":          {func(dir string) error { return os.Remove(filepath.Join(dir, "a.tar.zst")) }, outcome.DatabaseMissing},
		"another archive":     {func(dir string) error { return os.WriteFile(filepath.Join(dir, "a.tar.zst"), []byte("x"), 0o600) }, outcome.DatabaseDamaged},
		"a latest.json of no": {func(dir string) error { return os.WriteFile(filepath.Join(dir, LatestFile), []byte("{}"), 0o600) }, outcome.DatabaseDamaged},
	} {
		dir := filled(t)
		var said []string
		s, err := NewServer(context.Background(), dir, func(string, ...any) { said = append(said, "") })
		if err != nil {
			t.Fatal(err)
		}
		if err := c.spoil(dir); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			for _, path := range []string{"/healthz", "/databases/v6/latest.json", "/databases/v6/a.tar.zst"} {
				if rec := ask(s, "GET", path); rec.Code != 503 {
					t.Errorf("%s: %s answers %d", name, path, rec.Code)
				}
			}
		}
		if len(said) != 1 {
			t.Errorf("%s: told %d times", name, len(said))
		}
		if _, err := NewServer(context.Background(), dir, nil); reason(err) != c.want {
			t.Errorf("%s: at the start %v", name, err)
		}
	}
}

func TestAFolderThatIsFilledAnewIsServedAnew(t *testing.T) {
	dir := filled(t)
	s, err := NewServer(context.Background(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "b.tar.zst"), []byte("newer"))
	put(t, filepath.Join(dir, LatestFile), []byte(describe("b.tar.zst", []byte("newer"))))
	if rec := ask(s, "GET", "/databases/v6/b.tar.zst"); rec.Code != 200 || rec.Body.String() != "newer" {
		t.Errorf("%d %q", rec.Code, rec.Body)
	}
	if s.Latest().Archive != "b.tar.zst" {
		t.Errorf("%+v", s.Latest())
	}
}

func TestServingEndsWithoutAnError(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	started := make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		close(started)
		<-req.Context().Done() // a client that takes its time
	})
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, listener, handler, nil) }()
	go func() {
		resp, err := http.Get("http://" + listener.Addr().String())
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}()
	<-started
	stop()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("it does not end")
	}
	if _, err := net.Dial("tcp", listener.Addr().String()); err == nil {
		t.Error("it still listens")
	}
	if err := Serve(context.Background(), listener, handler, nil); err == nil || errors.Is(err, http.ErrServerClosed) {
		t.Errorf("on a listener that is closed: %v", err)
	}
}
