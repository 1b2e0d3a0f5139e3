package step

import (
	"context"
	"fmt"
	"slices"
)

// Spec declares a step: what it is called, takes, gives and needs, and what it does.
type Spec struct {
	Name       string    // "scan-gate"; a command in two words, "database build", is a tool and not a step
	Summary    string    // one line
	Prose      string    // paragraphs for help, manual and README
	Examples   []Example // each is run or checked by a test
	Inputs     []Input
	Argument   Input         // the one of Inputs that is typed without its flag; nil: every input is a flag
	Structures []Declaration // what only the config file can say
	Outputs    []Output
	Needs      []Need
	Run        func(context.Context, *Run) error

	// LocalConfig says whether .stepseal.yaml in the working directory is read without being named.
	LocalConfig bool
}

// Example is a command line and what it is for.
type Example struct {
	Text    string
	Command string
}

// Output is one named result. Outputs name things and never contain them.
type Output struct {
	Name  string
	Usage string
}

// Need is something that a step wants from its surroundings.
type Need string

// The needs. Hosts translate them into permissions, volumes and network rules.
const (
	Pull      Need = "pull"           // read the image from its registry
	Push      Need = "push"           // write signatures to the registry
	Internet  Need = "internet"       // fetch the advisory database
	Workspace Need = "workspace"      // write files for the next step
	Identity  Need = "identity-token" // say who signs, where that is not a key
)

// The outputs that every step has.
var common = []Output{
	{"verdict", "how the step ended: accepted, refused, undecided, misused or internal"},
	{"reason", "why it did not end as accepted, from docs/reasons.md"},
}

// Writes says whether the step changes anything outside the machine.
func (s *Spec) Writes() bool { return s.Has(Push) }

// Has says whether the step has the need.
func (s *Spec) Has(need Need) bool { return slices.Contains(s.Needs, need) }

// IsArgument tells the input that is typed without its flag.
func (s *Spec) IsArgument(d Declaration) bool {
	return s.Argument != nil && s.Argument.Declaration().Name == d.Name
}

// AllOutputs are the common outputs and the step's own, the most useful first.
func (s *Spec) AllOutputs() []Output { return slices.Concat(common, s.Outputs) }

// Check reports what is wrong with the declaration itself.
func (s *Spec) Check() error {
	seen := map[string]bool{}
	for _, in := range s.Inputs {
		d := in.Declaration()
		switch {
		case seen[d.Name]:
			return fmt.Errorf("%s: input %s is declared twice", s.Name, d.Name)
		case d.Usage == "" || d.Name == "":
			return fmt.Errorf("%s: input %q has no usage", s.Name, d.Name)
		case d.Default != "":
			if _, err := in.read(d.Default); err != nil {
				return fmt.Errorf("%s: the default of %s: %w", s.Name, d.Name, err)
			}
		}
		seen[d.Name] = true
	}
	for _, in := range s.Inputs {
		if d := in.Declaration(); d.With != "" && !seen[d.With] {
			return fmt.Errorf("%s: input %s goes with %s, which is not among the inputs", s.Name, d.Name, d.With)
		}
	}
	if s.Argument != nil && !seen[s.Argument.Declaration().Name] {
		return fmt.Errorf("%s: the argument %s is not among the inputs", s.Name, s.Argument.Declaration().Name)
	}
	outputs := map[string]bool{}
	for _, out := range s.AllOutputs() {
		if outputs[out.Name] {
			return fmt.Errorf("%s: output %s is declared twice", s.Name, out.Name)
		}
		outputs[out.Name] = true
	}
	return nil
}
