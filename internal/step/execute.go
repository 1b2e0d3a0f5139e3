package step

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/stepseal/stepseal/internal/outcome"
)

// grace is how long an interrupted step may take to end by itself; libraries that do not look at their context are
// left behind.
const grace = 400 * time.Millisecond

// Execute runs a step: it binds and checks all inputs, runs, and publishes whatever there is, whatever the ending.
// flags are what was typed; wrong are mistakes that the command line already found. known are the inputs of all steps,
// which one config file serves.
func Execute(ctx context.Context, spec *Spec, flags map[string]string, wrong []string, known []Declaration, world World) error {
	run := &Run{Reporter: world.Host, Stdout: world.Stdout, Getenv: world.Getenv, Now: time.Now,
		Version: world.Version, spec: spec, outputs: map[string]string{}, files: &Files{}}
	err := prepare(run, flags, wrong, known)
	if err == nil {
		run.Scratch, err = world.NewScratch()
		if err != nil {
			err = outcome.New(outcome.Unexpected, "no folder for temporary files").Because(err).Hint("set TMPDIR to a folder that can be written")
		}
	}
	if err == nil {
		err = guarded(ctx, spec, run)
	}
	run.files.Close()
	return publish(run, run.result(err), outputFiles(flags, world.Getenv), world.Host)
}

func prepare(run *Run, flags map[string]string, wrong []string, known []Declaration) error {
	var config map[string]string
	configErr := error(nil)
	for _, in := range run.spec.Inputs {
		if d := in.Declaration(); d.Name == "config" {
			named, _, _ := lookup(d, flags, run.Getenv, nil)
			config, configErr = readConfig(named, run.spec.LocalConfig, known)
		}
	}
	values, given, mistakes := bind(run.spec, flags, run.Getenv, config)
	run.values, run.given = values, given
	for _, text := range wrong {
		mistakes = append(mistakes, mistake{text: text})
	}
	if len(mistakes) == 0 {
		return configErr
	}
	if configErr != nil {
		mistakes = append(mistakes, mistake{text: configErr.Error()})
		for _, line := range outcome.Of(configErr).Evidence {
			mistakes = append(mistakes, mistake{text: "  " + line})
		}
	}
	return misused(mistakes)
}

// misused lists every mistake; a single one with a reason of its own keeps it.
func misused(mistakes []mistake) error {
	reason := outcome.InvalidInput
	if len(mistakes) == 1 && mistakes[0].reason != "" && mistakes[0].reason.Ending() == outcome.Misused {
		reason = mistakes[0].reason
	}
	err := outcome.New(reason, "%s in the inputs", count(len(mistakes), "mistake"))
	for _, m := range mistakes {
		err.With(m.text)
	}
	return err
}

// guarded runs the step beside itself, so that a signal ends the run even where a library does not listen, and turns a
// panic into an ending.
func guarded(ctx context.Context, spec *Spec, run *Run) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- outcome.New(outcome.Panicked, "%v", p).With(strings.Split(strings.TrimSpace(string(debug.Stack())), "\n")...)
			}
		}()
		done <- spec.Run(ctx, run)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		if err == nil {
			return nil
		}
	case <-time.After(grace):
	}
	return outcome.New(outcome.Interrupted, "stopped by a signal before the end")
}

// publish writes the outputs and the summary, then tells the host. A result that could not be written is no yes.
func publish(run *Run, result Result, to map[string]string, host Host) error {
	var lost *outcome.Error
	files := &Files{}
	if file := to["outputs"]; file != "" {
		if err := files.Write(file, encodeOutputs(file, result.Outputs)); err != nil {
			lost = outcome.Of(err)
		}
	}
	if file := to["summary"]; file != "" {
		if err := files.Write(file, []byte(result.Summary)); err != nil && lost == nil {
			lost = outcome.Of(err)
		}
	}
	if lost != nil {
		result = worsened(result, lost)
	}
	if err := host.Publish(result); err != nil && result.Err == nil {
		result = worsened(result, outcome.New(outcome.OutputUnwritable, "publish the results").Because(err))
	}
	if result.Err == nil {
		return nil
	}
	return result.Err
}

// worsened turns an accepted run whose result nobody can read into an undecided one; a no stays a no.
func worsened(result Result, lost *outcome.Error) Result {
	if result.Err != nil {
		result.Err.Evidence = append(result.Err.Evidence, "and "+lost.Error())
		return result
	}
	result.Err, result.Ending = lost, lost.Ending()
	return result
}

// outputFiles finds where outputs and summary go, even where the inputs are wrong.
func outputFiles(flags map[string]string, getenv func(string) string) map[string]string {
	to := map[string]string{}
	for _, name := range []string{"outputs", "summary"} {
		to[name], _, _ = lookup(Declaration{Name: name}, flags, getenv, nil)
	}
	return to
}

// Fail is the ending of a command line that names no step.
func Fail(err *outcome.Error, host Host) error {
	if publishing := host.Publish(Result{Step: "stepseal", Ending: err.Ending(), Err: err}); publishing != nil {
		return fmt.Errorf("%w (%s)", err, publishing)
	}
	return err
}
