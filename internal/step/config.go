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
	name    string // empty where there is none
	local   bool   // nobody named it: it was found in the working directory
	raw     []byte
	values  map[string]string // section.key
	ignored bool              // what says whom to trust was left out
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
	values, mistakes := parseConfig(raw, known)
	if len(mistakes) > 0 {
		return outcome.New(outcome.InvalidConfig, "config file %s: %s", c.name, count(len(mistakes), "mistake")).With(mistakes...)
	}
	c.raw, c.values = raw, values
	c.ignored = c.local && c.forgetVerify()
	return nil
}

// forgetVerify takes what says whom to trust, and what is enough, out of a config file that nobody named.
func (c *configFile) forgetVerify() (found bool) {
	for key := range c.values {
		if strings.HasPrefix(key, "verify.") {
			delete(c.values, key)
			found = true
		}
	}
	return found
}

// tellConfig says which file counts that nobody named.
func (r *Run) tellConfig() {
	if !r.config.local || r.config.raw == nil {
		return
	}
	if len(r.config.values) > 0 {
		r.Note("%s in the working directory is read", ConfigFile)
	}
	if r.config.ignored {
		r.Warn("%s: verify is left out: the working directory does not decide what is enough; name the file with --config", ConfigFile)
	}
}

// noticeConfigChange puts before everything else that a proposed change is judged by rules which it brings itself.
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

// parseConfig is strict: every key must be known, and stand once. Mistakes name line and column.
func parseConfig(raw []byte, known []Declaration) (values map[string]string, mistakes []string) {
	var doc, second yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	if err := dec.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, []string{"the file holds more than one document"}
	}
	if len(doc.Content) == 0 {
		return nil, []string{"the file is empty; it begins with version: 1"}
	}
	p := configParser{known: map[string]Declaration{}, values: map[string]string{}}
	for _, d := range known {
		if d.Section != "" {
			p.known[d.Section+"."+d.Name] = d
			p.sections = append(p.sections, d.Section)
		}
	}
	p.top(doc.Content[0])
	return p.values, p.mistakes
}

type configParser struct {
	known    map[string]Declaration
	sections []string
	values   map[string]string
	mistakes []string
}

func (p *configParser) wrong(at *yaml.Node, format string, args ...any) {
	p.mistakes = append(p.mistakes, fmt.Sprintf("line %d, column %d: ", at.Line, at.Column)+fmt.Sprintf(format, args...))
}

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
		if text, ok := p.value(d, value); ok {
			p.values[name+"."+key.Value] = text
		}
	})
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
