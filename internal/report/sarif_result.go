package report

import (
	"cmp"
	"fmt"
	"path"
	"strings"

	"github.com/stepseal/stepseal/internal/policy"
)

type sarifResult struct {
	RuleID       string             `json:"ruleId"`
	RuleIndex    int                `json:"ruleIndex"`
	Level        string             `json:"level"`
	Message      sarifText          `json:"message"`
	Locations    []sarifLocation    `json:"locations"`
	Fingerprints map[string]string  `json:"partialFingerprints"`
	Baseline     string             `json:"baselineState,omitempty"`
	Suppressions []sarifSuppression `json:"suppressions,omitempty"`
	Properties   map[string]any     `json:"properties"`
}

type sarifLocation struct {
	Physical sarifPhysical  `json:"physicalLocation"`
	Logical  []sarifLogical `json:"logicalLocations,omitempty"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   sarifRegion   `json:"region"`
}

type sarifArtifact struct {
	URI string `json:"uri"`
}

type sarifRegion struct {
	StartLine int `json:"startLine"`
}

type sarifLogical struct {
	Name          string `json:"name"`
	FullyQualifed string `json:"fullyQualifiedName"`
	Kind          string `json:"kind"`
}

type sarifSuppression struct {
	Kind          string `json:"kind"`
	Status        string `json:"status"`
	Justification string `json:"justification"`
}

// fingerprintKey is the one that GitHub tells alerts apart by. It adds one of its own where there is none and the file is
// in the checkout, which for an image it is not.
const fingerprintKey = "primaryLocationLineHash"

func (f sarifFinding) result(rule int, seen map[string]int) sarifResult {
	seen[f.fingerprint]++ // two versions of a package in places of one class have the same
	print := fmt.Sprintf("%s:%d", f.fingerprint, seen[f.fingerprint])
	j := f.judgement
	r := sarifResult{
		RuleID: f.ruleID(), RuleIndex: rule, Level: level(f.finding), Message: sarifText{Text: f.message()}, Locations: []sarifLocation{f.location()},
		Fingerprints: map[string]string{fingerprintKey: print, "stepseal/finding/v1": print},
		Properties:   map[string]any{"status": string(j.Status), "rule": plain(j.Rule, maxSARIFName), "why": plain(j.Why, maxSARIFMessage), "package": plain(f.finding.Package.PURL, maxSARIFName)},
	}
	if f.view.Decision.Baseline != "" {
		r.Baseline = "unchanged"
		if j.New {
			r.Baseline = "new"
		}
	}
	if excused(j.Status) {
		r.Suppressions = []sarifSuppression{{Kind: "external", Status: "accepted", Justification: plain(j.Why, maxSARIFMessage)}}
	}
	return r
}

// level is what GitHub falls back to; it goes by the rule's security-severity.
func level(f policy.Finding) string {
	switch f.Weight() {
	case policy.Critical, policy.High:
		return "error"
	case policy.Medium:
		return "warning"
	}
	return "note"
}

func (f sarifFinding) message() string {
	if f.violation != nil {
		return messageText("%s.", f.violation.Message)
	}
	p := f.finding.Package
	text := messageText("%s %s has %s (%s, %s)", plain(p.CommonName(), maxSARIFName), plain(p.Version, maxSARIFName), plain(f.finding.ID, maxSARIFName), f.finding.Severity.String(), plain(f.finding.Fix.String(), maxSARIFName))
	if where := f.finding.Where(); where != "" {
		text += messageText(" in %s", plain(where, maxSARIFName))
	}
	return plain(text+messageText(". It %s: %s.", verb(f.judgement.Status), f.judgement.Why), maxSARIFMessage)
}

// verb is what becomes of a finding, in words.
func verb(s policy.Status) string {
	switch s {
	case policy.Refuses:
		return "refuses the image"
	case policy.Waived:
		return "is waived"
	case policy.NotAffected:
		return "does not affect the image"
	case policy.Known:
		return "is not new"
	}
	return "is tolerated"
}

// location is a file of the repository where one brings the package in, else the path in the image, from its root; never
// an absolute one, never one that leaves it, for GitHub rejects the file then.
func (f sarifFinding) location() sarifLocation {
	file, line := f.view.source(f.finding)
	uri := relativeURI(file)
	if uri == "" && len(f.finding.Locations) > 0 {
		uri, line = relativeURI(f.finding.Locations[0].Path), 1
	}
	if uri == "" {
		uri, line = relativeURI(path.Join("image", cmp.Or(f.finding.Package.Type, "package"), f.finding.Package.Name)), 1
	}
	p := f.finding.Package
	name := cmp.Or(plain(p.Name, maxSARIFName), "package")
	return sarifLocation{
		Physical: sarifPhysical{sarifArtifact{uri}, sarifRegion{max(1, line)}},
		Logical:  []sarifLogical{{Name: name, FullyQualifed: cmp.Or(plain(f.finding.Where(), maxSARIFText), name) + ":" + name, Kind: "module"}},
	}
}

// relativeURI is a path as a relative reference that every reader takes for the same: no scheme, no dots that lead
// elsewhere, everything percent-encoded but letters, digits and what is never special.
// https://www.rfc-editor.org/rfc/rfc3986#section-4.2
func relativeURI(name string) string {
	name = plain(strings.TrimPrefix(path.Clean("/"+name), "/"), maxSARIFName*4)
	var b strings.Builder
	for _, c := range []byte(name) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~/", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
