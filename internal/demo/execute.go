package demo

import (
	"cmp"
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/step"
	"github.com/stepseal/stepseal/internal/steps"
)

// call is a step as somebody would run it.
type call struct {
	spec   *step.Spec
	flags  map[string]string
	as     identity  // whose token the run has; the zero value: none
	stdout io.Writer // nil: nobody reads it
}

// execute runs a step as the command line would, with nothing of this machine's environment.
func (d *demo) execute(ctx context.Context, c call) result {
	environment := map[string]string{"XDG_CACHE_HOME": filepath.Join(d.Scratch, "cache")}
	if c.as.claims != nil {
		token, err := d.sandbox.Token(c.as.claims)
		if err != nil {
			return result{step.Result{Err: outcome.New(outcome.Unexpected, "no token of %s", c.as.subject()).Because(err)}}
		}
		environment["STEPSEAL_IDENTITY_TOKEN"] = token
	}
	witness := &witness{}
	world := step.World{Getenv: func(name string) string { return environment[name] }, Stdout: cmp.Or(c.stdout, io.Discard), Host: witness,
		Version: d.Version, Anonymous: true, NewScratch: func() (string, error) { return os.MkdirTemp(d.Scratch, "step") }}
	_ = step.Execute(ctx, c.spec, c.flags, nil, steps.Inputs(), world) // the witness has it
	return result{witness.result}
}

// result is how one step of the demo ended.
type result struct{ step.Result }

// unexpected is nil where the step ended as the demo says it does: a demo cannot claim what did not happen.
func (r result) unexpected(what string, want outcome.Ending, reason outcome.Reason) error {
	if r.Ending == want && (reason == "" || r.Err != nil && r.Err.Reason == reason) {
		return nil
	}
	err := outcome.New(outcome.Unexpected, "%s ended as %s, expected %s", what, r.Ending, want)
	if r.Err != nil {
		err.With(append([]string{r.Err.Error()}, r.Err.Evidence...)...)
	}
	return err
}

// witness is a host that keeps what it is told.
type witness struct{ result step.Result }

func (w *witness) Note(string, ...any)              {}
func (w *witness) Warn(string, ...any)              {}
func (w *witness) Progress(string, int64, int64)    {}
func (w *witness) Publish(result step.Result) error { w.result = result; return nil }
