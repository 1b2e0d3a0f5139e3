package step

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/stepseal/stepseal/internal/markdown"
	"github.com/stepseal/stepseal/internal/outcome"
)

// ConfigFile is the name of the config file that a step may pick up from the working directory.
const ConfigFile = ".stepseal.yaml"

const maxConfigBytes = 1 << 20

// configFile is the config file of a run.
type configFile struct {
	name   string // empty where there is none
	local  bool   // nobody named it: it was found in the working directory
	raw    []byte
	values map[string]string // section.key
	places map[string]string // of the values: line and column
	// structures are the values with a form of their own, by section.key or, at the top, by key.
	structures map[string]any
	ignored    bool // what says whom to trust was left out
}

// readConfig reads the config file. It is named, or, for steps that allow it, lies in the working directory; otherwise
// there is none.
func (r *Run) readConfig(from sources, known []Declaration) error {
	for _, in := range r.spec.Inputs {
		d := in.Declaration()
		if d.Name != "config" {
			continue
		}
		named, _, _ := from.lookup(d)
		if named == "" && !r.spec.LocalConfig {
			return nil
		}
		r.config = configFile{name: cmp.Or(named, ConfigFile), local: named == ""}
		return r.config.read(known)
	}
	return nil
}

func (c *configFile) read(known []Declaration) error {
	raw, err := readWhole(c.name, maxConfigBytes)
	if c.local && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return outcome.New(outcome.InvalidConfig, "config file %s", c.name).Because(Bare(err))
	}
	p := parseConfig(raw, known)
	if len(p.mistakes) > 0 {
		return outcome.New(outcome.InvalidConfig, "config file %s: %s", c.name, count(len(p.mistakes), "mistake")).With(p.mistakes...)
	}
	c.raw, c.values, c.places, c.structures = raw, p.values, p.places, p.structures
	c.ignored = c.local && c.forgetVerify()
	return nil
}

// trustSection is the key of the config file under which stands whom to trust.
const trustSection = "trust"

// forgetVerify takes what says whom to trust, and what is enough, out of a config file that nobody named.
// Attack 34.
func (c *configFile) forgetVerify() (found bool) {
	for key := range c.values {
		if strings.HasPrefix(key, "verify.") {
			delete(c.values, key)
			found = true
		}
	}
	if _, ok := c.structures[trustSection]; ok {
		delete(c.structures, trustSection)
		found = true
	}
	return found
}

// tellConfig says which file counts that nobody named.
func (r *Run) tellConfig() {
	if !r.config.local || r.config.raw == nil {
		return
	}
	if len(r.config.values)+len(r.config.structures) > 0 {
		r.Note("%s in the working directory is read", ConfigFile)
	}
	if r.config.ignored {
		r.Warn("%s: verify and trust are left out: the working directory does not decide whom to trust and what is enough; name the file with --config", ConfigFile)
	}
}

// noticeConfigChange puts before everything else that a proposed change is judged by rules which it brings itself.
// Attack 33.
func (r *Run) noticeConfigChange(ctx context.Context) {
	if !r.Change.Proposed || r.config.name == "" || filepath.IsAbs(r.config.name) {
		return
	}
	if offline, _ := r.values["offline"].(bool); offline || r.Change.Base == nil {
		if r.config.raw != nil {
			r.notify("This change is judged by %s as it brings it itself.", r.config.name)
		}
		return
	}
	base, err := r.Change.Base(ctx, filepath.ToSlash(filepath.Clean(r.config.name)))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		base, err = nil, nil
	case err != nil:
		r.notify("Whether this change also changes the rules in %s could not be found out: %s", r.config.name, Bare(err))
		return
	}
	if !bytes.Equal(base, r.config.raw) {
		r.notify("This change also changes %s: it is judged by rules that it brings itself. Look at them first.", r.config.name)
	}
}

