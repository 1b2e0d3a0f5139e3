package signing

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stepseal/stepseal/internal/lifetime"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/sigstoretest"
)

// doctored is the bench with the judgement about all services of its Sigstore, held against a trusted root.
func (b *keylessBench) doctored(against *Sigstore) lifetime.Report {
	b.Helper()
	services, err := NamedServices("lab", b.lab.SigningConfig(sigstoretest.Rekor, sigstoretest.RekorTiles, sigstoretest.TimestampAuthority))
	if err != nil {
		b.Fatal(err)
	}
	answers := against.Ask(b.Context(), services, b.registry.Transport(), time.Now)
	for i := range answers {
		answers[i].Authority, answers[i].Timed = "lab", false
	}
	authority := lifetime.Authority{Name: "lab", Parts: against.Parts(), Demanded: against.Demanded(), Services: services, Signs: true}
	return lifetime.Judge([]lifetime.Authority{authority}, answers, noon, 0)
}

// states are those of the rows of services that were asked, by their role and version.
func (b *keylessBench) states(report lifetime.Report) string {
	var list []string
	for _, of := range []sigstoretest.Service{sigstoretest.Fulcio, sigstoretest.Rekor, sigstoretest.RekorTiles, sigstoretest.TimestampAuthority} {
		for _, row := range report.Rows {
			if strings.Contains(row.What, " "+b.lab.URL(of)) && (row.State == lifetime.Answers || row.State == lifetime.NotTrusted || row.State == lifetime.NoAnswer) {
				list = append(list, string(row.State))
			}
		}
	}
	return strings.Join(list, ", ")
}

func TestServicesAreHeldAgainstTheTrustedRoot(t *testing.T) {
	for name, c := range map[string]struct {
		faults   sigstoretest.Faults
		states   string
		problems []string
	}{
		"all is well": {sigstoretest.Faults{}, "answers, answers, answers, answers", nil},
		"another certificate authority": {sigstoretest.Faults{UnknownAuthority: true}, "not trusted, answers, answers, answers",
			[]string{"lab: the certificate authority %s shows a certificate of CN=intermediate"}},
		"another timestamp authority": {sigstoretest.Faults{UnknownTimestamper: true}, "answers, answers, answers, not trusted",
			[]string{"lab: the timestamp authority %s shows the certificate CN=timestamp authority"}},
		"other logs": {sigstoretest.Faults{UnknownLog: true}, "answers, not trusted, not trusted, answers",
			[]string{"lab: the transparency log %s shows the key ", "lab: the transparency log %s shows a checkpoint signed as 127.0.0.1 by the key "}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newKeylessBench(t, registrytest.Options{})
			if err := b.lab.Misbehave(c.faults); err != nil {
				t.Fatal(err)
			}
			report := b.doctored(b.sigstore)
			if got := b.states(report); got != c.states || len(report.Unavailable)+len(report.Warnings) > 0 {
				t.Errorf("%s\n%+v", got, report)
			}
			if len(report.Problems) != len(c.problems) {
				t.Fatalf("%q", report.Problems)
			}
			for i, want := range c.problems {
				before, after, _ := strings.Cut(want, "%s")
				if got := report.Problems[i]; !strings.HasPrefix(got, before) || !strings.Contains(got, after) || !strings.Contains(got, "what it makes from now on is not trusted") {
					t.Errorf("want %q, got %q", want, got)
				}
			}
		})
	}
}

// TestAnIntermediateThatHasEndedIsNotHeldAnyMore: a service that goes on with a certificate that is over makes what nobody takes.
func TestAnIntermediateThatHasEndedIsNotHeldAnyMore(t *testing.T) {
	b := newKeylessBench(t, registrytest.Options{})
	if err := b.lab.Misbehave(sigstoretest.Faults{ExpiredIntermediate: true}); err != nil {
		t.Fatal(err)
	}
	report := b.doctored(b.root(Without{})) // it names the one that has ended, beside the one that has not
	if got := b.states(report); got != "not trusted, answers, answers, answers" || len(report.Problems) != 1 {
		t.Errorf("%s: %q", got, report.Problems)
	}
}

