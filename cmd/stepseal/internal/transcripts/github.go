package transcripts

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// github-base FILE lets the script's environment be that of a pull request from a branch of its repository, whose base has
// that file as .stepseal.yaml.
func githubBase(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: github-base FILE")
	}
	base := ts.ReadFile(args[0])
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !strings.HasSuffix(req.URL.Path, "/repos/acme/shop/contents/.stepseal.yaml") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte(base))
	}))
	ts.Defer(server.Close)
	event := filepath.Join(ts.MkAbs("."), "pull-request.json")
	ts.Check(os.WriteFile(event, []byte(`{"pull_request": {"head": {"repo": {"full_name": "acme/shop"}}, "base": {"sha": "0123456789012345678901234567890123456789", "repo": {"full_name": "acme/shop"}}}}`), 0o600))
	for name, value := range map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "acme/shop", "GITHUB_EVENT_NAME": "pull_request",
		"GITHUB_EVENT_PATH": event, "GITHUB_API_URL": server.URL, "STEPSEAL_GITHUB_TOKEN": "t0ken",
		"GITHUB_OUTPUT": ts.MkAbs("out"), "GITHUB_STEP_SUMMARY": ts.MkAbs("summary.md")} {
		ts.Setenv(name, value)
	}
}
