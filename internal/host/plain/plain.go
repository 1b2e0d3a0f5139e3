// Package plain is the host that is no CI system in particular: a shell, a Jenkins agent, a GitLab job. It writes text, or
// JSON lines, for people on standard error.
package plain

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/step"
)

// progressPause is the time between two lines of progress where there is no terminal to draw a bar on.
const progressPause = 5 * time.Second

// Options say how to speak.
type Options struct {
	JSON     bool
	Quiet    bool // only the ending
	Terminal bool // a bar can be drawn
	Now      func() time.Time
}

// Host writes to one stream.
type Host struct {
	options Options

	mu     sync.Mutex
	out    io.Writer
	drawn  bool      // a bar stands on the current line
	last   time.Time // of progress
	closed bool
}

// New returns a host that writes to out.
func New(out io.Writer, options Options) *Host {
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Host{options: options, out: out, last: options.Now()}
}

// Note says what is going on.
func (h *Host) Note(format string, args ...any) { h.say("info", "", format, args...) }

// Warn says what somebody should look at.
func (h *Host) Warn(format string, args ...any) { h.say("warning", "warning: ", format, args...) }

func (h *Host) say(level, prefix, format string, args ...any) {
	if h.options.Quiet {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.line(level, prefix, Harmless(fmt.Sprintf(format, args...)))
}

// line writes one line; the caller holds the lock.
func (h *Host) line(level, prefix, text string) {
	h.clear()
	if h.options.JSON {
		_ = h.object(map[string]any{"level": level, "message": text}) // the ending tells whether anybody can read it
		return
	}
	fmt.Fprintf(h.out, "%s%s\n", prefix, text)
}

func (h *Host) object(fields map[string]any) error {
	enc := json.NewEncoder(h.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(fields)
}

func (h *Host) clear() {
	if h.drawn {
		fmt.Fprint(h.out, "\r\x1b[K")
		h.drawn = false
	}
}

// Progress draws a bar on a terminal, and elsewhere says a line every few seconds.
func (h *Host) Progress(label string, done, total int64) {
	if h.options.Quiet {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.options.Now()
	pause := progressPause
	if h.options.Terminal && !h.options.JSON {
		pause = 100 * time.Millisecond
	}
	if h.closed || now.Sub(h.last) < pause {
		return
	}
	h.last = now
	if h.options.Terminal && !h.options.JSON {
		fmt.Fprintf(h.out, "\r\x1b[K%s", bar(label, done, total))
		h.drawn = true
		return
	}
	h.line("info", "", Harmless(label)+" "+amount(done, total))
}

func bar(label string, done, total int64) string {
	const width = 24
	if total <= 0 {
		return Harmless(label) + " " + amount(done, total)
	}
	full := int(min(done, total) * width / total)
	return fmt.Sprintf("%s [%s%s] %s", Harmless(label), strings.Repeat("=", full), strings.Repeat(" ", width-full), amount(done, total))
}

func amount(done, total int64) string {
	const mb = 1e6
	if total <= 0 {
		return fmt.Sprintf("%.1f MB", float64(done)/mb)
	}
	return fmt.Sprintf("%.1f of %.1f MB (%d %%)", float64(done)/mb, float64(total)/mb, min(done, total)*100/total)
}

// Publish says how it ended: one sentence, the evidence, the hints.
func (h *Host) Publish(result step.Result) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clear()
	h.closed = true
	if h.options.JSON {
		return h.object(ending(result))
	}
	if result.Err == nil {
		return nil
	}
	_, err := io.WriteString(h.out, Describe(result.Step, result.Err))
	return err
}

// Describe is an ending as text for people.
func Describe(step string, e *outcome.Error) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s: %s [%s]\n", step, e.Ending(), Harmless(e.Error()), e.Reason)
	for _, line := range e.Evidence {
		fmt.Fprintf(&b, "  %s\n", Harmless(line))
	}
	for _, hint := range e.Advice() {
		fmt.Fprintf(&b, "hint: %s\n", Harmless(hint))
	}
	return b.String()
}

func ending(result step.Result) map[string]any {
	fields := map[string]any{"level": "result", "step": result.Step, "verdict": result.Ending.String()}
	if e := result.Err; e != nil {
		fields["reason"], fields["message"] = string(e.Reason), Harmless(e.Error())
		fields["evidence"], fields["hints"] = harmless(e.Evidence), harmless(e.Advice())
	}
	return fields
}

func harmless(lines []string) []string {
	list := make([]string, len(lines))
	for i, line := range lines {
		list[i] = Harmless(line)
	}
	return list
}

// Harmless shows control characters, which could rewrite a log or a terminal, as what they are.
func Harmless(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\t':
			b.WriteByte(' ')
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
			fmt.Fprintf(&b, "\\u%04x", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
