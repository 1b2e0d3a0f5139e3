package policyfile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/stepseal/stepseal/internal/policy"
)

func node(t *testing.T, text string) *yaml.Node {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Content[0]
}

func waiver(change func(*policy.Waiver)) policy.Waiver {
	pattern, err := policy.ParsePattern("log4j-core")
	if err != nil {
		panic(err)
	}
	w := policy.Waiver{ID: "CVE-2021-44228", Package: pattern, Reason: "off", Owner: "us", Expires: "2027-01-31"}
	change(&w)
	return w
}

func TestAWaiverThatIsNotWholeIsAMistake(t *testing.T) {
	const whole = "id: CVE-2021-44228\n  package: log4j-core\n  reason: off\n  owner: us\n  expires: 2027-01-31"
	for name, c := range map[string]struct{ text, want string }{
		"whole":                  {"- " + whole, ""},
		"nothing":                {"null", ""},
		"no list":                {whole[:4] + "x", "waivers is not a list"},
		"no mapping":             {"- x", "a waiver is not a mapping"},
		"an unknown key":         {"- " + whole + "\n  until: 2027", `line 6, column 3: a waiver has no "until"`},
		"a key twice":            {"- " + whole + "\n  owner: them", `"owner" stands twice`},
		"a list for a value":     {"- " + strings.Replace(whole, "us", "[us]", 1), "owner takes one value"},
		"no value":               {"- " + strings.Replace(whole, "us", "", 1), "owner takes one value"},
		"blanks":                 {"- " + strings.Replace(whole, "us", `"  "`, 1), "owner is missing"},
		"a day that is none":     {"- " + strings.Replace(whole, "2027-01-31", "2027-02-31", 1), `expires: "2027-02-31" is not a day`},
		"a day in another form":  {"- " + strings.Replace(whole, "2027-01-31", "31.1.2027", 1), "is not a day"},
		"a control character":    {"- " + strings.Replace(whole, "off", `"a\u001bb"`, 1), "control characters"},
		"a line separator":       {"- " + strings.Replace(whole, "off", `"a\u2028b"`, 1), "control characters"},
		"a star for the id":      {"- " + strings.Replace(whole, "CVE-2021-44228", `"CVE-*"`, 1), "id names one vulnerability"},
		"a package URL in parts": {"- " + strings.Replace(whole, "log4j-core", "'pkg:'", 1), "package"},
		"an alias":               {"- &a " + "{id: x}" + "\n- *a", "not a mapping"},
	} {
		t.Run(name, func(t *testing.T) {
			all, mistakes := Waivers(node(t, c.text))
			got := strings.Join(mistakes, "\n")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("mistakes %q, want %q", got, c.want)
			}
			if c.want != "" && name != "an alias" && len(all) > 0 && all[0].Check() == nil {
				t.Errorf("a mistake, and it can be used: %+v", all)
			}
		})
	}
}

