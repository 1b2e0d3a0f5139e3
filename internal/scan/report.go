package scan

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/strictjson"
)

// JSONSchema is the JSON Schema of a marshalled Report.
//
//go:embed scan.schema.json
var JSONSchema []byte

// Report is scan.json: what was scanned, with what, by which rules, what came out, and what the rules say to it. It
// holds no time but the database's, so that the same scan gives the same bytes.
type Report struct {
	Schema       string          `json:"schema"`
	Subject      Subject         `json:"subject"`
	MatchedFrom  string          `json:"matchedFrom"`
	Tools        Tools           `json:"tools"`
	Database     Info            `json:"database"`
	PolicyDigest string          `json:"policyDigest"`
	Policies     []policy.Policy `json:"policies"` // all of which must accept; the baseline and VEX statements are not in them
	// Day is the one on which it was decided, where another day could have decided otherwise.
	Day      policy.Day        `json:"day,omitempty"`
	Verdict  string            `json:"verdict"`
	Reason   string            `json:"reason,omitempty"`
	Counts   policy.Counts     `json:"counts"`
	Packages Packages          `json:"packages"`
	Coverage []policy.Coverage `json:"coverage"`
	// Unreadable are files that should have named packages, the decisive first, at most 100 of Packages.Unreadable.
	Unreadable []policy.Unreadable `json:"unreadable,omitempty"`
	Failing    []string            `json:"failing"` // ids of the findings that refuse, the worst first, each once
	Findings   []policy.Judged     `json:"findings"`
	Violations []policy.Violation  `json:"violations,omitempty"`
	Baseline   *Baseline           `json:"baseline,omitempty"`
	Unused     []policy.Waiver     `json:"unusedWaivers,omitempty"`
	Notes      []string            `json:"notes,omitempty"`
}

// maxUnreadable bounds the list of files: a hostile image may hold a million.
const maxUnreadable = 100

// Subject is what was scanned.
type Subject struct {
	Image    string `json:"image"`            // as a person knows it: repo@digest, or the path of an archive
	Digest   string `json:"digest,omitempty"` // of the platform's manifest; empty for what is in no registry
	ImageID  string `json:"imageId,omitempty"`
	Platform string `json:"platform,omitempty"`
}

// Baseline is what the findings were compared with.
type Baseline struct {
	Name string        `json:"name"`
	New  int           `json:"new"`
	Gone []GoneFinding `json:"gone"` // in the baseline and no longer here
}

// GoneFinding names a finding that is no longer there.
type GoneFinding struct {
	ID       string          `json:"id"`
	Severity policy.Severity `json:"severity"`
	Package  policy.Package  `json:"package"`
}

// Tools are the versions of what made the report.
type Tools struct {
	Stepseal string `json:"stepseal"`
	Grype    string `json:"grype"`
}

// Packages counts the catalogue.
type Packages struct {
	Total int `json:"total"`
	// Unmatchable have no name, no identifier, or no version that can be compared: nothing can be said about them.
	Unmatchable int `json:"unmatchable"`
	Unreadable  int `json:"unreadable,omitempty"` // files that may hold more
}

// NewReport puts together what is known. version is that of stepseal.
func NewReport(of Subject, version string, db Info, found Result, decided policy.Decision, policies ...policy.Policy) Report {
	r := Report{
		Schema:       evidence.ScanSchema,
		Subject:      of,
		MatchedFrom:  string(found.MatchedFrom),
		Tools:        Tools{Stepseal: version, Grype: GrypeVersion()},
		Database:     db,
		PolicyDigest: policy.Digest(policies...),
		Policies:     append([]policy.Policy{}, policies...),
		Verdict:      decided.Ending.String(),
		Reason:       string(decided.Reason),
		Counts:       decided.Counts,
		Packages:     Packages{Total: found.Packages, Unmatchable: found.Unmatchable, Unreadable: len(found.Unreadable)},
		Coverage:     append([]policy.Coverage{}, decided.Coverage...),
		Unreadable:   found.Unreadable[:min(len(found.Unreadable), maxUnreadable)],
		Failing:      append([]string{}, ids(decided.Failing)...),
		Findings:     append([]policy.Judged{}, decided.Judged...),
		Violations:   decided.Violations,
		Baseline:     baseline(decided),
		Unused:       decided.Unused,
		Notes:        found.Notes,
	}
	if decided.TimeBound {
		r.Day = decided.Today
	}
	return r
}

func baseline(d policy.Decision) *Baseline {
	if d.Baseline == "" {
		return nil
	}
	b := Baseline{Name: d.Baseline, New: d.New(), Gone: []GoneFinding{}}
	for _, f := range d.Gone {
		b.Gone = append(b.Gone, GoneFinding{ID: f.ID, Severity: f.Severity, Package: f.Package})
	}
	return &b
}

func ids(findings []policy.Finding) []string {
	var out []string
	seen := map[string]bool{}
	for _, f := range findings {
		if !seen[f.ID] {
			seen[f.ID] = true
			out = append(out, f.ID)
		}
	}
	return out
}

// Marshal writes the report: compact, without HTML escaping and without a newline at the end, so that the file's digest
// is the digest of the predicate that carries it.
func (r Report) Marshal() ([]byte, error) { return evidence.Encode(r) }

// Ending is the verdict; whatever is not one is undecided.
func (r Report) Ending() outcome.Ending { return outcome.ParseEnding(r.Verdict) }

// maxReport bounds what ParseReport reads.
const maxReport = 256 << 20

// ParseReport reads what Marshal wrote, and nothing else: a document of another schema, with an unknown field or a key
// that stands twice is an error.
func ParseReport(doc []byte) (Report, error) {
	var head struct {
		Schema string `json:"schema"`
	}
	bounds := strictjson.Bounds{Bytes: maxReport, Depth: 16, FoldKeys: true}
	if err := strictjson.Check(doc, bounds); err != nil {
		return Report{}, fmt.Errorf("scan report: %w", err)
	}
	if err := json.Unmarshal(doc, &head); err != nil {
		return Report{}, fmt.Errorf("scan report: %w", err)
	}
	if head.Schema != evidence.ScanSchema {
		return Report{}, fmt.Errorf("scan report: the schema is %.40q, not %s", head.Schema, evidence.ScanSchema)
	}
	var r Report
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return Report{}, fmt.Errorf("scan report: %w", err)
	}
	return r, nil
}
