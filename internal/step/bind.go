package step

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/stepseal/stepseal/internal/outcome"
)

const maxSecretBytes = 1 << 16

// sources are the places that an input's value may come from, in the order in which they win.
type sources struct {
	flags  map[string]string
	getenv func(string) string
	handed map[string]string // outputs of an earlier step, by their names
	config configFile
}

// bound are the inputs of a run.
type bound struct {
	values   map[string]any
	given    map[string]bool
	origins  map[string]string // where each value comes from, for people
	texts    map[string]string // the values as they were given, but for secrets
	mistakes []mistake
}

// bind finds every input's value: flag, then environment, then what an earlier step handed on, then config file, then
// default; empty means unset. It reports every mistake at once.
func bind(spec *Spec, from sources, change Change) bound {
	b := bound{values: map[string]any{}, given: map[string]bool{}, origins: map[string]string{}, texts: map[string]string{}}
	for _, in := range spec.Inputs {
		d := in.Declaration()
		text, place, err := from.lookup(d)
		if err != nil {
			b.mistakes = append(b.mistakes, mistake{text: err.Error()})
			continue
		}
		b.given[d.Name], b.origins[d.Name] = place != "", from.origin(d, place)
		if text == "" && !(d.Secret && place != "") {
			if d.Required && !(d.ToWrite && change.Fork) {
				b.mistakes = append(b.mistakes, mistake{text: missing(spec, d)})
			}
			continue
		}
		if d.Secret && d.File && place == "flag" && isPEM(text) {
			b.mistakes = append(b.mistakes, mistake{text: fmt.Sprintf("--%s takes the path of a file: everybody on the machine can read a command line", d.Name)})
			continue
		}
		value, err := in.read(text)
		if err != nil {
			b.mistakes = append(b.mistakes, mistaken(from.place(d, place), err))
			continue
		}
		b.values[d.Name] = value
		if !d.Secret {
			b.texts[d.Name] = text
		}
	}
	b.mistakes = append(b.mistakes, halves(spec, b.given)...)
	return b
}

// halves are inputs that were given without the one that they mean nothing without. One that could not be read counts as
// given: that is its mistake.
func halves(spec *Spec, given map[string]bool) (mistakes []mistake) {
	for _, in := range spec.Inputs {
		d := in.Declaration()
		if other, known := given[d.With]; given[d.Name] && known && !other {
			mistakes = append(mistakes, mistake{text: fmt.Sprintf("%s is given without %s (%s), and neither means anything alone", d.Name, d.With, Variable(d.With))})
		}
	}
	return mistakes
}

func missing(spec *Spec, d Declaration) string {
	if spec.IsArgument(d) {
		return fmt.Sprintf("%s is missing (or --%s, or %s)", d.Placeholder, d.Name, d.Variable())
	}
	return fmt.Sprintf("--%s is missing (or %s)", d.Name, d.Variable())
}

// mistake is one thing that is wrong with the inputs; reason is empty where InvalidInput says it all.
type mistake struct {
	text   string
	reason outcome.Reason
}

// mistaken keeps the reason and the advice of a typed error.
func mistaken(where string, err error) mistake {
	m := mistake{text: where + ": " + err.Error()}
	var known *outcome.Error
	if errors.As(err, &known) {
		m.reason = known.Reason
		if len(known.Hints) > 0 {
			m.text += " (" + strings.Join(known.Hints, "; ") + ")"
		}
	}
	return m
}

// place says where a value stands, so that it can be found and mended.
func (s sources) place(d Declaration, from string) string {
	switch from {
	case "environment":
		return d.Variable()
	case "file":
		return d.Variable() + "_FILE"
	case "outputs":
		return d.Name + " in --outputs-of"
	case "config":
		return fmt.Sprintf("%s in %s, %s", d.key(), s.config.name, s.config.places[d.key()])
	case "":
		return "the default of --" + d.Name
	}
	return "--" + d.Name
}

// origin says in one word or two where a value comes from.
func (s sources) origin(d Declaration, place string) string {
	switch place {
	case "flag":
		return "--" + d.Name
	case "environment":
		return d.Variable()
	case "file":
		return d.Variable() + "_FILE"
	case "outputs":
		return "--outputs-of"
	case "config":
		return s.config.name
	}
	return "default"
}

func (s sources) lookup(d Declaration) (text, from string, err error) {
	if d.Secret && !d.File {
		return s.lookupSecret(d)
	}
	if text := s.flags[d.Name]; text != "" {
		return text, "flag", nil
	}
	if file := s.getenv(d.Variable() + "_FILE"); d.Secret && file != "" {
		return file, "file", nil
	}
	if text := s.getenv(d.Variable()); text != "" {
		return text, "environment", nil
	}
	if text := s.handed[d.Name]; text != "" {
		return text, "outputs", nil
	}
	if text := s.config.values[d.key()]; d.Section != "" && text != "" {
		return text, "config", nil
	}
	return d.Default, "", nil
}

// lookupSecret takes a secret from the file that the flag or the _FILE variable names, or from the variable.
func (s sources) lookupSecret(d Declaration) (text, from string, err error) {
	file, from := s.flags[d.Name+"-file"], "flag"
	if file == "" {
		file, from = s.getenv(d.Variable()+"_FILE"), "environment"
	}
	if file == "" {
		if text := s.getenv(d.Variable()); text != "" {
			return text, "environment", nil
		}
		return "", "", nil
	}
	raw, err := readWhole(file, maxSecretBytes)
	if err != nil {
		var at *fs.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		// What names no file may be the secret itself.
		return "", "", fmt.Errorf("--%s-file (or %s_FILE) names no file that can be read: %w", d.Name, d.Variable(), err)
	}
	// Editors and echo end a file with a newline that is no part of the secret.
	return strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r"), from, nil
}