func TestAppendLeavesTheRestAsItIs(t *testing.T) {
	plain := waiver(func(*policy.Waiver) {})
	for name, c := range map[string]struct {
		file, want string
		w          policy.Waiver
	}{
		"no file":      {"", "version: 1\nwaivers:\n  - id: \"CVE-2021-44228\"\n    package: \"log4j-core\"\n    reason: \"off\"\n    owner: \"us\"\n    expires: \"2027-01-31\"\n", plain},
		"no newline":   {"version: 1", "version: 1\nwaivers:\n  - id: \"CVE-2021-44228\"\n    package: \"log4j-core\"\n    reason: \"off\"\n    owner: \"us\"\n    expires: \"2027-01-31\"\n", plain},
		"not indented": {"waivers:\n- {id: a, package: b, reason: c, owner: d, expires: 2027-01-31} # one\n\nversion: 1\n", "waivers:\n- {id: a, package: b, reason: c, owner: d, expires: 2027-01-31} # one\n- id: \"CVE-2021-44228\"\n  package: \"log4j-core\"\n  reason: \"off\"\n  owner: \"us\"\n  expires: \"2027-01-31\"\n\nversion: 1\n", plain},
		"what YAML takes": {"version: 1\n", "version: 1\nwaivers:\n  - id: \"CVE-2021-44228\"\n    package: \"log4j-core\"\n    reason: \"yes: it's \\\"so\\\" # really\"\n    owner: \"@us\"\n    expires: \"2027-01-31\"\n", waiver(func(w *policy.Waiver) {
			w.Reason, w.Owner = `yes: it's "so" # really`, "@us"
		})},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Append([]byte(c.file), c.w)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAppendRefusesWhatItCannotAddTo(t *testing.T) {
	plain := waiver(func(*policy.Waiver) {})
	for name, c := range map[string]struct {
		file, want string
		w          policy.Waiver
	}{
		"a waiver that is not whole": {"version: 1\n", "owner is missing", waiver(func(w *policy.Waiver) { w.Owner = "" })},
		"a list on one line":         {"version: 1\nwaivers: [{id: a, package: b, reason: c, owner: d, expires: 2027-01-31}]\n", "each on lines of its own", plain},
		"no mapping":                 {"- a\n", "not a config file", plain},
		"broken YAML":                {"version: [\n", "line", plain},
		"other mistakes":             {"version: 1\nwaivers:\n  - id: a\n", "package is missing", plain},
		"a text over several lines":  {"version: 1\nwaivers:\n  - id: a\n    package: b\n    owner: c\n    expires: 2027-01-31\n    reason: |\n      one\n      two\n", "", plain},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Append([]byte(c.file), c.w)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q; wrote %q", err, c.want, got)
			}
		})
	}
}

func TestExceptionsSayWhatHoldsInstead(t *testing.T) {
	all, mistakes := Exceptions("npm", "python", "pypi")(node(t, "- {path: /test/*, fail-on: never}\n- {package: 'pkg:npm/x', grace: high=3d, only-fixed: true, fail-on-epss: 0.2, fail-on-known-exploited: false}\n"))
	if len(mistakes) > 0 || len(all) != 2 || *all[0].FailOn != policy.Never || all[1].Grace[policy.High] != 3 || !*all[1].OnlyFixed || *all[1].FailOnEPSS != 0.2 {
		t.Errorf("%+v %q", all, mistakes)
	}
	_, mistakes = Exceptions("npm", "python", "pypi")(node(t, "- {fail-on: never}\n- {path: /x}\n- {ecosystem: npm, only-fixed: maybe}\n- {ecosystem: pyhton, fail-on: low}\n- {ecosystem: PyPI, fail-on: low}\n"))
	if len(mistakes) != 4 || !strings.Contains(mistakes[3], `line 4, column 3: ecosystem: "pyhton" is none of npm, python, pypi`) {
		t.Errorf("%q", mistakes)
	}
}

// FuzzAppend: whatever the file is, what comes out has one waiver more and is read again as it was meant.
func FuzzAppend(f *testing.F) {
	for _, file := range []string{"", "version: 1\n", "waivers:\n- {id: a, package: b, reason: c, owner: d, expires: 2027-01-31}\n", "waivers: []\n", "waivers:\n  - id: a\n    package: b\n    reason: >\n      c\n    owner: d\n    expires: 2027-01-31\nx: y\n"} {
		f.Add([]byte(file), "why: not", "us")
	}
	f.Fuzz(func(t *testing.T, file []byte, reason, owner string) {
		w := waiver(func(w *policy.Waiver) { w.Reason, w.Owner = reason, owner })
		out, err := Append(file, w)
		if err != nil {
			return
		}
		old, _, err := existing(file)
		if err != nil && len(file) > 0 {
			old = nil
		}
		now, _, err := existing(out)
		if err != nil || len(now) != len(old)+1 || now[len(old)].Reason != reason || now[len(old)].Owner != owner {
			t.Errorf("%q became %q: %v", file, out, err)
		}
	})
}
