package identity_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stepseal/stepseal/internal/identity"
	"github.com/stepseal/stepseal/internal/outcome"
)

const requestSecret = "the-request-token"

func service(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

func answering(token string) http.HandlerFunc {
	body, err := json.Marshal(map[string]any{"count": len(token), "value": token})
	if err != nil {
		panic(err)
	}
	return text(string(body))
}

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, body) }
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = fmt.Fprint(w, `{"value":"`+jwt("nobody", nil)+`"}`)
	}
}

// inTurn answers the first request as the first, and so on; the last one stays.
func inTurn(asked *atomic.Int32, handlers ...http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n := int(asked.Add(1))
		handlers[min(n, len(handlers))-1](w, r)
	}
}

func onGitHub(address string) identity.Options {
	return identity.Options{Getenv: env("GITHUB_ACTIONS", "true",
		"ACTIONS_ID_TOKEN_REQUEST_URL", address, "ACTIONS_ID_TOKEN_REQUEST_TOKEN", requestSecret)}
}

func TestGitHubIsAskedAsItWantsToBe(t *testing.T) {
	const audience = "https://fulcio.example.com/a b&c=d"
	server := service(t, func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		if r.Header.Get("Authorization") != "Bearer "+requestSecret || query.Get("audience") != audience || query.Get("api-version") != "2.0" || len(query) != 2 {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		answering(jwt("repo:o/r:ref:refs/heads/main", func(c map[string]any) { c["aud"] = audience }))(w, r)
	})
	options := onGitHub(server.URL + "/token?api-version=2.0&audience=other")
	options.Audience = audience
	token, err := find(t, options)
	if err != nil || token.Source != identity.GitHub || token.Subject != "repo:o/r:ref:refs/heads/main" {
		t.Errorf("got %v, %v", token, err)
	}
}

func TestGitHubIsAskedAgainAfterWhatGoesAway(t *testing.T) {
	good := answering(jwt("someone", nil))
	broken := func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }
	silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for name, test := range map[string]struct {
		answers []http.HandlerFunc
		asked   int32
		good    bool
	}{
		"one failure":                   {[]http.HandlerFunc{status(503), good}, 2, true},
		"two, of different kinds":       {[]http.HandlerFunc{status(429), status(500), good}, 3, true},
		"a broken connection":           {[]http.HandlerFunc{broken, good}, 2, true},
		"one silence":                   {[]http.HandlerFunc{silent, good}, 2, true},
		"failures without end":          {[]http.HandlerFunc{status(500)}, 3, false},
		"asked too often without end":   {[]http.HandlerFunc{status(429)}, 3, false},
		"a no, which stays":             {[]http.HandlerFunc{status(403), good}, 1, false},
		"an unknown address":            {[]http.HandlerFunc{status(404), good}, 1, false},
		"an answer that is no token":    {[]http.HandlerFunc{text("{}"), good}, 1, false},
		"a success that is not 200":     {[]http.HandlerFunc{status(202), good}, 1, false},
		"a token that cannot be used":   {[]http.HandlerFunc{answering("a.b.c"), good}, 1, false},
		"an answer that breaks midways": {[]http.HandlerFunc{cutShort, good}, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			options := onGitHub(service(t, inTurn(&asked, test.answers...)).URL)
			if name == "one silence" {
				options.Patience = 2 * time.Second
			}
			token, err := find(t, options)
			if (err == nil) != test.good || test.good && token.Subject != "someone" || asked.Load() != test.asked {
				t.Errorf("got %v, %v after %d requests", token, err, asked.Load())
			}
		})
	}
}

func cutShort(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = fmt.Fprint(w, `{"value":"`)
}

func endless(w http.ResponseWriter, r *http.Request) {
	_, _ = fmt.Fprint(w, `{"value":"`)
	for r.Context().Err() == nil {
		if _, err := fmt.Fprint(w, strings.Repeat("A", 4096)); err != nil {
			return
		}
	}
}

