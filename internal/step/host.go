package step

import (
	"context"
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

// Grouper is a Host whose log has parts that can be folded: what is said from now on belongs to the part of this title,
// until the next one or the end.
type Grouper interface{ Group(title string) }

// Masker is a Host that keeps a text out of its log. It is told every secret before anything else is said.
type Masker interface{ Mask(secret string) }

// Adviser is a Host that knows what to do about an ending: it adds hints to the result's error before anything of it is
// written.
type Adviser interface{ Advise(Result) }

// Result is what a run leaves behind.
type Result struct {
	Step        string
	Ending      outcome.Ending
	Err         *outcome.Error // nil if accepted
	Outputs     []Value        // in the order of the declaration
	Notice      string         // Markdown that stands before everything else
	Summary     string         // Markdown
	Annotations []Annotation   // the worst first
}

// Value is one output with its value.
type Value struct {
	Name  string
	Value string
}

// Output is the value of an output, empty where there is none of that name.
func (r Result) Output(name string) string {
	for _, out := range r.Outputs {
		if out.Name == name {
			return out.Value
		}
	}
	return ""
}

// Level is how much an annotation matters.
type Level int

// The levels. The zero value is the least of them.
const (
	Notice Level = iota
	Warning
	Failure
)

// Annotation is something about the run, or about a place in the repository that it runs in. Title and message are
// plain text that may come from outside.
type Annotation struct {
	Level   Level
	Title   string
	Message string
	File    string // relative to the working directory, with slashes; empty where it is about no file
	Line    int    // from 1; 0 where it is about the whole file
}

// Change is what the CI system says of the change that a run is about; the zero value is a run about none.
type Change struct {
	// Proposed: the change is a pull or merge request, and nobody has accepted it yet.
	Proposed bool
	// Fork: it comes from a fork, so that the run is given no secrets and may not write.
	Fork bool
	// Privileged: it is proposed, and the run has the secrets and the permissions of the repository all the same, as
	// GitHub's pull_request_target gives them. Whoever proposes could then have anything signed.
	Privileged bool
	// Base reads a file as it stands where the change is to go; the error is fs.ErrNotExist where there is none.
	// Nil where the host cannot tell.
	Base func(ctx context.Context, path string) ([]byte, error)
}

// World is what a run can see of the machine: it is passed in, so that a test can pass another.
type World struct {
	Getenv  func(string) string
	Stdout  io.Writer
	Host    Host
	Change  Change
	Build   Build
	Version string // of stepseal
	// Revision is the commit that stepseal was built from, where whoever linked it said so.
	Revision string
	// Mistakes are what is wrong with what the host was told.
	Mistakes []string
	// Anonymous says that nobody's logins are looked for.
	Anonymous bool
	// Memory is how much this process may use, in bytes; 0 where nobody knows.
	Memory int64
	// NewScratch makes the folder for everything temporary. Who made the world removes it.
	NewScratch func() (string, error)
}
