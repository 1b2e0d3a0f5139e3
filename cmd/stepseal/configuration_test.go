package main

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/stepseal/stepseal/internal/manifest"
)

// pageFile is the config file that a page of the documentation shows.
func pageFile(t *testing.T, page string) []byte {
	t.Helper()
	text, err := os.ReadFile("../../docs/" + page)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```yaml\n(version: 1\n.*?)```").FindSubmatch(text)
	if found == nil {
		t.Fatalf("%s shows no config file", page)
	}
	return found[1]
}

// TestTheSchemaTellsGoodFromBad: editors get told what the program would say.
func TestTheSchemaTellsGoodFromBad(t *testing.T) {
	raw, err := os.ReadFile("../../" + manifest.ConfigSchemaFile)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("config", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("config")
	if err != nil {
		t.Fatal(err)
	}
	for text, good := range map[string]bool{
		string(pageFile(t, "configuration.md")):               true,
		string(pageFile(t, "gate.md")):                        true,
		"version: 1\n":                                        true,
		"version: 2\n":                                        false,
		"gate: {}\n":                                          false,
		"version: 1\ngate: {fail-onn: high}\n":                false,
		"version: 1\ngate: {fail-on: hihg}\n":                 false,
		"version: 1\nwaivers: [{id: CVE-1}]\n":                false,
		"version: 1\ngate: {exceptions: [{path: /x}]}\n":      false,
		"version: 1\ngate: {only-fixed: sometimes}\n":         false,
		"version: 1\nregistry: {insecure-registry: [a, b]}\n": true,
	} {
		var node yaml.Node
		if err := yaml.Unmarshal([]byte(text), &node); err != nil {
			t.Fatal(err)
		}
		withoutDates(&node)
		var value any
		if err := node.Decode(&value); err != nil {
			t.Fatal(err)
		}
		asJSON, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		value, err = jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); (err == nil) != good {
			t.Errorf("%s: %v, want good: %v", text, err, good)
		}
	}
}

// withoutDates takes days for text, as YAML 1.2 and the editors do.
func withoutDates(node *yaml.Node) {
	if node.Tag == "!!timestamp" {
		node.Tag = "!!str"
	}
	for _, child := range node.Content {
		withoutDates(child)
	}
}
