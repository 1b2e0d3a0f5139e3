// Package actions is GitHub Actions: workflow commands, file commands, and what the runner says of the event.
package actions

import (
	"io"

	"github.com/stepseal/stepseal/internal/host/plain"
	"github.com/stepseal/stepseal/internal/step"
)

// Host is a job's runner.
type Host struct {
	*plain.Host
	log    io.Writer
	getenv func(string) string
}

// New is GitHub Actions around a run that writes to log.
func New(around *plain.Host, log io.Writer, getenv func(string) string) *Host {
	return &Host{around, log, getenv}
}

// Getenv is the environment: the generated actions hand every input over in it.
func (h *Host) Getenv(name string) string { return h.getenv(name) }

// Change is what the event says.
func (h *Host) Change() step.Change { return step.Change{} }
