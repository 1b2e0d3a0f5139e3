package scan

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/policy"
)

func sampleReport(t *testing.T) Report {
	t.Helper()
	rules := policy.Rules{FailOn: policy.LimitHigh, AllowUncovered: []string{"binary", "<not> used & never"}}
	found := mustMatch(t, catalogue(debian11, append(vulnerable(), binary("node", "20.0.0", "/usr/bin/node"))...))
	found.Unreadable = []policy.Unreadable{{Path: "/a/package-lock.json", Cataloger: "x", Error: "cut short", Decisive: true}, {Path: "/a.jar", Cataloger: "x", Error: "no zip"}}
	rules.AllowUncovered = append(rules.AllowUncovered, policy.UnreadableName)
	subject := Subject{Image: "registry.example/app@" + layer, Digest: layer, Platform: "linux/amd64"}
	return NewReport(subject, "1.2.3", database().Info(), found, policy.Decide(found.Found, "", policy.Policy{Rules: rules}), policy.Policy{Rules: rules})
}

func TestTheReportIsWhatItsSchemaSays(t *testing.T) {
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(JSONSchema))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("scan.schema.json", parsed); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("scan.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	nothing := NewReport(Subject{Image: "dir:/x"}, "1.2.3", database().Info(), mustMatch(t, catalogue(nil)), policy.Decision{Ending: outcome.Undecided})
	for name, r := range map[string]Report{"full": sampleReport(t), "empty": nothing} {
		doc, err := r.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			t.Errorf("%s: %v\n%s", name, err, doc)
		}
	}
}

func TestTheReportIsTheSameBytesEveryTime(t *testing.T) {
	first, err := sampleReport(t).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := sampleReport(t).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, again) {
		t.Error("two reports of the same scan differ")
	}
	if bytes.HasSuffix(first, []byte("\n")) || !bytes.Contains(first, []byte("<not> used & never")) {
		t.Error("the report is escaped for HTML, or ends with a newline")
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, first); err != nil || compact.Len() != len(first) {
		t.Errorf("the report is not compact (%v)", err)
	}
}

func TestParseReportReadsWhatMarshalWrote(t *testing.T) {
	want := sampleReport(t)
	doc, err := want.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseReport(doc)
	if err != nil {
		t.Fatal(err)
	}
	want.Database.Notes = nil // are not written
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.Ending() != outcome.Refused || got.Reason != string(outcome.Vulnerable) {
		t.Errorf("%s (%s)", got.Verdict, got.Reason)
	}
	for name, bad := range map[string]string{
		"another schema":       strings.Replace(string(doc), evidence.ScanSchema, "stepseal.scan/v2", 1),
		"an unknown field":     strings.Replace(string(doc), `{"schema"`, `{"more":1,"schema"`, 1),
		"a key twice":          strings.Replace(string(doc), `{"schema"`, `{"verdict":"accepted","schema"`, 1),
		"a key in other case":  strings.Replace(string(doc), `{"schema"`, `{"Verdict":"accepted","schema"`, 1),
		"an unknown severity":  strings.Replace(string(doc), `"severity":"critical"`, `"severity":"fine"`, 1),
		"two documents":        string(doc) + "{}",
		"nothing":              "",
		"a verdict of nothing": "{}",
	} {
		if _, err := ParseReport([]byte(bad)); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}

func TestForeignReports(t *testing.T) {
	for name, doc := range map[string]string{
		"another schema":       `{"schema":"other/v1"}`,
		"no schema":            `{}`,
		"no object":            `[]`,
		"an unknown key":       `{"schema":"stepseal.scan/v1","extra":1}`,
		"a key twice":          `{"schema":"stepseal.scan/v1","verdict":"refused","verdict":"accepted"}`,
		"a key in two cases":   `{"schema":"stepseal.scan/v1","verdict":"refused","Verdict":"accepted"}`,
		"an unknown severity":  `{"schema":"stepseal.scan/v1","findings":[{"id":"x","severity":"grave"}]}`,
		"a wrong type":         `{"schema":"stepseal.scan/v1","findings":{}}`,
		"something behind it":  `{"schema":"stepseal.scan/v1"}{}`,
		"deeper than any scan": `{"schema":"stepseal.scan/v1","findings":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			if r, err := ParseReport([]byte(doc)); err == nil {
				t.Errorf("read as %+v", r)
			}
		})
	}
}
