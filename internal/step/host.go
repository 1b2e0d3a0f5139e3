package step

import (
	"io"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Reporter is told what a run is doing. Text may hold anything that came from outside: the reporter makes it harmless.
type Reporter interface {
	Note(format string, args ...any)
	Warn(format string, args ...any)
	// Progress tells how far a long piece of work is; total is 0 where it is not known.
	Progress(label string, done, total int64)
}

// Host is the CI system, or the shell, around a run.
type Host interface {
	Reporter
	// Publish is called once, at the end, whatever the ending.
	Publish(Result) error
}

// Result is what a run leaves behind.
type Result struct {
	Step    string
	Ending  outcome.Ending
	Err     *outcome.Error // nil if accepted
	Outputs []Value        // in the order of the declaration
	Summary string         // Markdown
}

// Value is one output with its value.
type Value struct {
	Name  string
	Value string
}

// World is what a run can see of the machine: it is passed in, so that a test can pass another.
type World struct {
	Getenv  func(string) string
	Stdout  io.Writer
	Host    Host
	Version string // of stepseal
	// Revision is the commit that stepseal was built from, where whoever linked it said so.
	Revision string
	// Anonymous says that nobody's logins are looked for.
	Anonymous bool
	// Memory is how much this process may use, in bytes; 0 where nobody knows.
	Memory int64
	// NewScratch makes the folder for everything temporary. Who made the world removes it.
	NewScratch func() (string, error)
}