func (r *Run) notify(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.Warn("%s", text)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notice = markdown.Note(text)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Under is the run as a config file alone would make it, with neither flags nor environment: what somebody else than the
// caller asks for. Of the file only the sections that are named may be there.
func (r *Run) Under(file string, sections ...string) (*Run, error) {
	other := &Run{Reporter: r.Reporter, Getenv: func(string) string { return "" }, Now: r.Now, Scratch: r.Scratch, Version: r.Version, spec: r.spec, known: r.known}
	other.config = configFile{name: file}
	if err := other.config.read(r.known); err != nil {
		return nil, err
	}
	var mistakes []mistake
	for _, d := range r.known {
		_, plain := other.config.values[d.key()]
		_, structured := other.config.structures[d.key()]
		if (plain || structured) && !slices.Contains(sections, cmp.Or(d.Section, d.Name)) {
			mistakes = append(mistakes, mistake{text: fmt.Sprintf("%s has no place in it: %s are what it may hold", d.key(), strings.Join(sections, ", "))})
		}
	}
	spec := *r.spec
	spec.Inputs = slices.DeleteFunc(slices.Clone(spec.Inputs), func(in Input) bool { return in.Declaration().Section == "" })
	for i, in := range spec.Inputs {
		spec.Inputs[i] = optional{in}
	}
	bound := bind(&spec, sources{getenv: other.Getenv, config: other.config}, Change{})
	other.values, other.given, other.origins, other.texts = bound.values, bound.given, bound.origins, bound.texts
	if mistakes = append(mistakes, bound.mistakes...); len(mistakes) > 0 {
		err := outcome.New(outcome.InvalidConfig, "config file %s: %s", file, count(len(mistakes), "mistake"))
		for _, m := range slices.Compact(mistakes) {
			err.With(m.text)
		}
		return nil, err
	}
	return other, nil
}

// optional is an input that need not be given.
type optional struct{ Input }

func (o optional) Declaration() Declaration {
	d := o.Input.Declaration()
	d.Required, d.With = false, ""
	return d
}

// parseConfig is strict: every key must be known, and stand once. Mistakes name line and column.
func parseConfig(raw []byte, known []Declaration) *configParser {
	p := &configParser{known: map[string]Declaration{}, values: map[string]string{}, places: map[string]string{}, structures: map[string]any{}}
	var doc, second yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	if err := dec.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		p.mistakes = []string{strings.TrimPrefix(err.Error(), "yaml: ")}
		return p
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		p.mistakes = []string{"the file holds more than one document"}
		return p
	}
	if len(doc.Content) == 0 {
		p.mistakes = []string{"the file is empty; it begins with version: 1"}
		return p
	}
	for _, d := range known {
		if d.Section != "" || d.Structure != nil {
			p.known[d.key()] = d
		}
		if d.Section != "" {
			p.sections = append(p.sections, d.Section)
		}
	}
	p.top(doc.Content[0])
	return p
}

type configParser struct {
	known      map[string]Declaration
	sections   []string
	values     map[string]string
	places     map[string]string
	structures map[string]any
	mistakes   []string
}

func (p *configParser) wrong(at *yaml.Node, format string, args ...any) {
	p.mistakes = append(p.mistakes, place(at)+": "+fmt.Sprintf(format, args...))
}

func place(of *yaml.Node) string { return fmt.Sprintf("line %d, column %d", of.Line, of.Column) }

func (p *configParser) top(node *yaml.Node) {
	version := ""
	p.pairs(node, "the file", func(key, value *yaml.Node) {
		switch {
		case key.Value == "version":
			version = value.Value
			if version != "1" {
				p.wrong(value, "version %.20q is not known; 1 is", value.Value)
			}
		case slices.Contains(p.sections, key.Value):
			p.section(key.Value, value)
		case p.known[key.Value].Structure != nil:
			p.take(p.known[key.Value], value)
		default:
			p.wrong(key, "unknown key %.64q", key.Value)
		}
	})
	if version == "" && len(p.mistakes) == 0 {
		p.wrong(node, "version is missing; the file begins with version: 1")
	}
}

func (p *configParser) section(name string, node *yaml.Node) {
	p.pairs(node, name, func(key, value *yaml.Node) {
		d, ok := p.known[name+"."+key.Value]
		if !ok {
			p.wrong(key, "unknown key %.64q under %s", key.Value, name)
			return
		}
		p.take(d, value)
	})
}

func (p *configParser) take(d Declaration, node *yaml.Node) {
	if d.Structure != nil {
		value, mistakes := d.Structure(node)
		p.structures[d.key()] = value
		p.mistakes = append(p.mistakes, mistakes...)
		return
	}
	if text, ok := p.value(d, node); ok {
		p.values[d.key()], p.places[d.key()] = text, place(node)
	}
}

func (p *configParser) value(d Declaration, node *yaml.Node) (string, bool) {
	if node.Kind == yaml.ScalarNode && node.Tag != "!!null" {
		return node.Value, true
	}
	if node.Kind != yaml.SequenceNode || !d.Repeats {
		p.wrong(node, "%s takes one value", d.Name)
		return "", false
	}
	var values []string
	for _, item := range node.Content {
		if item.Kind != yaml.ScalarNode {
			p.wrong(item, "%s takes a list of plain values", d.Name)
			return "", false
		}
		values = append(values, item.Value)
	}
	return strings.Join(values, ","), true
}

func (p *configParser) pairs(node *yaml.Node, what string, each func(key, value *yaml.Node)) {
	if node.Kind != yaml.MappingNode {
		p.wrong(node, "%s is not a mapping", what)
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if seen[key.Value] {
			p.wrong(key, "%.64q stands twice", key.Value)
			continue
		}
		seen[key.Value] = true
		each(key, node.Content[i+1])
	}
}
