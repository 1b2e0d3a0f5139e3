package transcripts

import (
	"context"
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/stepseal/stepseal/cmd/stepseal/internal/program"
	"github.com/stepseal/stepseal/internal/demo"
	"github.com/stepseal/stepseal/internal/step"
	"github.com/stepseal/stepseal/internal/steps"
)

// Main runs the tests of a package whose scripts run these programs.
func Main(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"stepseal":          func() { os.Exit(program.Main(build)) },
		"stepseal-measured": func() { os.Exit(measured()) },
		// A step that panics, for the ending that no input can bring about.
		"stepseal-with-bug": func() { os.Exit(with(broken())) },
		// The demo with the repaired log4j-core in the image that is to be refused.
		"stepseal-repaired": func() {
			os.Exit(with(renamed(demo.SpecOf(demo.Sample{Vulnerable: "2.17.1", Repaired: "2.17.1"}), "demo-repaired")))
		},
		// The demo of makers who trust all of their organisation, as few mean to.
		"stepseal-careless": func() {
			os.Exit(with(renamed(demo.SpecOf(demo.Sample{Vulnerable: "2.14.1", Repaired: "2.17.1", Careless: true}), "demo-careless")))
		},
		// The program with its file size limited, as a full quota would.
		"stepseal-limited": func() { limitFileSize(4096); os.Exit(program.Main(build)) },
	})
}

// build is what the scripts expect the program to say of itself.
var build = program.Build{Version: "0.1.0-dev"}

// with runs the steps and the demo, and one more.
func with(extra *step.Spec) int {
	return program.With(build, slices.Concat(steps.All(), []*step.Spec{demo.Spec(), extra}))
}

func broken() *step.Spec {
	outputs := step.Text(step.Declaration{Name: "outputs", Usage: "where to write the outputs"})
	return &step.Spec{Name: "broken", Summary: "Panic", Inputs: []step.Input{outputs}, Run: func(context.Context, *step.Run) error { panic("a bug") }}
}

func renamed(spec *step.Spec, name string) *step.Spec {
	spec.Name = name
	return spec
}

func limitFileSize(bytes uint64) {
	limit := syscall.Rlimit{Cur: bytes, Max: bytes}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
}
