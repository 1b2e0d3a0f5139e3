package transcripts

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/stepseal/stepseal/internal/registrytest"
)

func registryOf(ts *testscript.TestScript) *registrytest.Registry {
	return ts.Value(registryKey).(*registrytest.Registry)
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
