package command_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/command"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/step"
)

var (
	colour   = step.Text(step.Declaration{Name: "colour", Usage: "which one", Placeholder: "NAME", Choices: []string{"red", "blue"}})
	names    = step.List(step.Declaration{Name: "names", Usage: "whom", Placeholder: "NAME"})
	wet      = step.Switch(step.Declaration{Name: "wet", Usage: "or dry"})
	password = step.Password(step.Declaration{Name: "password", Usage: "the word"})
)

type witness struct{ result step.Result }

func (*witness) Note(string, ...any)           {}
func (*witness) Warn(string, ...any)           {}
func (*witness) Progress(string, int64, int64) {}
func (w *witness) Publish(r step.Result) error { w.result = r; return nil }

type seen struct {
	Colour string
	Names  []string
	Wet    bool
}

func run(t *testing.T, args ...string) (*seen, *witness, string, error) {
	t.Helper()
	var got *seen
	var stdout, stderr bytes.Buffer
	host := &witness{}
	paint := &step.Spec{Name: "paint", Summary: "Paint it", Prose: "All of it.", Examples: []step.Example{{Text: "in red", Command: "stepseal paint --colour red"}},
		Inputs: []step.Input{colour, names, wet, password}, Run: func(_ context.Context, r *step.Run) error {
			got = &seen{colour.Of(r), names.Of(r), wet.Of(r)}
			return nil
		}}
	tool := &step.Spec{Name: "brush clean", Summary: "Clean it", Run: func(context.Context, *step.Run) error { return nil }}
	wall := step.Text(step.Declaration{Name: "wall", Usage: "which one", Placeholder: "WALL"}).AsRequired()
	look := &step.Spec{Name: "look", Summary: "Look at it", Inputs: []step.Input{wall, wet}, Argument: wall, Run: func(_ context.Context, r *step.Run) error {
		got = &seen{Colour: wall.Of(r), Wet: wet.Of(r)}
		return nil
	}}
	program := command.Program{Specs: []*step.Spec{paint, tool, look}, Getenv: func(string) string { return "" }, Stdout: &stdout, Stderr: &stderr,
		World: func(bool, bool) step.World {
			return step.World{Getenv: func(string) string { return "" }, Host: host, NewScratch: func() (string, error) { return t.TempDir(), nil }}
		}}
	err := program.Run(context.Background(), args)
	return got, host, stdout.String(), err
}

func TestFlags(t *testing.T) {
	for name, test := range map[string]struct {
		args  []string
		want  *seen
		wrong []string // parts of the mistakes
	}{
		"none":                                {[]string{"paint"}, &seen{}, nil},
		"with a space and with an equals":     {[]string{"paint", "--colour", "red", "--names=a"}, &seen{"red", []string{"a"}, false}, nil},
		"a switch":                            {[]string{"paint", "--wet"}, &seen{Wet: true}, nil},
		"a switch that is turned off":         {[]string{"paint", "--wet=false"}, &seen{}, nil},
		"given several times":                 {[]string{"paint", "--names", "a", "--names", "b,c"}, &seen{Names: []string{"a", "b", "c"}}, nil},
		"the last of one value wins":          {[]string{"paint", "--colour", "red", "--colour", "blue"}, &seen{Colour: "blue"}, nil},
		"unknown, with what it may have been": {[]string{"paint", "--color", "red", "--colur", "red"}, nil, []string{"unknown flag --color", "unknown flag --colur"}},
		"near":                                {[]string{"paint", "--name", "x"}, nil, []string{"did you mean --names"}},
		"a short one":                         {[]string{"paint", "-x"}, nil, []string{"unknown flag -x"}},
		"a value that is missing":             {[]string{"paint", "--colour"}, nil, []string{"colour"}},
		"a value that is not allowed":         {[]string{"paint", "--colour", "green", "extra"}, nil, []string{`"extra"`, `"green" is not one of red, blue`}},
		"an argument":                         {[]string{"look", "north"}, &seen{Colour: "north"}, nil},
		"an argument among flags":             {[]string{"look", "--wet", "north"}, &seen{Colour: "north", Wet: true}, nil},
		"an argument before flags":            {[]string{"look", "north", "--wet"}, &seen{Colour: "north", Wet: true}, nil},
		"an argument with a dash":             {[]string{"look", "--", "-north"}, &seen{Colour: "-north"}, nil},
		"an argument by its flag":             {[]string{"look", "--wall", "north"}, &seen{Colour: "north"}, nil},
		"an argument and its flag":            {[]string{"look", "--wall", "north", "south"}, nil, []string{`unexpected argument "south": --wall is given`}},
		"two arguments":                       {[]string{"look", "north", "south"}, nil, []string{`unexpected argument "south": WALL is one`}},
		"no argument":                         {[]string{"look"}, nil, []string{"WALL is missing (or --wall, or STEPSEAL_WALL)"}},
		"a secret as a flag":                  {[]string{"paint", "--password", "x"}, nil, []string{"unknown flag --password (did you mean --password-file?)"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, host, _, err := run(t, test.args...)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if test.wrong == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if outcome.Code(err) != 12 {
				t.Fatalf("got %v", err)
			}
			all := strings.Join(host.result.Err.Evidence, "\n")
			for _, part := range test.wrong {
				if !strings.Contains(all, part) {
					t.Errorf("%q does not say %q", all, part)
				}
			}
		})
	}
}

