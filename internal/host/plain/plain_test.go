package plain_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stepseal/stepseal/internal/host/plain"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/step"
)

func TestUntrustedTextCannotWriteALine(t *testing.T) {
	var out bytes.Buffer
	h := plain.New(&out, plain.Options{})
	h.Note("package %s", "evil\n::set-output name=verdict::accepted\x1b[2J\u202eabc")
	_ = h.Publish(step.Result{Err: outcome.New(outcome.Vulnerable, "a\nb").With("c\rd").Hint("e\u2028f")})
	text := out.String()
	if strings.Count(text, "\n") != 4 || strings.ContainsAny(text, "\x1b\r\u202e\u2028") {
		t.Errorf("got %q", text)
	}
}

func TestUntrustedTextIsHarmlessInJSONToo(t *testing.T) {
	var out bytes.Buffer
	h := plain.New(&out, plain.Options{JSON: true})
	_ = h.Publish(step.Result{Err: outcome.New(outcome.Vulnerable, "a\u202eb").With("c\u009bd").Hint("e\u2066f")})
	if strings.ContainsAny(out.String(), "\u202e\u009b\u2066") {
		t.Errorf("got %q", out.String())
	}
}

func TestProgressIsALineEveryFewSeconds(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(0, 0)
	h := plain.New(&out, plain.Options{Now: func() time.Time { return now }})
	for range 100 {
		now = now.Add(100 * time.Millisecond)
		h.Progress("reading", 5e6, 10e6)
	}
	if got := out.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "reading 5.0 of 10.0 MB (50 %)") {
		t.Errorf("got %q", got)
	}
}

func TestATerminalGetsABarAndLosesItAgain(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(0, 0)
	h := plain.New(&out, plain.Options{Terminal: true, Now: func() time.Time { now = now.Add(time.Second); return now }})
	h.Progress("reading", 5, 10)
	h.Note("done")
	if got := out.String(); !strings.Contains(got, "[============            ]") || !strings.HasSuffix(got, "\r\x1b[Kdone\n") {
		t.Errorf("got %q", got)
	}
}

func TestQuietSaysOnlyHowItEnded(t *testing.T) {
	var out bytes.Buffer
	h := plain.New(&out, plain.Options{Quiet: true})
	h.Note("a")
	h.Warn("b")
	_ = h.Publish(step.Result{Step: "verify", Err: outcome.New(outcome.ImageNotFound, "no image")})
	if got := out.String(); !strings.HasPrefix(got, "verify: undecided: no image [image-not-found]\nhint: ") {
		t.Errorf("got %q", got)
	}
}

func TestJSONIsOneObjectALine(t *testing.T) {
	var out bytes.Buffer
	h := plain.New(&out, plain.Options{JSON: true})
	h.Warn("a %q", "b")
	_ = h.Publish(step.Result{Step: "verify", Ending: outcome.Refused, Err: outcome.New(outcome.SignatureMissing, "none")})
	want := `{"level":"warning","message":"a \"b\""}` + "\n"
	if got := out.String(); !strings.HasPrefix(got, want) || !strings.Contains(got, `"reason":"signature-missing"`) || strings.Count(got, "\n") != 2 {
		t.Errorf("got %q", got)
	}
}
