// Package command is the command line, made from the steps' declarations: flags, environment, help with examples, shell
// completion and manual pages.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/step"
)

const about = `stepseal tells what is in a container image, refuses it if that is vulnerable, signs and attests what passed, and verifies it later.

Every step takes its inputs from flags, from STEPSEAL_* environment variables, from the config file, or from defaults, in that order. Exit codes: 0 accepted, 10 refused, 11 undecided, 12 misused, 13 internal.`

// Program is the whole command line.
type Program struct {
	Specs  []*step.Spec
	Inputs []step.Declaration // of all steps: one config file serves them
	Getenv func(string) string
	Stdout io.Writer
	Stderr io.Writer
	// World makes the surroundings of one run, once it is known how to speak in it.
	World func(quiet, json bool) step.World
}

// Run does what the arguments say and returns how it ended.
func (p Program) Run(ctx context.Context, args []string) error {
	root := p.Tree()
	root.SetContext(ctx)
	if len(args) == 0 {
		root.SetOut(p.Stderr)
		_ = root.Help()
		return p.fail(outcome.New(outcome.InvalidInput, "no command").Hint("stepseal demo shows what it does"))
	}
	if args[0] == "--version" {
		args = append([]string{"version"}, args[1:]...)
	}
	if strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		return p.plain(root, root, args, nil) // the shell asks; cobra answers
	}
	cmd, rest, err := root.Find(args)
	if err != nil || cmd == root && !isHelp(args[0]) {
		return p.fail(unknownCommand(root, args[0]))
	}
	spec := p.spec(cmd)
	if spec == nil {
		return p.plain(root, cmd, args, rest)
	}
	flags, wrong, help := sift(spec, cmd.Flags(), rest)
	if help {
		return cmd.Help()
	}
	return p.execute(ctx, spec, flags, wrong)
}

// plain runs what is no step: help, completion, and the groups, which need a word more.
func (p Program) plain(root, cmd *cobra.Command, args, rest []string) error {
	alone := len(rest) == 0 && cmd.Name() == "completion" // which says what it is for
	if cmd != root && cmd.HasSubCommands() && !alone && (len(rest) != 1 || !isHelp(rest[0])) {
		if len(rest) > 0 {
			return p.fail(unknownCommand(cmd, rest[0]))
		}
		root.SetOut(p.Stderr)
		_ = cmd.Help()
		return p.fail(outcome.New(outcome.InvalidInput, "no command behind %s", cmd.CommandPath()))
	}
	root.SetArgs(args)
	if err := root.Execute(); err != nil {
		return p.fail(outcome.New(outcome.InvalidInput, "%s", err.Error()))
	}
	return nil
}

func (p Program) fail(err *outcome.Error) error { return step.Fail(err, p.World(false, false).Host) }

func (p Program) execute(ctx context.Context, spec *step.Spec, flags map[string]string, wrong []string) error {
	said := func(name string) string {
		if text := flags[name]; text != "" {
			return text
		}
		return p.Getenv(step.Variable(name))
	}
	quiet, _ := strconv.ParseBool(said("quiet"))
	world := p.World(quiet, said("log-format") == "json")
	return step.Execute(ctx, spec, flags, wrong, p.Inputs, world)
}

func unknownCommand(behind *cobra.Command, word string) *outcome.Error {
	err := outcome.New(outcome.InvalidInput, "unknown command %q behind %s", word, behind.CommandPath())
	if near := behind.SuggestionsFor(word); len(near) > 0 {
		return err.Hint("did you mean %s?", strings.Join(near, " or "))
	}
	return err.Hint("%s --help lists the commands", behind.CommandPath())
}

func isHelp(arg string) bool { return arg == "-h" || arg == "--help" }

// sift parses the flags, and goes on behind a mistake, so that all of them are found at once. Help is what was asked for
// only where it stands as a flag: as the value of another one it is a value, however odd.
func sift(spec *step.Spec, set *pflag.FlagSet, args []string) (flags map[string]string, wrong []string, help bool) {
	set.SetOutput(io.Discard)
	for {
		err := set.Parse(args)
		if err == nil {
			break
		}
		if errors.Is(err, pflag.ErrHelp) {
			return nil, nil, true
		}
		wrong = append(wrong, explain(err, set))
		next, ok := behind(err, args)
		if !ok {
			break
		}
		args = next
	}
	flags = map[string]string{}
	set.Visit(func(f *pflag.Flag) { flags[f.Name] = f.Value.String() })
	return flags, append(wrong, place(spec, flags, set.Args())...), false
}

// place puts the argument where its flag would have put it, and says which arguments have no place.
func place(spec *step.Spec, flags map[string]string, args []string) (wrong []string) {
	why := "every input is a flag"
	if spec.Argument != nil && len(args) > 0 {
		d := spec.Argument.Declaration()
		if _, given := flags[d.Name]; given {
			why = fmt.Sprintf("--%s is given", d.Name)
		} else {
			flags[d.Name], args = args[0], args[1:]
			why = fmt.Sprintf("%s is one", d.Placeholder)
		}
	}
	for _, arg := range args {
		wrong = append(wrong, fmt.Sprintf("unexpected argument %q: %s", arg, why))
	}
	return wrong
}

func explain(err error, set *pflag.FlagSet) string {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err.Error()
	}
	name := unknown.GetSpecifiedName()
	text := fmt.Sprintf("unknown flag --%s", name)
	if unknown.GetSpecifiedShortnames() != "" {
		text = fmt.Sprintf("unknown flag -%s", name)
	}
	set.VisitAll(func(f *pflag.Flag) {
		if near(f.Name, name) {
			text += fmt.Sprintf(" (did you mean --%s?)", f.Name)
		}
	})
	return text
}

// near tells words of which one begins or ends with the other, or that differ in one letter.
func near(a, b string) bool {
	if len(b) < 3 {
		return false
	}
	if strings.HasPrefix(a, b) || strings.HasPrefix(b, a) || strings.HasSuffix(a, b) {
		return true
	}
	if len(a) != len(b) {
		return false
	}
	different := 0
	for i := range len(a) {
		if a[i] != b[i] {
			different++
		}
	}
	return different == 1
}

// behind drops the argument that the error is about.
func behind(err error, args []string) ([]string, bool) {
	var flag interface{ GetSpecifiedName() string }
	if !errors.As(err, &flag) {
		return nil, false
	}
	for i, arg := range args {
		name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if strings.HasPrefix(arg, "-") && (name == flag.GetSpecifiedName() || !strings.HasPrefix(arg, "--") && strings.Contains(name, flag.GetSpecifiedName())) {
			rest := args[i+1:]
			// A word behind an unknown flag is most likely its value.
			if _, hasValue := strings.CutPrefix(arg, "--"+name+"="); !hasValue && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
				rest = rest[1:]
			}
			return append(append([]string{}, args[:i]...), rest...), true
		}
	}
	return nil, false
}
