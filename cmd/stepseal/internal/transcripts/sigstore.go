package transcripts

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/stepseal/stepseal/internal/sigstoretest"
)

const sigstoreKey = "sigstore"

// labHolder is the Sigstore of a script, once it has started one.
type labHolder struct{ *sigstoretest.Sigstore }

var sigstoreServices = map[string]sigstoretest.Service{"rekor": sigstoretest.Rekor, "rekor-tiles": sigstoretest.RekorTiles,
	"timestamp-authority": sigstoretest.TimestampAuthority, "fulcio": sigstoretest.Fulcio, "issuer": sigstoretest.Issuer}

// sigstore FOLDER SERVICE... starts a private Sigstore for the script, and writes its trusted_root.json, and a
// signing_config.json that names Fulcio and these services.
func sigstore(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: sigstore FOLDER SERVICE...")
	}
	lab, err := sigstoretest.Start(time.Now)
	ts.Check(err)
	ts.Defer(lab.Close)
	ts.Value(sigstoreKey).(*labHolder).Sigstore = lab
	var services []sigstoretest.Service
	for _, name := range args[1:] {
		services = append(services, sigstoreServices[name])
	}
	folder := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(folder, 0o755))
	ts.Check(os.WriteFile(filepath.Join(folder, "trusted_root.json"), lab.TrustedRoot(), 0o644))
	ts.Check(os.WriteFile(filepath.Join(folder, "signing_config.json"), lab.SigningConfig(services...), 0o644))
	ts.Setenv("ISSUER", lab.Issuer())
}

func labOf(ts *testscript.TestScript) *sigstoretest.Sigstore {
	return ts.Value(sigstoreKey).(*labHolder).Sigstore
}

// token FILE github REPOSITORY WORKFLOW REF [CLAIM=VALUE...], token FILE kubernetes NAMESPACE ACCOUNT or token FILE email
// ADDRESS writes an identity token.
func token(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: token FILE KIND ARGS...")
	}
	raw, err := labOf(ts).Token(claimsOf(ts, args[1], args[2:]))
	ts.Check(err)
	file := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(file), 0o755))
	ts.Check(os.WriteFile(file, []byte(raw), 0o600))
}

func claimsOf(ts *testscript.TestScript, kind string, args []string) map[string]any {
	var claims map[string]any
	used := 2
	switch kind {
	case "github":
		claims, used = sigstoretest.GitHub(args[0], args[1], args[2]), 3
	case "gitlab":
		claims = sigstoretest.GitLab(args[0], args[1])
	case "kubernetes":
		claims = sigstoretest.Kubernetes(args[0], args[1])
	case "email":
		claims, used = sigstoretest.Email(args[0]), 1
	default:
		ts.Fatalf("no token of %s", kind)
	}
	for _, more := range args[used:] {
		name, value, _ := strings.Cut(more, "=")
		claims[name] = value
	}
	return claims
}

// github-token REPOSITORY WORKFLOW REF lets the script's environment be that of a job which may have identity tokens.
func githubToken(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: github-token REPOSITORY WORKFLOW REF")
	}
	lab, claims := labOf(ts), claimsOf(ts, "github", args)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Authorization") != "Bearer request-secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		claims["aud"] = req.URL.Query().Get("audience")
		raw, err := lab.Token(claims)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"count": len(raw), "value": raw})
	}))
	ts.Defer(server.Close)
	ts.Setenv("ACTIONS_ID_TOKEN_REQUEST_URL", server.URL+"/?api-version=2.0")
	ts.Setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "request-secret")
}

// misbehave FAULT... lets the Sigstore do these things wrong; down SERVICE lets one of its services not answer.
func misbehave(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: misbehave FAULT...")
	}
	var faults sigstoretest.Faults
	for _, fault := range args {
		switch name, of, _ := strings.Cut(fault, "="); name {
		case "down":
			labOf(ts).Answer(sigstoreServices[of], sigstoretest.Down())
		case "forbidden":
			labOf(ts).Answer(sigstoreServices[of], sigstoretest.Status(http.StatusForbidden))
		case "not-found":
			labOf(ts).Answer(sigstoreServices[of], sigstoretest.Status(http.StatusNotFound))
		case "page":
			labOf(ts).Answer(sigstoreServices[of], sigstoretest.Instead(http.StatusOK, []byte("<html>")))
		case "late":
			labOf(ts).Answer(sigstoreServices[of], late)
		case "well":
			labOf(ts).Answer(sigstoreServices[of], nil)
		case "without-sct":
			faults.WithoutSCT = true
		case "unknown-authority":
			faults.UnknownAuthority = true
		case "unknown-timestamper":
			faults.UnknownTimestamper = true
		case "unknown-log":
			faults.UnknownLog = true
		default:
			ts.Fatalf("no fault %s", fault)
		}
	}
	ts.Check(labOf(ts).Misbehave(faults))
	fmt.Fprintf(ts.Stdout(), "%v\n", args)
}

// late is a service whose clock is an hour behind.
func late(w http.ResponseWriter, req *http.Request, next http.Handler) {
	w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
	next.ServeHTTP(w, req)
}

// ending FILE LIST DAYS lets everything in a list of a trusted root or a signing config end in so many days; negative: ago.
func ending(ts *testscript.TestScript, neg bool, args []string) {
	days, err := strconv.Atoi(args[2])
	ts.Check(err)
	end := time.Now().AddDate(0, 0, days).Add(time.Minute).UTC().Format(time.RFC3339)
	alter(ts, args[0], func(document map[string]any) {
		for _, one := range document[args[1]].([]any) {
			entry := one.(map[string]any)
			if key, ok := entry["publicKey"].(map[string]any); ok {
				entry = key // of a log the period is that of its key
			}
			entry["validFor"].(map[string]any)["end"] = end
		}
	})
}

// without FILE LIST takes a list out of a trusted root or a signing config.
func without(ts *testscript.TestScript, neg bool, args []string) {
	alter(ts, args[0], func(document map[string]any) {
		if document[args[1]] == nil {
			ts.Fatalf("%s has no %s", args[0], args[1])
		}
		delete(document, args[1])
	})
}

func alter(ts *testscript.TestScript, file string, change func(map[string]any)) {
	var document map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(file)), &document))
	change(document)
	text, err := json.Marshal(document)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(file), text, 0o644))
}