func TestWhatGitHubsServiceMayDoWrong(t *testing.T) {
	var leaked atomic.Bool
	elsewhere := service(t, func(w http.ResponseWriter, r *http.Request) {
		leaked.Store(true)
		answering(jwt("thief", nil))(w, r)
	})
	const unavailable, unusable = outcome.IdentityTokenUnavailable, outcome.IdentityTokenUnusable
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"401":                         {status(401), "does not let this job have an identity token (401)"},
		"403":                         {status(403), "does not let this job have an identity token (403)"},
		"404":                         {status(404), "gives no identity token (404)"},
		"429":                         {status(429), "is asked too often (429)"},
		"500":                         {status(500), "fails (500)"},
		"silence":                     {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "cannot be reached: it does not answer in time"},
		"an endless body":             {endless, "more than 64 KiB"},
		"a redirect":                  {http.RedirectHandler(elsewhere.URL, http.StatusFound).ServeHTTP, "redirects, which is not followed (302)"},
		"an empty token":              {answering(""), "without an identity token in value"},
		"no body":                     {text(""), "something else than one JSON object"},
		"a page":                      {text("<html>"), "something else than one JSON object"},
		"a list":                      {text("[]"), "without an identity token in value"},
		"null":                        {text("null"), "without an identity token in value"},
		"other keys":                  {text(`{"token":"` + jwt("x", nil) + `"}`), "without an identity token in value"},
		"a number":                    {text(`{"value":1}`), "without an identity token in value"},
		"two values":                  {text(`{"value":"a","value":"b"}`), "something else than one JSON object"},
		"two values in two spellings": {text(`{"value":"a","Value":"b"}`), "something else than one JSON object"},
		"what is no token":            {answering("hello"), "has 1 parts and not three"},
		"a token for somebody else":   {answering(jwt("x", func(c map[string]any) { c["aud"] = "vault" })), `is for the audience "vault", and "sigstore" is needed`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := onGitHub(service(t, test.handler).URL + "/token?secret=x")
			if name == "silence" {
				options.Patience = 500 * time.Millisecond
			}
			_, err := find(t, options)
			if err == nil || err.Reason != unavailable || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if told := fmt.Sprint(err, err.Advice()); strings.Contains(told, requestSecret) || strings.Contains(told, "secret=x") {
				t.Errorf("told too much: %s", told)
			}
		})
	}
	t.Cleanup(func() {
		if leaked.Load() {
			t.Error("a redirect was followed")
		}
	})
	for name, address := range map[string]string{
		"plain HTTP":      "http://token.example.com/x",
		"no host":         "https:///x",
		"another scheme":  "file:///etc/passwd",
		"no address":      "https://a b/\x7f",
		"a name and such": "https://user:pass@token.example.com",
		"a look-alike":    "http://127.0.0.1.example.com/",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := find(t, onGitHub(address))
			if err == nil || err.Reason != unusable || strings.Contains(err.Error(), "pass") {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("no request token", func(t *testing.T) {
		if _, err := find(t, identity.Options{Getenv: env("ACTIONS_ID_TOKEN_REQUEST_URL", elsewhere.URL)}); err == nil || err.Reason != unusable {
			t.Errorf("got %v", err)
		}
	})
	t.Run("nobody listens", func(t *testing.T) {
		gone := httptest.NewServer(http.NotFoundHandler())
		gone.Close()
		if _, err := find(t, onGitHub(gone.URL)); err == nil || err.Reason != unavailable {
			t.Errorf("got %v", err)
		}
	})
}

func TestASilentServiceCostsNoMoreThanThePatience(t *testing.T) {
	options := onGitHub(service(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }).URL)
	options.Patience = 300 * time.Millisecond
	began := time.Now()
	_, err := find(t, options)
	if took := time.Since(began); err == nil || took > 2*time.Second {
		t.Errorf("%v after %s", err, took)
	}
}

// canned answers without a network.
type canned struct {
	code int
	body string
}

func (c canned) RoundTrip(request *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: c.code, Body: io.NopCloser(strings.NewReader(c.body)), Header: http.Header{}, Request: request}, nil
}
