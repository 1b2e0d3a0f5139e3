package trust

import (
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

func schema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("trust.schema.json", parsed); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("trust.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// value is the section as editors see it; nil where they see none.
func value(t testing.TB, node *yaml.Node) any {
	t.Helper()
	var plain map[string]any
	if err := node.Decode(&plain); err != nil {
		return nil
	}
	return plain
}

func TestTheSchemaTakesWhatIsRead(t *testing.T) {
	form := schema(t)
	for name, text := range map[string]string{"whole": whole, "small": small} {
		if err := form.Validate(value(t, node(t, text))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, c := range taken {
		text := strings.Replace(small, "  us: {authority: key}\n", "  us: {authority: key}\n  you: {authority: oidc, issuer: https://a, subject: b, "+string(c.of)+"-pattern: '"+c.text+"'}\n", 1)
		text = strings.NewReplacer(" issuer: https://a, subject: b, issuer-", " subject: b, issuer-", " subject: b, subject-", " subject-").Replace(text)
		if _, mistakes := Read(node(t, text)); len(mistakes) > 0 {
			t.Errorf("%s: %v", text, mistakes)
		}
		if err := form.Validate(value(t, node(t, text))); err != nil {
			t.Errorf("%s: %v", c.text, err)
		}
	}
}

// TestTheSchemaRefusesMistakes: all but those that only the reader can see.
func TestTheSchemaRefusesMistakes(t *testing.T) {
	form := schema(t)
	unseen := []string{
		// What refers to what.
		"signing with nobody", "signing without a service", "signing with half a key", "a signer of somebody", "no identity", "no issuer", "a signer that is none", "a threshold of all and 1", "a threshold of those",
		// What YAML has, and JSON has not.
		"a merge key", "a threshold in octal",
		// What a text means.
		"a URL for a path", "an environment for a path", "a folder for a path", "a path nobody sees", "a space before a path", "0 as age",
	}
	seen := map[string]bool{}
	for name, c := range mistakes() {
		refused := form.Validate(value(t, node(t, c.in(t)))) != nil
		if refused == slices.Contains(unseen, name) {
			t.Errorf("%s: refused is %v", name, refused)
		}
		seen[name] = true
	}
	for _, name := range unseen {
		if !seen[name] {
			t.Errorf("there is no mistake %q", name)
		}
	}
}
