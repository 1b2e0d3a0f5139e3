package identity_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/stepseal/stepseal/internal/identity"
	"github.com/stepseal/stepseal/internal/outcome"
)

var now = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// jwt is a token of this subject; change edits its claims.
func jwt(subject string, change func(map[string]any)) string {
	claims := map[string]any{
		"iss": "https://issuer.example.com", "sub": subject, "aud": "sigstore",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(),
	}
	if change != nil {
		change(claims)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	return compact(`{"alg":"RS256","typ":"JWT"}`, string(payload))
}

func compact(header, payload string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode([]byte(payload)) + "." + encode([]byte("a signature"))
}

func env(pairs ...string) func(string) string {
	values := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return values[name] }
}

// machine is a file system with the token where Pods have it.
func machine(t *testing.T, token string) fs.FS {
	t.Helper()
	root := t.TempDir()
	file := filepath.Join(root, filepath.FromSlash(identity.ProjectedFile))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	return os.DirFS(root)
}

func find(t *testing.T, options identity.Options) (identity.Token, *outcome.Error) {
	t.Helper()
	options.Now = func() time.Time { return now }
	token, err := identity.Find(t.Context(), options)
	if err == nil {
		return token, nil
	}
	if token.Reveal() != "" {
		t.Error("there is a token beside the error")
	}
	known := new(outcome.Error)
	if !errors.As(err, &known) {
		t.Fatalf("an error without a reason: %v", err)
	}
	if len(known.Advice()) == 0 {
		t.Errorf("no word on what to do about: %s", known)
	}
	return token, known
}

// TestTheFirstSourceThatIsSetUpIsTaken takes the sources away one after the other.
func TestTheFirstSourceThatIsSetUpIsTaken(t *testing.T) {
	server := service(t, answering(jwt("github", nil)))
	values := map[string]string{
		"GITHUB_ACTIONS": "true", "GITLAB_CI": "true", "STEPSEAL_HOST": "tekton",
		"ACTIONS_ID_TOKEN_REQUEST_URL": server.URL, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request",
		"SIGSTORE_ID_TOKEN": jwt("gitlab", nil), "SPIFFE_ENDPOINT_SOCKET": "unix:///agent.sock",
	}
	options := identity.Options{
		Given: []byte(jwt("given", nil)), File: "/mnt/token", Files: machine(t, jwt("projected", nil)),
		Getenv: func(name string) string { return values[name] },
		Workload: func(_ context.Context, address, audience string) (string, error) {
			if address != "unix:///agent.sock" || audience != "sigstore" {
				return "", fmt.Errorf("asked %s for %s", address, audience)
			}
			return jwt("spiffe", nil), nil
		},
	}
	named := options.Files
	for _, step := range []struct {
		want identity.Source
		then func()
	}{
		{identity.Given, func() { options.Given = nil; options.File = identity.ProjectedFile }},
		{identity.Named, func() { options.File = ""; options.Files = os.DirFS(t.TempDir()) }},
		{identity.GitHub, func() { delete(values, "ACTIONS_ID_TOKEN_REQUEST_URL"); options.Files = named }},
		{identity.Environment, func() { delete(values, "SIGSTORE_ID_TOKEN") }},
		{identity.Projected, func() { options.Files = os.DirFS(t.TempDir()) }},
		{identity.SPIFFE, func() { delete(values, "SPIFFE_ENDPOINT_SOCKET") }},
	} {
		token, err := find(t, options)
		if err != nil {
			t.Fatalf("%s: %v", step.want, err)
		}
		if token.Source != step.want || token.Where == "" || token.Subject == "" {
			t.Errorf("got %q of %s, want %s", token.Subject, token.Source, step.want)
		}
		step.then()
	}
	if _, err := find(t, options); err == nil || err.Reason != outcome.IdentityTokenMissing {
		t.Errorf("with nothing left: %v", err)
	}
}

