package actions_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/step"
)

const sha = "0123456789012345678901234567890123456789"

func pull(head, base string) string {
	return fmt.Sprintf(`{"pull_request":{"head":{"repo":%s},"base":{"sha":"%s","repo":{"full_name":%q}}}}`, head, sha, base)
}

func TestChangesAreWhatTheEventSays(t *testing.T) {
	none, proposed := step.Change{}, step.Change{Proposed: true}
	fork := step.Change{Proposed: true, Fork: true}
	privileged := step.Change{Proposed: true, Privileged: true}
	own, other := pull(`{"full_name":"o/app"}`, "o/app"), pull(`{"full_name":"stranger/app"}`, "o/app")
	for name, c := range map[string]struct {
		event, payload, actor string
		want                  step.Change
	}{
		"push":                          {"push", own, "", none},
		"merge queue":                   {"merge_group", `{}`, "", none},
		"own branch":                    {"pull_request", own, "", proposed},
		"a fork":                        {"pull_request", other, "", fork},
		"a fork that is gone":           {"pull_request", pull("null", "o/app"), "", fork},
		"no repository named":           {"pull_request", pull("{}", "o/app"), "", fork},
		"Dependabot":                    {"pull_request", own, "dependabot[bot]", fork},
		"a review":                      {"pull_request_review", other, "", fork},
		"an event that is no JSON":      {"pull_request", `{"pull_request":`, "", fork},
		"an event of another form":      {"pull_request", `{"pull_request":{"head":7}}`, "", fork},
		"no event file":                 {"pull_request", "-", "", fork},
		"target":                        {"pull_request_target", other, "", privileged},
		"target that cannot be read":    {"pull_request_target", "-", "", privileged},
		"a run after a pull request":    {"workflow_run", `{"workflow_run":{"event":"pull_request"}}`, "", privileged},
		"a run after a push":            {"workflow_run", `{"workflow_run":{"event":"push"}}`, "", none},
		"a run after nobody knows what": {"workflow_run", "-", "", privileged},
		"no event at all, as on somebody's terminal": {"", "-", "", none},
	} {
		t.Run(name, func(t *testing.T) {
			j := newJob(t)
			j.env["GITHUB_EVENT_NAME"], j.env["GITHUB_ACTOR"], j.env["GITHUB_REPOSITORY"] = c.event, c.actor, "o/app"
			if c.payload != "-" {
				j.env["GITHUB_EVENT_PATH"] = filepath.Join(t.TempDir(), "event.json")
				j.write("GITHUB_EVENT_PATH", c.payload)
			}
			got := j.host().Change()
			got.Base = nil
			if got.Proposed != c.want.Proposed || got.Fork != c.want.Fork || got.Privileged != c.want.Privileged {
				t.Errorf("got %+v, expected %+v", got, c.want)
			}
		})
	}
}

// github answers as the API does, to whoever has the token.
func github(t *testing.T, answer http.HandlerFunc) *job {
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	j := newJob(t)
	j.env["GITHUB_EVENT_NAME"], j.env["GITHUB_REPOSITORY"], j.env["GITHUB_API_URL"] = "pull_request", "o/app", server.URL+"/api/v3"
	j.env["GITHUB_EVENT_PATH"] = filepath.Join(t.TempDir(), "event.json")
	j.write("GITHUB_EVENT_PATH", pull(`{"full_name":"o/app"}`, "o/app"))
	j.env["STEPSEAL_GITHUB_TOKEN"] = "t0ken"
	return j
}

func TestTheBaseIsReadAtItsCommit(t *testing.T) {
	j := github(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t0ken" || r.Header.Get("Accept") != "application/vnd.github.raw+json" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.URL.Path != "/api/v3/repos/o/app/contents/a b/.stepseal.yaml" || r.URL.RawQuery != "ref="+sha {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		fmt.Fprint(w, "version: 1\n")
	})
	got, err := j.host().Change().Base(context.Background(), "a b/.stepseal.yaml")
	if err != nil || string(got) != "version: 1\n" {
		t.Errorf("%q %v", got, err)
	}
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("t0ken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	j.env["STEPSEAL_GITHUB_TOKEN"], j.env["STEPSEAL_GITHUB_TOKEN_FILE"] = "", file
	if _, err := j.host().Change().Base(context.Background(), "a b/.stepseal.yaml"); err != nil {
		t.Error(err)
	}
}

func TestAMissingFileIsToldFromOneThatMayNotBeSeen(t *testing.T) {
	seen := github(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/api/v3/repos/o/app/git/commits/") {
			w.WriteHeader(http.StatusNotFound)
		}
	})
	if _, err := seen.host().Change().Base(context.Background(), ".stepseal.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	hidden := github(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	if _, err := hidden.host().Change().Base(context.Background(), ".stepseal.yaml"); err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "contents: read") {
		t.Errorf("got %v", err)
	}
}

func TestWhatTheAPICannotSayIsAnErrorWithoutTheToken(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"401":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"500":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"elsewhere":  func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other?t0ken", http.StatusFound) },
		"much":       func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2<<20)) },
		"a hang-up":  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"repeats it": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "t0ken", http.StatusForbidden) },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := github(t, answer).host().Change().Base(context.Background(), ".stepseal.yaml")
			if err == nil || errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "t0ken") {
				t.Errorf("got %v", err)
			}
		})
	}
	clear := github(t, nil)
	clear.env["GITHUB_API_URL"] = "http://github.example.com"
	if _, err := clear.host().Change().Base(context.Background(), ".stepseal.yaml"); err == nil {
		t.Error("the token went out in clear")
	}
	if _, err := github(t, nil).host().Change().Base(context.Background(), "../../user"); err == nil {
		t.Error("a path led out of the repository")
	}
}

func TestWithoutACommitThereIsNoBase(t *testing.T) {
	j := github(t, nil)
	j.write("GITHUB_EVENT_PATH", `{"pull_request":{"base":{"sha":"main&x=y"}}}`)
	if j.host().Change().Base != nil {
		t.Error("there is one")
	}
}