func TestTheNearestCommandIsNamed(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"pain"}, "did you mean paint?"},
		{[]string{"brush", "clena"}, "did you mean clean?"},
		{[]string{"brush", "xyzzy"}, "stepseal brush --help lists the commands"},
	} {
		if _, _, _, err := run(t, test.args...); err == nil || !slices.Contains(outcome.Of(err).Hints, test.want) {
			t.Errorf("%v: %v does not advise %q", test.args, err, test.want)
		}
	}
}

func TestWhatIsNoStep(t *testing.T) {
	for name, test := range map[string]struct {
		args   []string
		code   int
		stdout string
	}{
		"no command":               {nil, 12, ""},
		"an unknown command":       {[]string{"wash"}, 12, ""},
		"a group without its word": {[]string{"brush"}, 12, ""},
		"a group with a wrong one": {[]string{"brush", "lose"}, 12, ""},
		"an unknown flag":          {[]string{"--nothing"}, 12, ""},
		"help":                     {[]string{"--help"}, 0, "paint"},
		"help for a step":          {[]string{"paint", "--colour", "x", "--help"}, 0, "STEPSEAL_COLOUR"},
		"help as a value":          {[]string{"paint", "--colour", "--help"}, 12, ""},
		"help as a short value":    {[]string{"paint", "--colour", "-h"}, 12, ""},
		"help behind the flags":    {[]string{"paint", "--", "--help"}, 12, ""},
		"dashes before the step":   {[]string{"--", "paint"}, 12, ""},
		"dashes and help":          {[]string{"--", "--help"}, 12, ""},
		"help by the word":         {[]string{"help", "paint"}, 0, "# in red"},
		"help for an argument":     {[]string{"look", "--help"}, 0, "look WALL [flags]"},
		"completion":               {[]string{"completion", "bash"}, 0, "bash completion"},
		"completion of no shell":   {[]string{"completion", "tcsh"}, 12, ""},
		"completion alone":         {[]string{"completion"}, 0, "autocompletion"},
		"completion of choices":    {[]string{"__complete", "paint", "--colour", ""}, 0, "blue"},
		"a tool":                   {[]string{"brush", "clean"}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, stdout, err := run(t, test.args...)
			if outcome.Code(err) != test.code || !strings.Contains(stdout, test.stdout) {
				t.Errorf("got %v, %q", err, stdout)
			}
		})
	}
}

func TestHelpNamesEveryInput(t *testing.T) {
	_, _, stdout, _ := run(t, "paint", "--help")
	for _, part := range []string{"--colour NAME", "--names NAME", "--wet ", "--password-file FILE", "STEPSEAL_PASSWORD"} {
		if !strings.Contains(stdout, part) {
			t.Errorf("help does not say %q:\n%s", part, stdout)
		}
	}
	if slices.Contains(strings.Fields(stdout), "--password") {
		t.Error("a flag for the value of a secret")
	}
}
