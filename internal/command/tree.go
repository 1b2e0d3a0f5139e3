package command

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/stepseal/stepseal/internal/step"
)

// Tree is the commands as cobra has them: for help, completion and manual pages.
func (p Program) Tree() *cobra.Command {
	root := &cobra.Command{Use: "stepseal", Short: "Software supply-chain security in CI", Long: about,
		SilenceErrors: true, SilenceUsage: true, DisableAutoGenTag: true, SuggestionsMinimumDistance: 2}
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	groups := map[string]*cobra.Command{}
	for _, spec := range p.Specs {
		parent, name := root, spec.Name
		if group, word, ok := strings.Cut(spec.Name, " "); ok {
			if groups[group] == nil {
				groups[group] = &cobra.Command{Use: group, Short: "Commands for the " + group, DisableAutoGenTag: true, SuggestionsMinimumDistance: root.SuggestionsMinimumDistance}
				root.AddCommand(groups[group])
			}
			parent, name = groups[group], word
		}
		parent.AddCommand(command(spec, name))
	}
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	return root
}

func command(spec *step.Spec, name string) *cobra.Command {
	cmd := &cobra.Command{
		Use: name, Short: spec.Summary, Long: spec.Summary + ".\n\n" + spec.Prose, Example: examples(spec.Examples),
		Annotations: map[string]string{"step": spec.Name}, DisableAutoGenTag: true, DisableFlagsInUseLine: true,
		Run: func(*cobra.Command, []string) {}, // cobra lists only what can run; Program runs it
	}
	if spec.Argument != nil {
		cmd.Use += " " + spec.Argument.Declaration().Placeholder
	}
	if len(spec.Inputs) > 0 {
		cmd.Use += " [flags]"
	}
	cmd.Flags().SortFlags = false
	for _, in := range spec.Inputs {
		d := in.Declaration()
		cmd.Flags().AddFlag(flag(d))
		if len(d.Choices) > 0 {
			_ = cmd.RegisterFlagCompletionFunc(d.Name, cobra.FixedCompletions(d.Choices, cobra.ShellCompDirectiveNoFileComp))
		}
	}
	return cmd
}

func examples(list []step.Example) string {
	var lines []string
	for _, e := range list {
		lines = append(lines, "  # "+e.Text, "  "+e.Command)
	}
	return strings.Join(lines, "\n")
}

// flag is the input as a flag. A secret has none for its value, only one for the file that holds it.
func flag(d step.Declaration) *pflag.Flag {
	f := &pflag.Flag{Name: d.Name, Usage: usage(d), Value: &text{declaration: d}, DefValue: d.Default}
	if d.Secret && !d.File {
		f.Name = d.Name + "-file"
		f.Usage = fmt.Sprintf("a file with %s (%s, or %s_FILE)", d.Usage, d.Variable(), d.Variable())
	}
	if d.Switch {
		f.NoOptDefVal = "true"
	}
	return f
}

func usage(d step.Declaration) string {
	needed := ""
	if d.Required {
		needed = "; required"
	}
	return fmt.Sprintf("%s%s (%s)", d.Usage, needed, d.Variable())
}

// text holds a flag's value as it was typed; step checks it.
type text struct {
	declaration step.Declaration
	value       string
	set         bool
}

func (t *text) String() string { return t.value }

// Type is what stands behind the flag in help.
func (t *text) Type() string {
	switch {
	case t.declaration.Switch:
		return "bool"
	case t.declaration.Secret:
		return "FILE"
	}
	return t.declaration.Placeholder
}

func (t *text) Set(value string) error {
	if t.set && t.declaration.Repeats {
		value = t.value + "," + value
	}
	t.value, t.set = value, true
	return nil
}

func (p Program) spec(cmd *cobra.Command) *step.Spec {
	for _, spec := range p.Specs {
		if cmd.Annotations["step"] == spec.Name {
			return spec
		}
	}
	return nil
}
