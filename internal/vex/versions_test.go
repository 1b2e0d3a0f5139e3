package vex_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/vex"
)

// What is said of some versions excuses no others, whichever way they are written.
func TestAStatementOfSomeVersionsSaysNothingOfOthers(t *testing.T) {
	cdx := func(purl, version string) string {
		return fmt.Sprintf(`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"bom-ref":"a","name":"lodash","version":%q,"purl":%q}],
			"vulnerabilities":[{"id":"CVE-1","analysis":{"state":"not_affected"},"affects":[{"ref":"a"}]}]}`, version, purl)
	}
	csaf := func(category, name, purl string) string {
		return fmt.Sprintf(`{"document":{"category":"csaf_vex","csaf_version":"2.0","publisher":{"name":"x"},"tracking":{"id":"x","status":"final","current_release_date":"2026-01-01T00:00:00Z"}},
			"product_tree":{"branches":[{"category":"product_name","name":"lodash","branches":[{"category":%q,"name":%q,"product":{"name":"l","product_id":"l","product_identification_helper":{"purl":%q}}}]}]},
			"vulnerabilities":[{"cve":"CVE-1","product_status":{"known_not_affected":["l"]},"flags":[{"label":"vulnerable_code_not_present","product_ids":["l"]}]}]}`, category, name, purl)
	}
	const other, same = "pkg:npm/lodash@3.0.0", "pkg:npm/lodash@4.17.21"
	for name, test := range map[string]struct {
		doc           string
		others, sames bool
		note          string
	}{
		"CycloneDX, a version in the purl":          {cdx(same, "4.17.21"), false, true, ""},
		"CycloneDX, a version beside the purl":      {cdx("pkg:npm/lodash", "4.17.21"), false, true, ""},
		"CycloneDX, no version at all":              {cdx("pkg:npm/lodash", ""), true, true, ""},
		"CSAF, a version in the purl":               {csaf("product_version", "4.17.21", same), false, true, ""},
		"CSAF, a version beside the purl":           {csaf("product_version", "4.17.21", "pkg:npm/lodash"), false, false, "its purl tells none"},
		"CSAF, a range beside the purl":             {csaf("product_version_range", "vers:npm/>=4.17.21", "pkg:npm/lodash"), false, false, "its purl tells none"},
		"CSAF, a version in the range's purl":       {csaf("product_version_range", "vers:npm/4.17.21", same), false, true, ""},
		"CSAF, a name where a version should stand": {csaf("product_version", "lodash", "pkg:npm/lodash"), true, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := vex.Read("x", []byte(test.doc))
			if err != nil {
				t.Fatal(err)
			}
			covers := func(purl string) bool {
				for _, s := range d.Statements {
					for _, p := range s.Products {
						if p.Covers(vex.Image{}, purl) {
							return true
						}
					}
				}
				return false
			}
			if covers(other) != test.others || covers(same) != test.sames {
				t.Errorf("another version %v, that version %v", covers(other), covers(same))
			}
			if notes := strings.Join(d.Notes, "; "); !strings.Contains(notes, test.note) || test.note == "" && notes != "" {
				t.Errorf("notes %q", notes)
			}
		})
	}
}

// The day on which a vulnerability was published is no day on which a product was looked at.
func TestTheTimeOfACycloneDXStatement(t *testing.T) {
	for analysis, want := range map[string]string{
		`{"state":"exploitable"}`:                                      "2026-01-02",
		`{"state":"exploitable","firstIssued":"2026-01-03T00:00:00Z"}`: "2026-01-03",
		`{"state":"exploitable","firstIssued":"2026-01-03T00:00:00Z","lastUpdated":"2026-01-04T00:00:00Z"}`: "2026-01-04",
	} {
		d, err := vex.Read("x", []byte(`{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"timestamp":"2026-01-02T00:00:00Z"},
			"vulnerabilities":[{"id":"CVE-1","published":"2021-12-10T00:00:00Z","updated":"2021-12-11T00:00:00Z","analysis":`+analysis+`,"affects":[{"ref":"pkg:npm/a@1"}]}]}`))
		if err != nil || len(d.Statements) != 1 || d.Statements[0].Time.Format("2006-01-02") != want {
			t.Errorf("%s: %+v, %v, want %s", analysis, d.Statements, err, want)
		}
	}
}
