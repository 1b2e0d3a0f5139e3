// Package program is stepseal as it runs in a process: all steps and tools, on the host that it finds itself on.
package program

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"syscall"

	"golang.org/x/term"

	"github.com/stepseal/stepseal"
	"github.com/stepseal/stepseal/internal/command"
	"github.com/stepseal/stepseal/internal/demo"
	"github.com/stepseal/stepseal/internal/host"
	"github.com/stepseal/stepseal/internal/host/plain"
	"github.com/stepseal/stepseal/internal/memory"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/render"
	"github.com/stepseal/stepseal/internal/step"
	"github.com/stepseal/stepseal/internal/steps"
)

// Build says which build of the program it is.
type Build struct {
	Version  string
	Revision string // the commit; empty where the go command recorded it, or nobody did
}

// gcPercent trades a little CPU time for a tenth of the peak memory: indexing an image makes much short-lived garbage, and
// CI runners are small. At 60 it would be a quarter, for a twentieth more of CPU time. GOGC overrides it.
const gcPercent = 80

// Main runs what the arguments ask for and returns the exit code.
func Main(build Build) int {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	// Whoever reads the log may go away; the outputs are still to be written.
	signal.Ignore(syscall.SIGPIPE)
	return With(build, Specs())
}

// Specs are all that the program can do.
func Specs() []*step.Spec {
	return slices.Concat(steps.All(), steps.Tools(), []*step.Spec{render.Spec(stepseal.Definitions), demo.Spec()})
}

// With runs what the arguments ask for of these steps, until it ends or somebody interrupts it.
func With(build Build, specs []*step.Spec) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A step makes its folder when it begins; help and completion need none.
	var scratch *step.Scratch
	defer func() {
		if scratch != nil {
			scratch.Remove()
		}
	}()
	program := command.Program{Specs: specs, Inputs: steps.Inputs(), Getenv: os.Getenv, Stdout: os.Stdout, Stderr: os.Stderr,
		World: func(quiet, json bool) step.World {
			options := plain.Options{Quiet: quiet, JSON: json, Terminal: term.IsTerminal(int(os.Stderr.Fd()))}
			limit, _ := memory.Limit(os.DirFS("/"))
			if os.Getenv("GOMEMLIMIT") == "" {
				memory.Bound(limit)
			}
			around, mistakes := host.Detect(os.Getenv, os.Stderr, options)
			world := step.World{Getenv: around.Getenv, Stdout: host.Output(around, os.Stdout), Host: around, Change: around.Change(), Build: around.Build(), Mistakes: mistakes, Version: build.Version, Revision: build.Revision, Memory: limit}
			world.NewScratch = func() (string, error) {
				made, err := step.NewScratch(temporary())
				if err != nil {
					return "", err
				}
				scratch = made
				// Libraries put their temporary files where these point.
				return made.Path, errors.Join(os.Setenv("TMPDIR", made.Path), os.Setenv("SQLITE_TMPDIR", made.Path))
			}
			return world
		}}
	return outcome.Code(program.Run(ctx, os.Args[1:]))
}

// temporary is where temporary files belong on this host.
func temporary() string {
	if os.Getenv("TMPDIR") == "" && os.Getenv("RUNNER_TEMP") != "" {
		return os.Getenv("RUNNER_TEMP")
	}
	return os.TempDir()
}
