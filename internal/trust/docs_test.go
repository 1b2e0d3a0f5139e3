package trust

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/trust.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEveryExampleOfThePageIsRead(t *testing.T) {
	form := schema(t)
	blocks := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllStringSubmatch(page(t), -1)
	if len(blocks) < 7 {
		t.Fatalf("%d examples", len(blocks))
	}
	kinds := map[Kind]bool{}
	sources := map[Source]bool{}
	for _, block := range blocks {
		file := node(t, block[1])
		if len(file.Content) != 4 || file.Content[0].Value != "version" || file.Content[2].Value != "trust" {
			t.Errorf("it is no config file with version and trust:\n%s", block[1])
			continue
		}
		section, mistakes := Read(file.Content[3])
		if len(mistakes) > 0 {
			t.Errorf("%s\nof\n%s", strings.Join(mistakes, "\n"), block[1])
		}
		if err := form.Validate(value(t, file.Content[3])); err != nil {
			t.Errorf("%v\nof\n%s", err, block[1])
		}
		for _, d := range section.Evidence {
			kinds[d.Kind] = true
		}
		for _, a := range section.Authorities {
			sources[a.Source] = true
		}
	}
	if len(kinds) != len(Kinds)-1 || len(sources) != 6 {
		t.Errorf("not all is shown: %v, %v", kinds, sources)
	}
}

func TestThePageKnowsWhatIsTakenAndRefused(t *testing.T) {
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| `([a-z-]+)-pattern` \\|( .* \\|)?$").FindAllStringSubmatch(page(t), -1)
	taken, refused := 0, 0
	for _, row := range rows {
		_, err := ParsePattern(Claim(row[2]), strings.ReplaceAll(row[1], `\|`, "|")) // as a table has it
		if row[3] == "" {
			taken++
		} else {
			refused++
		}
		if (err == nil) != (row[3] == "") {
			t.Errorf("%s: %v", row[1], err)
		}
	}
	if taken < 7 || refused < 10 {
		t.Errorf("%d taken and %d refused are shown", taken, refused)
	}
}

// TestThePageNamesEveryKey: what can be written is explained.
func TestThePageNamesEveryKey(t *testing.T) {
	text := page(t)
	for _, key := range regexp.MustCompile(`"([a-z-]+)": \{`).FindAllStringSubmatch(Schema, -1) {
		name := strings.TrimSuffix(key[1], "-pattern")
		if slices.Contains([]string{"properties", "items", "not"}, name) { // JSON Schema's own
			continue
		}
		if !strings.Contains(text, "`"+name) {
			t.Errorf("%s is not explained", name)
		}
	}
}

// TestTheWorkflowsSectionIsRead: examples/github/trust.yaml is filled in and used as it stands.
func TestTheWorkflowsSectionIsRead(t *testing.T) {
	content, err := os.ReadFile("../../examples/github/trust.yaml")
	if err != nil {
		t.Fatal(err)
	}
	section, mistakes := Read(node(t, string(content)).Content[3])
	if len(mistakes) > 0 || len(section.Evidence) != 3 || section.SignWith == "" {
		t.Errorf("%s: %+v", strings.Join(mistakes, "\n"), section)
	}
}
