package step

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/stepseal/stepseal/internal/markdown"
	"github.com/stepseal/stepseal/internal/outcome"
)

// grace is how long an interrupted step may take to end by itself; libraries that do not look at their context are
// left behind.
const grace = 400 * time.Millisecond

// Execute runs a step: it binds and checks all inputs, runs, and publishes whatever there is, whatever the ending.
// flags are what was typed; wrong are mistakes that the command line already found. known are the inputs of all steps,
// which one config file serves.
func Execute(ctx context.Context, spec *Spec, flags map[string]string, wrong []string, known []Declaration, world World) error {
	run := &Run{Reporter: world.Host, Stdout: world.Stdout, Getenv: world.Getenv, Now: time.Now, Change: world.Change, Build: world.Build, Workspace: os.DirFS("."),
		Version: world.Version, Revision: world.Revision, Memory: world.Memory, Anonymous: world.Anonymous, spec: spec, outputs: map[string]string{}, files: &Files{}}
	err := guarded(ctx, run, func(ctx context.Context) error {
		if err := prepare(run, flags, slices.Concat(wrong, world.Mistakes), known); err != nil {
			return err
		}
		run.noticeConfigChange(ctx)
		scratch, err := world.NewScratch()
		if err != nil {
			return outcome.New(outcome.Unexpected, "no folder for temporary files").Because(err).Hint("set TMPDIR to a folder that can be written")
		}
		run.Scratch = scratch
		return spec.Run(ctx, run)
	})
	run.files.Close()
	result := run.result(err)
	to := outputFiles(spec, flags, world.Getenv)
	for _, file := range to {
		if file != "" && run.files.wrote(file) {
			// The documents are hashed already, and the next step goes by the hashes.
			to, result = nil, worsened(result, outcome.New(outcome.OutputUnwritable, "%s is a document of this run, and not a place for its results", file))
		}
	}
	return publish(result, to, world.Host)
}

func prepare(run *Run, flags map[string]string, wrong []string, known []Declaration) error {
	from := sources{flags: flags, getenv: run.Getenv}
	configErr := run.readConfig(from, known)
	run.known = known
	from.config = run.config
	var handErr error
	from.handed, handErr = from.takeOutputs(run.spec)
	bound := bind(run.spec, from, run.Change)
	run.values, run.given, run.origins, run.texts = bound.values, bound.given, bound.origins, bound.texts
	mistakes := bound.mistakes
	run.mask()
	run.tellConfig()
	if handErr != nil {
		mistakes = append(mistakes, mistake{text: "--outputs-of: " + handErr.Error()})
	}
	if to := outputFiles(run.spec, flags, run.Getenv); to["outputs"] != "" && samePlace(to["outputs"], to["summary"]) {
		mistakes = append(mistakes, mistake{text: "--outputs and --summary name the same file"})
	}
	for _, text := range wrong {
		mistakes = append(mistakes, mistake{text: text})
	}
	if run.Change.Privileged && run.spec.Writes() {
		return outcome.New(outcome.UntrustedEvent, "%s writes, and this run has the secrets of the repository for a change that nobody has accepted", run.spec.Name)
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

// mask keeps the secrets out of the host's log, before anything else is said in it.
func (r *Run) mask() {
	host, ok := r.Reporter.(Masker)
	if !ok {
		return
	}
	for _, in := range r.spec.Inputs {
		if !in.Declaration().Secret {
			continue
		}
		switch value := r.values[in.Declaration().Name].(type) {
		case Secret:
			host.Mask(string(value.Reveal()))
		case PEM:
			for _, line := range value.lines() {
				host.Mask(line)
			}
		}
	}
}

// Mask keeps a secret that came up during the run out of the host's log.
func (r *Run) Mask(secret []byte) {
	if host, ok := r.Reporter.(Masker); ok {
		host.Mask(string(secret))
	}
}

func samePlace(a, b string) bool {
	absA, errA := filepath.Abs(a)
	absB, errB := filepath.Abs(b)
	return b != "" && errA == nil && errB == nil && absA == absB
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

// guarded runs the work beside itself, so that a signal ends the run even where a library does not listen, and turns a
// panic into an ending.
func guarded(ctx context.Context, run *Run, work func(context.Context) error) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- outcome.New(outcome.Panicked, "%v", p).With(strings.Split(strings.TrimSpace(string(debug.Stack())), "\n")...)
			}
		}()
		done <- work(ctx)
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

// publish writes the summary and the outputs, then tells the host. A result that could not be written is no yes: the
// outputs, which pipelines go by, are written last, when it is known how it ended.
func publish(result Result, to map[string]string, host Host) error {
	if adviser, ok := host.(Adviser); ok {
		adviser.Advise(result)
	}
	files := &Files{}
	if file := to["summary"]; file != "" {
		if err := files.Write(file, []byte(result.Markdown())); err != nil {
			result = worsened(result, outcome.Of(err))
		}
	}
	if file := to["outputs"]; file != "" {
		if err := files.Write(file, encodeOutputs(file, result.Outputs)); err != nil {
			result = worsened(result, outcome.Of(err))
		}
	}
	if err := host.Publish(result); err != nil && result.Err == nil {
		result = worsened(result, outcome.New(outcome.OutputUnwritable, "publish the results").Because(err))
	}
	if result.Err == nil {
		return nil
	}
	return result.Err
}

// Markdown is the whole summary: what has to be seen first, how it ended, what to do, and then the details.
func (r Result) Markdown() string { return r.Notice + ending(r) + r.Summary }

func ending(result Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## stepseal %s: %s\n\n", result.Step, result.Ending)
	if e := result.Err; e != nil {
		fmt.Fprintf(&b, "%s (%s)\n\n", markdown.Text(e.Error()), markdown.Code(string(e.Reason)))
		if e.Reason.Ending() == outcome.Misused {
			for _, line := range e.Evidence {
				fmt.Fprintf(&b, "- %s\n", markdown.Text(line))
			}
		}
		for _, hint := range e.Advice() {
			fmt.Fprintf(&b, "- %s\n", markdown.Text(hint))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// Lost is the result, part of which could not be written.
func (r Result) Lost(err *outcome.Error) Result { return worsened(r, err) }

// worsened turns an accepted run whose result nobody can read into an undecided one; a no stays a no.
func worsened(result Result, lost *outcome.Error) Result {
	if result.Err != nil {
		result.Err.Evidence = append(result.Err.Evidence, "and "+lost.Error())
		return result
	}
	result.Err, result.Ending = lost, lost.Ending()
	result.Outputs = slices.Clone(result.Outputs)
	for i := range result.Outputs {
		switch result.Outputs[i].Name {
		case "verdict":
			result.Outputs[i].Value = result.Ending.String()
		case "reason":
			result.Outputs[i].Value = string(lost.Reason)
		}
	}
	return result
}

// outputFiles finds where outputs and summary go, even where the other inputs are wrong. A command that does not declare
// them writes none, whatever the environment of the job says: it would take the place of a step's.
func outputFiles(spec *Spec, flags map[string]string, getenv func(string) string) map[string]string {
	to := map[string]string{}
	for _, in := range spec.Inputs {
		if d := in.Declaration(); d.Name == "outputs" || d.Name == "summary" {
			to[d.Name], _, _ = sources{flags: flags, getenv: getenv}.lookup(d)
		}
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