// TestALogIsKnownByItsNameToo: verification takes the name in a checkpoint from the address in the trusted root.
func TestALogIsKnownByItsNameToo(t *testing.T) {
	b := newKeylessBench(t, registrytest.Options{})
	moved := strings.ReplaceAll(string(b.lab.TrustedRoot()), b.lab.URL(sigstoretest.RekorTiles), "http://log.example")
	against, err := NewSigstore("lab", []byte(moved), Without{})
	if err != nil {
		t.Fatal(err)
	}
	if got := b.states(b.doctored(against)); got != "answers, answers, not trusted, answers" {
		t.Error(got)
	}
}

func TestWhatCannotBeReadIsNotCompared(t *testing.T) {
	b := newKeylessBench(t, registrytest.Options{})
	only := func(path string, behave sigstoretest.Behaviour) sigstoretest.Behaviour {
		return func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			if strings.HasSuffix(req.URL.Path, path) {
				behave(w, req, next)
				return
			}
			next.ServeHTTP(w, req)
		}
	}
	says := func(text string) sigstoretest.Behaviour { return sigstoretest.Instead(http.StatusOK, []byte(text)) }
	for name, c := range map[string]struct {
		of     sigstoretest.Service
		behave sigstoretest.Behaviour
		row    string
		warned bool
	}{
		"a page":                          {sigstoretest.Fulcio, says("<html>"), "what it shows could not be compared with the trusted root: ", true},
		"chains of nothing":               {sigstoretest.Fulcio, says(`{"chains":[{"certificates":[]}]}`), "it shows no chain of certificates", true},
		"a chain that is no certificate":  {sigstoretest.Fulcio, says(`{"chains":[{"certificates":["x"]}]}`), "error during PEM decoding", true},
		"chains that are told twice":      {sigstoretest.Fulcio, says(`{"chains":[],"chains":[]}`), "stands twice in one object", true},
		"chains without end":              {sigstoretest.Fulcio, sigstoretest.Endless(http.StatusOK), "it says more than 64 KiB", true},
		"no certificate":                  {sigstoretest.TimestampAuthority, says(""), "it shows no certificate", true},
		"no key":                          {sigstoretest.Rekor, says("key"), "PEM decoding failed", true},
		"a checkpoint that nobody signed": {sigstoretest.RekorTiles, only(checkpoint, says("127.0.0.1\n0\nAA==\n")), "it is no signed checkpoint", true},
		"a log that shows no checkpoint":  {sigstoretest.RekorTiles, only(checkpoint, sigstoretest.Status(http.StatusNotImplemented)), "its key could not be compared: it answers 501 Not Implemented to GET /api/v2/checkpoint", false},
		"a log that hangs up on that":     {sigstoretest.RekorTiles, only(checkpoint, sigstoretest.Down()), "its key could not be compared: EOF", false},
	} {
		t.Run(name, func(t *testing.T) {
			b.lab.Answer(c.of, c.behave)
			defer b.lab.Answer(c.of, nil)
			report := b.doctored(b.sigstore)
			var rows string
			for _, row := range report.Rows {
				rows += fmt.Sprintln(row.State, row.What)
			}
			if !strings.Contains(rows, c.row) || b.states(report) != "answers, answers, answers, answers" {
				t.Error(rows)
			}
			if warned := len(report.Warnings) == 1 && strings.Contains(report.Warnings[0], c.row); warned != c.warned || !c.warned && len(report.Warnings) > 0 {
				t.Errorf("%q", report.Warnings)
			}
			if len(report.Problems)+len(report.Unavailable) > 0 {
				t.Errorf("%q %q", report.Problems, report.Unavailable)
			}
		})
	}
}