// TestWhatIsWrongWithASourceIsNotPassedOver: the next one would sign as somebody else.
func TestWhatIsWrongWithASourceIsNotPassedOver(t *testing.T) {
	ambient := env("SIGSTORE_ID_TOKEN", jwt("ambient", nil))
	failing := service(t, status(500))
	for name, test := range map[string]struct {
		options identity.Options
		reason  outcome.Reason
	}{
		"an empty token that was handed over": {identity.Options{Given: []byte{}, Getenv: ambient}, outcome.IdentityTokenUnusable},
		"an expired token that was handed over": {identity.Options{Given: []byte(jwt("given", func(c map[string]any) { c["exp"] = now.Unix() })), Getenv: ambient},
			outcome.IdentityTokenUnusable},
		"a named file that is not there":     {identity.Options{File: "/mnt/token", Files: os.DirFS(t.TempDir()), Getenv: ambient}, outcome.IdentityTokenMissing},
		"a named file without a file system": {identity.Options{File: "/mnt/token", Getenv: ambient}, outcome.IdentityTokenMissing},
		"a named path that is not absolute":  {identity.Options{File: "mnt/token", Files: os.DirFS(t.TempDir()), Getenv: ambient}, outcome.IdentityTokenUnusable},
		"a token service that fails": {identity.Options{Getenv: env("ACTIONS_ID_TOKEN_REQUEST_URL", failing.URL, "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "x",
			"SIGSTORE_ID_TOKEN", jwt("ambient", nil))}, outcome.IdentityTokenUnavailable},
		"a variable that holds no token": {identity.Options{Getenv: env("SIGSTORE_ID_TOKEN", "hello"), Files: machine(t, jwt("projected", nil))}, outcome.IdentityTokenUnusable},
		"an agent that says no": {identity.Options{Getenv: env("SPIFFE_ENDPOINT_SOCKET", "unix:///a"),
			Workload: func(context.Context, string, string) (string, error) { return "", errors.New("no identity issued") }}, outcome.IdentityTokenUnavailable},
		"an agent that gives no token": {identity.Options{Getenv: env("SPIFFE_ENDPOINT_SOCKET", "unix:///a"),
			Workload: func(context.Context, string, string) (string, error) { return "", nil }}, outcome.IdentityTokenUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := find(t, test.options); err == nil || err.Reason != test.reason {
				t.Errorf("got %v, want %s", err, test.reason)
			}
		})
	}
}

func TestAnInterruptedRunSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := identity.Find(ctx, identity.Options{Getenv: env("SIGSTORE_ID_TOKEN", jwt("x", nil))}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestATokenIsNeverPrinted(t *testing.T) {
	raw := jwt("someone", nil)
	token, failed := find(t, identity.Options{Given: []byte(raw + "\n")})
	if failed != nil {
		t.Fatal(failed)
	}
	if token.Reveal() != raw {
		t.Error("what is revealed is not what was handed over")
	}
	hidden := struct{ inside identity.Token }{token}
	encoded, err := json.Marshal(token)
	if err != nil {
		t.Fatal(err)
	}
	printed := string(encoded) + fmt.Sprint(token, &token, hidden, []identity.Token{token})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t"} {
		printed += fmt.Sprintf(verb, token) + fmt.Sprintf(verb, &token) + fmt.Sprintf(verb, hidden)
	}
	for part := range strings.SplitSeq(raw, ".") {
		if strings.Contains(printed, part) || strings.Contains(printed, fmt.Sprintf("%x", part)) {
			t.Errorf("a part of the token stands in %s", printed)
		}
	}
	if !strings.Contains(fmt.Sprint(token), "someone by https://issuer.example.com") {
		t.Errorf("printed, it does not say whose it is: %v", token)
	}
}

// TestWhatIsMissingIsSaidWithTheLineToAdd reads what the hints say to paste.
func TestWhatIsMissingIsSaidWithTheLineToAdd(t *testing.T) {
	for name, test := range map[string]struct {
		getenv func(string) string
		want   []string
	}{
		"on GitHub":                            {env("GITHUB_ACTIONS", "true"), []string{"`id-token: write`", "fork never gets one"}},
		"on GitLab":                            {env("GITLAB_CI", "true"), []string{"id_tokens: {SIGSTORE_ID_TOKEN: {aud: sigstore}}"}},
		"in Tekton":                            {env("STEPSEAL_HOST", "tekton"), []string{"audience: sigstore", "mountPath: /var/run/sigstore/cosign"}},
		"in a Pod":                             {env("KUBERNETES_SERVICE_HOST", "10.0.0.1"), []string{"path: oidc-token"}},
		"in a Tekton step on a GitHub runner":  {env("STEPSEAL_HOST", "tekton", "GITHUB_ACTIONS", "true"), []string{"path: oidc-token"}},
		"in a shell":                           {env(), []string{"STEPSEAL_IDENTITY_TOKEN"}},
		"without an environment":               {nil, []string{"STEPSEAL_IDENTITY_TOKEN"}},
		"with a workload socket nobody speaks": {env("SPIFFE_ENDPOINT_SOCKET", "unix:///a"), []string{"--identity-token-file"}},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			_, err := find(t, identity.Options{Getenv: test.getenv, Files: os.DirFS(t.TempDir())})
			if err == nil || err.Reason != outcome.IdentityTokenMissing || err.Ending() != outcome.Misused {
				t.Fatalf("got %v", err)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("it took %s to see that there is none", took)
			}
			advice := strings.Join(err.Advice(), "\n")
			for _, want := range append(test.want, "--key") {
				if !strings.Contains(advice, want) {
					t.Errorf("no word of %q in:\n%s", want, advice)
				}
			}
			for _, hint := range err.Advice() {
				if _, block, ok := strings.Cut(hint, ": "); ok && strings.Contains(block, "{") {
					var parsed map[string]any
					if err := yaml.Unmarshal([]byte(block), &parsed); err != nil || len(parsed) != 1 {
						t.Errorf("%q is not to be pasted: %v", block, err)
					}
				}
			}
		})
	}
}
