package report

import (
	"fmt"
	"slices"
	"strings"
)

// Form is one kind of report.
type Form struct {
	Name      string // as people ask for it
	File      string // what it is called in the output directory
	MediaType string
	Write     func(View) ([]byte, error) // nothing where there is nothing to report in that form
}

// Forms are all kinds, by name.
func Forms() []Form {
	return []Form{
		{"cyclonedx", "scan.cdx.json", "application/vnd.cyclonedx+json", CycloneDX},
		{"gitlab", "gl-container-scanning-report.json", "application/json", GitLab},
		{"html", "scan.html", "text/html", HTML},
		{"junit", "scan.junit.xml", "application/xml", JUnit},
		{"markdown", "scan.md", "text/markdown", Markdown},
		{"openvex", "waivers.openvex.json", "application/json", OpenVEX},
		{"sarif", "scan.sarif", "application/sarif+json", SARIF},
	}
}

// AllForms asks for all of them.
const AllForms = "all"

// ParseForms reads a list of names, or all; each form is in the answer once.
func ParseForms(text string) ([]Form, error) {
	var chosen []string
	for name := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == '\n' }) {
		name = strings.TrimSpace(name)
		known := name == AllForms || slices.ContainsFunc(Forms(), func(f Form) bool { return f.Name == name })
		if name != "" && !known {
			return nil, fmt.Errorf("%.40q is no report: %s, or %s are", name, strings.Join(FormNames(), ", "), AllForms)
		}
		chosen = append(chosen, name)
	}
	return slices.DeleteFunc(Forms(), func(f Form) bool { return !slices.Contains(chosen, f.Name) && !slices.Contains(chosen, AllForms) }), nil
}

// FormNames are the names of all of them.
func FormNames() []string {
	var names []string
	for _, f := range Forms() {
		names = append(names, f.Name)
	}
	return names
}
