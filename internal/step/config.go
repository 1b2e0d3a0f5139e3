package step

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/stepseal/stepseal/internal/outcome"
)

// ConfigFile is the name of the config file that a step may pick up from the working directory.
const ConfigFile = ".stepseal.yaml"

const maxConfigBytes = 1 << 20

// readConfig reads the config file into section.key -> value. The file is named, or, for steps that allow it, lies in
// the working directory; otherwise there is none.
func readConfig(named string, local bool, known []Declaration) (map[string]string, error) {
	file := named
	if file == "" {
		if !local {
			return nil, nil
		}
		file = ConfigFile
	}
	raw, err := readConfigFile(file)
	if named == "" && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, outcome.New(outcome.InvalidConfig, "config file %s", file).Because(Bare(err))
	}
	values, mistakes := parseConfig(raw, known)
	if len(mistakes) > 0 {
		return nil, outcome.New(outcome.InvalidConfig, "config file %s: %s", file, count(len(mistakes), "mistake")).With(mistakes...)
	}
	return values, nil
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func readConfigFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxConfigBytes+1))
	if err == nil && len(raw) > maxConfigBytes {
		err = fmt.Errorf("is larger than %d bytes", maxConfigBytes)
	}
	return raw, err
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
