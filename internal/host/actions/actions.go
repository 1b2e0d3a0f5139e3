// Package actions is GitHub Actions: workflow commands in the log, file commands for what a run leaves behind, and what the
// runner says of the event.
//
// Nothing that came from outside is ever taken for a command: the log goes through Defused, and what travels in a command
// is escaped.
package actions

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/sethvargo/go-githubactions"

	"github.com/stepseal/stepseal/internal/host/plain"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/step"
)

// Host is a job's runner. It writes for people as the plain host does, and adds what the runner understands.
type Host struct {
	*plain.Host
	commands *githubactions.Action
	getenv   func(string) string

	mu       sync.Mutex
	open     bool // a group is
	warnings []string
}

// New is GitHub Actions around a run that writes its commands to log. What around writes must go through Defused.
func New(around *plain.Host, log io.Writer, getenv func(string) string) *Host {
	// The library panics where it cannot write; whether anybody can read the log, the plain host tells.
	commands := githubactions.New(githubactions.WithWriter(deaf{log}), githubactions.WithGetenv(getenv))
	return &Host{Host: around, commands: commands, getenv: getenv}
}

type deaf struct{ to io.Writer }

func (d deaf) Write(p []byte) (int, error) {
	_, _ = d.to.Write(p)
	return len(p), nil
}

// Getenv is the environment: the generated actions hand every input over in it.
func (h *Host) Getenv(name string) string { return h.getenv(name) }

// Output makes what a command prints harmless: the runner looks for commands there too.
func (h *Host) Output(to io.Writer) io.Writer { return Defused(to) }

// Mask keeps a text out of the log.
func (h *Host) Mask(secret string) {
	if strings.TrimSpace(secret) == "" {
		return // the runner complains about masks that hide nothing
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.commands.AddMask(secret)
}

// maxWarnings is more than are shown.
const maxWarnings = 100

// Warn writes a line, and remembers it for an annotation.
func (h *Host) Warn(format string, args ...any) {
	h.Host.Warn(format, args...)
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.warnings) < maxWarnings {
		h.warnings = append(h.warnings, fmt.Sprintf(format, args...))
	}
}

// Group begins a part of the log that can be folded.
func (h *Host) Group(title string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end()
	h.commands.Group(plain.Harmless(title))
	h.open = true
}

// end closes the group that is open; the caller holds the lock.
func (h *Host) end() {
	if h.open {
		h.commands.EndGroup()
		h.open = false
	}
}

// Publish writes what the runner takes over, says how it ended outside of every group, and annotates. The outputs, which
// workflows go by, are written last, when it is known whether the rest could be.
func (h *Host) Publish(result step.Result) error {
	h.mu.Lock()
	h.end()
	warnings := h.warnings
	h.mu.Unlock()
	var lost error
	if isStep(result) {
		lost = errors.Join(h.writeSummary(result), h.writeArtifact(result))
		if lost != nil {
			result = result.Lost(unwritable(lost))
		}
		if err := h.writeOutputs(result.Outputs); err != nil {
			lost = errors.Join(lost, err)
			result = result.Lost(unwritable(err))
		}
	}
	said := h.Host.Publish(result)
	h.annotate(result, warnings)
	return errors.Join(lost, said)
}

func unwritable(err error) *outcome.Error {
	return outcome.New(outcome.OutputUnwritable, "publish the results").Because(err)
}

// isStep tells a step's result from that of a tool beside it, which has nothing to hand on and must not take the place of
// a step's in the same run: block.
func isStep(result step.Result) bool {
	for _, out := range result.Outputs {
		if out.Name != "verdict" && out.Name != "reason" {
			return true
		}
	}
	return false
}
