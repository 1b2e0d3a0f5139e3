package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/stepseal/stepseal/internal/policy"
)

// CI systems read the file into their memory, and GitLab refuses more than 30 MB.
const (
	maxJUnitCases = 10_000
	maxJUnitBytes = 29_000_000
)

type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Name    string       `xml:"name,attr"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
	Output     string          `xml:"system-out,omitempty"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Class   string     `xml:"classname,attr"`
	Name    string     `xml:"name,attr"`
	File    string     `xml:"file,attr,omitempty"`
	Failure *junitText `xml:"failure"`
	Error   *junitText `xml:"error"`
	Skipped *junitText `xml:"skipped"`
}

type junitText struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// JUnit is one test suite for the platform: a case for the verdict, one for every finding and every broken rule, and one
// for everything that could not be looked at. What refuses fails, what could not be told is an error, the rest is
// skipped with the reason. A verdict that is not a yes never makes a suite without a failure.
// https://github.com/testmoapp/junitxml
func JUnit(v View) ([]byte, error) {
	results, below := v.sarifResults()
	most := min(len(results), maxJUnitCases)
	for {
		doc, err := v.junit(results[:most], len(results), below)
		if err != nil || len(doc) <= maxJUnitBytes || most == 0 {
			return doc, err
		}
		most = int(int64(most) * maxJUnitBytes / int64(len(doc)) * 9 / 10)
	}
}

func (v View) junit(results []sarifFinding, all, below int) ([]byte, error) {
	s := junitSuite{Name: plain(strings.TrimSpace(v.Image+" "+v.Platform), 500), Properties: []junitProperty{
		{"verdict", v.Decision.Ending.String()}, {"digest", plain(v.Digest, 200)}, {"database-date", day(v.Database.Data)}}}
	s.add(v.junitVerdict())
	for _, gap := range v.gaps() {
		s.add(junitCase{Class: "coverage", Name: plain(gap, 500), Error: &junitText{Message: plain(gap, 500), Type: "not-covered"}})
	}
	for _, f := range results {
		s.add(f.junit())
	}
	if n := all - len(results); n > 0 {
		s.Output = fmt.Sprintf("%d more results are left out; scan.json has them.\n", n)
	}
	if below > 0 {
		s.Output += fmt.Sprintf("%d findings below %s are left out.\n", below, v.ReportOn)
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	enc := xml.NewEncoder(&b)
	enc.Indent("", " ")
	err := enc.Encode(junitSuites{Name: "stepseal scan-gate", Suites: []junitSuite{s}})
	b.WriteByte('\n')
	return b.Bytes(), err
}

func (s *junitSuite) add(c junitCase) {
	s.Cases = append(s.Cases, c)
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
}

func (v View) junitVerdict() junitCase {
	c := junitCase{Class: "gate", Name: "verdict"}
	text := &junitText{Message: plain(v.Decision.Ending.String()+": "+v.Decision.Summary(), 500), Type: string(v.Decision.Reason)}
	switch v.Decision.Ending.String() {
	case "accepted":
	case "refused":
		c.Failure = text
	default:
		c.Error = text
	}
	return c
}

func (f sarifFinding) junit() junitCase {
	p, j := f.finding.Package, f.judgement
	c := junitCase{Class: plain(strings.Join([]string{p.Type, p.CommonName()}, "."), 300), Name: plain(fmt.Sprintf("%s in %s %s", f.finding.ID, p.CommonName(), p.Version), 300)}
	if where := f.finding.Where(); where != "" {
		c.Name = plain(c.Name+" at "+where, 500)
	}
	file, _ := f.view.source(f.finding)
	c.File = plain(file, 500)
	text := &junitText{Message: plain(fmt.Sprintf("%s %s: %s; %s", f.finding.Severity, f.finding.ID, f.finding.Fix, j.Why), 500)}
	if f.violation != nil {
		text.Message = plain(j.Why, 500)
	}
	if j.Status != policy.Refuses {
		text.Message = plain(verb(j.Status)+": "+j.Why, 500)
		c.Skipped = text
		return c
	}
	text.Type = plain(j.Rule, 100)
	lines := []string{fixHint(f.finding)}
	if len(f.finding.Via) > 0 {
		lines = append(lines, "by "+strings.Join(f.finding.Via, " > "))
	}
	for i := range lines {
		lines[i] = plain(lines[i], 1000)
	}
	text.Text = strings.Join(append(lines, webURLs(f.finding, 3)...), "\n")
	if f.violation != nil {
		text.Text = ""
	}
	c.Failure = text
	return c
}
