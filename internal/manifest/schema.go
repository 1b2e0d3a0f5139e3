package manifest

import (
	"bytes"
	"encoding/json"

	"github.com/stepseal/stepseal/internal/step"
)

// ConfigSchemaFile is the JSON Schema of the config file, for editors.
const ConfigSchemaFile = "docs/stepseal.schema.json"

// mapping is a JSON Schema of a mapping that has no other keys than these.
type mapping struct {
	Schema      string         `json:"$schema,omitempty"`
	ID          string         `json:"$id,omitempty"`
	Title       string         `json:"title,omitempty"`
	Description string         `json:"description,omitempty"`
	Type        string         `json:"type"`
	Additional  bool           `json:"additionalProperties"`
	Required    []string       `json:"required,omitempty"`
	Properties  map[string]any `json:"properties"`
}

// configSchema describes what the config file may hold. The program itself is the judge: it says more precisely, and with
// line and column, what is wrong.
func configSchema(specs []*step.Spec) ([]byte, error) {
	top := mapping{Schema: "https://json-schema.org/draft/2020-12/schema", ID: "https://github.com/stepseal/stepseal/blob/main/" + ConfigSchemaFile,
		Title: "The config file of stepseal, .stepseal.yaml", Type: "object", Required: []string{"version"}, Properties: map[string]any{"version": map[string]any{"const": 1}}}
	for _, spec := range specs {
		for _, in := range spec.Inputs {
			if d := in.Declaration(); d.Section != "" {
				top.section(d.Section)[d.Name] = valueSchema(d)
			}
		}
		for _, d := range spec.Structures {
			var form map[string]any
			if err := json.Unmarshal([]byte(d.Schema), &form); err != nil {
				return nil, err
			}
			form["description"] = d.Usage
			if d.Section == "" {
				top.Properties[d.Name] = form
			} else {
				top.section(d.Section)[d.Name] = form
			}
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(top)
	return b.Bytes(), err
}

func (o mapping) section(name string) map[string]any {
	section, ok := o.Properties[name].(mapping)
	if !ok {
		section = mapping{Type: "object", Properties: map[string]any{}}
		o.Properties[name] = section
	}
	return section.Properties
}

func valueSchema(d step.Declaration) map[string]any {
	one := map[string]any{"type": []string{"string", "number"}}
	switch {
	case d.Switch:
		one = map[string]any{"type": "boolean"}
	case len(d.Choices) > 0:
		one = map[string]any{"enum": d.Choices}
	}
	if d.Repeats {
		one = map[string]any{"anyOf": []any{one, map[string]any{"type": "array", "items": one}}}
	}
	one["description"] = d.Usage
	if d.Default != "" && !d.Switch {
		one["default"] = d.Default
	}
	return one
}
