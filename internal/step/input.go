// Package step is what a step is: a declaration of inputs, outputs and needs with a function behind it; how one runs; and
// the ports by which it meets the CI system around it.
//
// The declaration is the one source of the command line, the environment variables, the help, the manual pages and the
// generated definitions. It is plain Go: no struct tags, no reflection.
package step

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Declaration is what people and generators need to know about an input.
type Declaration struct {
	Name        string   // kebab-case, the same word in every step
	Usage       string   // one sentence in lower case, for help and READMEs
	Placeholder string   // FILE, REF, DURATION; what stands behind the flag in help
	Default     string   // as it would be typed
	Choices     []string // the only values allowed, if any
	Section     string   // the key of the config file that it stands under; empty: it is not read from there
	Required    bool
	Repeats     bool   // may be given several times; values are joined by commas
	Switch      bool   // a flag without a value means true
	Secret      bool   // from the environment or a file, never a flag's value
	File        bool   // the path of a file, or what is in it
	ToWrite     bool   // required only of a run that may write, which one for a fork's pull request may not
	Host        string // the only CI system that has it, as STEPSEAL_HOST names it; empty: all
	With        string // the input without which this one means nothing; empty: there is none
	// Structure reads a value that only the config file can hold, and says what is wrong with it and where. Such a
	// declaration is no input: it is a key under its Section, or, where that is empty, at the top of the file.
	Structure func(*yaml.Node) (value any, mistakes []string)
	Schema    string // of the structure: JSON Schema, for editors
}

// Structure is a part of the config file that has a form of its own, such as a list of waivers.
type Structure[T any] struct{ declaration Declaration }

// Structured declares a part of the config file with a parser of its own, whose mistakes name line and column.
func Structured[T any](d Declaration, parse func(*yaml.Node) (T, []string)) *Structure[T] {
	d.Structure = func(node *yaml.Node) (any, []string) { return parse(node) }
	return &Structure[T]{d}
}

// Declaration is what was declared.
func (s *Structure[T]) Declaration() Declaration { return s.declaration }

// Of is what the run's config file says, the zero value where it says nothing.
func (s *Structure[T]) Of(r *Run) T {
	value, _ := r.config.structures[s.declaration.key()].(T)
	return value
}

// key is where it stands in the config file.
func (d Declaration) key() string {
	if d.Section == "" {
		return d.Name
	}
	return d.Section + "." + d.Name
}

// Variable is the environment variable of the input.
func (d Declaration) Variable() string { return Variable(d.Name) }

// Variable is the environment variable of an input's or output's name.
func Variable(name string) string {
	return "STEPSEAL_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// Input is one input of a step, whatever its type.
type Input interface {
	Declaration() Declaration
	// read parses what was given; an empty text is never passed.
	read(text string) (any, error)
}

// In is an input whose values have the type T. Of gives a run's value.
type In[T any] struct {
	declaration Declaration
	parse       func(string) (T, error)
}

// Parsed declares an input with a parser of its own.
func Parsed[T any](d Declaration, parse func(string) (T, error)) *In[T] {
	return &In[T]{declaration: d, parse: parse}
}

// Declaration is what was declared.
func (in *In[T]) Declaration() Declaration { return in.declaration }

// AsRequired is the same input, for a step that cannot do without it. A run's value is read through either.
func (in *In[T]) AsRequired() *In[T] {
	needed := *in
	needed.declaration.Required = true
	return &needed
}

func (in *In[T]) read(text string) (any, error) {
	if len(in.declaration.Choices) > 0 && !slices.Contains(in.declaration.Choices, text) {
		return nil, fmt.Errorf("%q is not one of %s", text, strings.Join(in.declaration.Choices, ", "))
	}
	return in.parse(text)
}

// Of is the value in this run, the zero value where nothing was given and nothing is the default.
func (in *In[T]) Of(r *Run) T {
	value, _ := r.values[in.declaration.Name].(T)
	return value
}

// Text declares an input that is taken as it is.
func Text(d Declaration) *In[string] {
	return Parsed(d, func(s string) (string, error) { return s, nil })
}

// Switch declares a yes or no.
func Switch(d Declaration) *In[bool] {
	d.Switch = true
	return Parsed(d, func(s string) (bool, error) {
		v, err := strconv.ParseBool(s)
		if err != nil {
			return false, fmt.Errorf("%q is neither true nor false", s)
		}
		return v, nil
	})
}

// List declares an input of several values.
func List(d Declaration) *In[[]string] {
	d.Repeats = true
	return Parsed(d, func(s string) ([]string, error) {
		var values []string
		for value := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ',' || r == '\n' }) {
			if value = strings.TrimSpace(value); value != "" {
				values = append(values, value)
			}
		}
		return values, nil
	})
}

// Duration declares a length of time: Go's units, and d for days.
func Duration(d Declaration) *In[time.Duration] {
	d.Placeholder = "DURATION"
	return Parsed(d, ParseDuration)
}

// ParseDuration reads Go's durations, and d for days.
func ParseDuration(text string) (time.Duration, error) {
	v, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		v = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || v < 0 {
		return 0, fmt.Errorf("%q is not a duration such as 72h or 5d", text)
	}
	return v, nil
}

// Bytes declares a size: a plain number of bytes, or one with a unit.
func Bytes(d Declaration) *In[int64] {
	d.Placeholder = "SIZE"
	return Parsed(d, ParseBytes)
}

// units are those of 1024 and of 1000.
// https://www.iso.org/standard/87648.html (IEC 80000-13)
var units = []struct {
	name  string
	bytes int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}}

// ParseBytes reads a size above zero, such as 8MiB, 512MB or 1048576.
func ParseBytes(text string) (int64, error) {
	digits, factor := text, int64(1)
	for _, unit := range units {
		if before, ok := strings.CutSuffix(text, unit.name); ok {
			digits, factor = strings.TrimSuffix(before, " "), unit.bytes
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || n == 0 || int64(n) > math.MaxInt64/factor {
		return 0, fmt.Errorf("%q is not a size such as 8MiB, 512MB or 1048576", text)
	}
	return int64(n) * factor, nil
}

// Count declares a number of things, at least one.
func Count(d Declaration) *In[int64] {
	d.Placeholder = "NUMBER"
	return Parsed(d, func(text string) (int64, error) {
		n, err := strconv.ParseUint(text, 10, 63)
		if err != nil || n == 0 {
			return 0, fmt.Errorf("%q is not a number above zero", text)
		}
		return int64(n), nil
	})
}

// Secret is a value that is never printed.
type Secret struct{ value []byte }

// Reveal gives the value to whoever has to use it.
func (s Secret) Reveal() []byte { return s.value }

// Given reports whether there is one; an empty secret may be given on purpose.
func (s Secret) Given() bool { return s.value != nil }

// String and GoString stand in for the value wherever it would be printed.
func (s Secret) String() string   { return "[secret]" }
func (s Secret) GoString() string { return "[secret]" }

// Password declares a secret.
func Password(d Declaration) *In[Secret] {
	d.Secret = true
	return Parsed(d, func(s string) (Secret, error) {
		if len(s) > 1<<16 {
			return Secret{}, errors.New("is longer than any secret")
		}
		return Secret{value: []byte(s)}, nil
	})
}
