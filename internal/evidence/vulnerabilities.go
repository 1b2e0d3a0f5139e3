package evidence

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// VulnerabilitiesPredicate is in-toto's form of a scan, without anybody's verdict: verify goes by ScanPredicate.
// https://github.com/in-toto/attestation/blob/main/spec/predicates/vulns_02.md
const VulnerabilitiesPredicate = "https://in-toto.io/attestation/vulns/v0.2"

// The written form, its keys in the order of the specification.
type (
	vulnerabilities struct {
		Scanner  vulnerabilityScanner `json:"scanner"`
		Metadata scanTimes            `json:"metadata"`
	}
	vulnerabilityScanner struct {
		URI     string `json:"uri"`
		Version string `json:"version,omitempty"`
		DB      struct {
			Version    string `json:"version,omitempty"`
			LastUpdate string `json:"lastUpdate"`
		} `json:"db"`
		Result []vulnerability `json:"result"`
	}
	vulnerability struct {
		ID          string       `json:"id"`
		Severity    []rating     `json:"severity"`
		Annotations []annotation `json:"annotations"`
	}
	rating struct {
		Method string `json:"method"`
		Score  string `json:"score"`
	}
	// annotation is where the vulnerability is, one a package, and what was decided about it there.
	annotation struct {
		Package string   `json:"package"`
		Status  string   `json:"status"`
		Aliases []string `json:"aliases,omitempty"`
	}
	scanTimes struct {
		Started  string `json:"scanStartedOn"`
		Finished string `json:"scanFinishedOn"`
	}
)

// found is the part of a finding in scan.json that the predicate has room for.
type found struct {
	ID       string   `json:"id"`
	Aliases  []string `json:"aliases"`
	Severity string   `json:"severity"`
	Provider string   `json:"provider"`
	CVSS     []struct {
		Score float64 `json:"score"`
	} `json:"cvss"`
	Package struct {
		Name    string `json:"name"`
		Version string `json:"version"`
		PURL    string `json:"purl"`
	} `json:"package"`
	Judgement struct {
		Status string `json:"status"`
	} `json:"judgement"`
}

// Vulnerabilities writes the scan as vulns/v0.2, each vulnerability once. What a trusted VEX statement says does not
// affect the image is left out. What somebody waived is still in the image, and is listed with that status: who reads the
// ids alone sees too much and not too little.
func (s Scan) Vulnerabilities() ([]byte, error) {
	verdict, ok := ParseVerdict(s.Report)
	if !ok {
		return nil, errors.New("not a scan.json of stepseal")
	}
	var report struct {
		Findings []found `json:"findings"`
	}
	if err := json.Unmarshal(s.Report, &report); err != nil {
		return nil, fmt.Errorf("scan.json: %w", err)
	}
	doc := vulnerabilities{Scanner: vulnerabilityScanner{URI: ScanMadeBy, Version: s.Version, Result: []vulnerability{}}}
	doc.Scanner.DB.Version, doc.Scanner.DB.LastUpdate = s.Database, cmp.Or(s.DataDate, formatTime(verdict.Database.Built))
	doc.Metadata = scanTimes{formatTime(s.Finished), formatTime(s.Finished)} // nobody noted when it began
	if doc.Scanner.DB.LastUpdate == "" || s.Finished.IsZero() {
		return nil, errors.New("scan.json does not say how old its data is, or nobody says when it was made")
	}
	all := &collected{at: map[string]int{}}
	for _, f := range report.Findings {
		if f.Judgement.Status != "not-affected" {
			all.add(f)
		}
	}
	doc.Scanner.Result = append(doc.Scanner.Result, all.list...)
	return Encode(doc)
}

func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// collected are vulnerabilities in the order in which they were first found.
type collected struct {
	list []vulnerability
	at   map[string]int
}

// add adds a finding to the vulnerability that it is of.
func (c *collected) add(f found) {
	i, known := c.at[f.ID]
	if !known {
		i = len(c.list)
		c.at[f.ID] = i
		c.list = append(c.list, vulnerability{ID: f.ID})
	}
	v := &c.list[i]
	for _, r := range f.ratings() {
		if !slices.Contains(v.Severity, r) {
			v.Severity = append(v.Severity, r)
		}
	}
	of := annotation{cmp.Or(f.Package.PURL, f.Package.Name+" "+f.Package.Version), f.Judgement.Status, f.Aliases}
	if !slices.ContainsFunc(v.Annotations, func(a annotation) bool { return a.Package == of.Package && a.Status == of.Status }) {
		v.Annotations = append(v.Annotations, of)
	}
}

// ratings are the word of whoever published the advisory, and the highest CVSS score that anybody gave.
func (f found) ratings() []rating {
	list := []rating{{cmp.Or(f.Provider, "stepseal"), f.Severity}}
	highest := 0.0
	for _, c := range f.CVSS {
		highest = max(highest, c.Score)
	}
	if highest > 0 {
		list = append(list, rating{"cvss_score", strconv.FormatFloat(highest, 'f', 1, 64)})
	}
	return list
}
