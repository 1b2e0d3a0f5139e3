package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Rules say what is acceptable. The zero value is the strictest of what looks at vulnerabilities and coverage: every
// finding refuses, every gap leaves it undecided. What it does not ask for (denied packages, licenses) is not looked at.
type Rules struct {
	FailOn               Limit   `json:"failOn"`
	FailOnKnownExploited bool    `json:"failOnKnownExploited,omitempty"` // whatever the severity
	FailOnEPSS           float64 `json:"failOnEpss,omitempty"`           // whatever the severity: the probability from which on; 0 asks for none
	OnlyFixed            bool    `json:"onlyFixed,omitempty"`            // findings without a version to go to do not refuse
	Grace                Grace   `json:"grace,omitempty"`                // how long a fix may be out before its finding refuses
	Scope                Scope   `json:"scope,omitempty"`
	NewOnly              bool    `json:"newOnly,omitempty"` // what the baseline has too does not refuse
	// Exceptions have other rules for some findings. Of each rule the first exception counts that fits and has it.
	Exceptions []Exception `json:"exceptions,omitempty"`

	DeniedPackages   []Denial `json:"deniedPackages,omitempty"`
	DeniedLicenses   []string `json:"deniedLicenses,omitempty"`   // SPDX identifiers, with * for any characters
	RequiredLicenses []string `json:"requiredLicenses,omitempty"` // every package must be usable under one of them
	MinimumElements  string   `json:"minimumElements,omitempty"`  // the standard that the SBOM must meet; empty asks for none

	AllowEmpty bool `json:"allowEmpty,omitempty"`
	// AllowUncovered are package types ("npm", "deb"), releases ("debian:12"), Distribution or UnreadableName.
	AllowUncovered []string `json:"allowUncovered,omitempty"`
}

// Exception is a set of findings, by all that is given of it, and what holds for them instead.
type Exception struct {
	Ecosystem string  `json:"ecosystem,omitempty"` // the type of the package, or of its package URL: npm, deb, go-module or golang
	Path      string  `json:"path,omitempty"`      // of every place of the package; * stands for any characters
	Package   Pattern `json:"package,omitzero"`

	FailOn               *Limit   `json:"failOn,omitempty"`
	FailOnKnownExploited *bool    `json:"failOnKnownExploited,omitempty"`
	FailOnEPSS           *float64 `json:"failOnEpss,omitempty"`
	OnlyFixed            *bool    `json:"onlyFixed,omitempty"`
	Grace                Grace    `json:"grace,omitempty"`
}

func (e Exception) fits(f Finding) bool {
	if e.Ecosystem != "" && !f.Package.isOf(e.Ecosystem) {
		return false
	}
	if e.Path != "" && !everywhere(e.Path, f.Locations) {
		return false
	}
	return e.Package.text == "" || e.Package.Matches(f.Package)
}

// everywhere says whether all places of a package fit: one that lies somewhere else too is not excused there.
func everywhere(pattern string, places []Location) bool {
	return len(places) > 0 && !slices.ContainsFunc(places, func(l Location) bool {
		return l.More > 0 || !glob(pattern, l.Path) && (l.AccessPath == "" || !glob(pattern, l.AccessPath))
	})
}

// of are the rules that hold for the finding.
func (r Rules) of(f Finding) Rules {
	for _, e := range slices.Backward(r.Exceptions) { // so that the first has the last word
		if !e.fits(f) {
			continue
		}
		set(&r.FailOn, e.FailOn)
		set(&r.FailOnKnownExploited, e.FailOnKnownExploited)
		set(&r.FailOnEPSS, e.FailOnEPSS)
		set(&r.OnlyFixed, e.OnlyFixed)
		if e.Grace != nil {
			r.Grace = e.Grace
		}
	}
	return r
}

func set[T any](to, value *T) {
	if value != nil {
		*to = *value
	}
}

// Grace is for how many days after its fix came out a finding of a severity does not refuse yet. Findings that are known
// to be exploited, that have no fix or whose fix has no date get none.
type Grace map[Severity]int

// ParseGrace reads "14d" for all severities, or "high=14d,medium=30d".
func ParseGrace(text string) (Grace, error) {
	grace := Grace{}
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == '\n' }) {
		name, days, named := strings.Cut(strings.TrimSpace(part), "=")
		severities := Severities()
		if named {
			severity, err := ParseSeverity(name)
			if err != nil {
				return nil, err
			}
			severities = []Severity{severity}
		} else {
			days = name
		}
		count, ok := strings.CutSuffix(strings.TrimSpace(days), "d")
		n, err := strconv.ParseUint(count, 10, 12)
		if !ok || err != nil {
			return nil, fmt.Errorf("%.40q is no grace period such as 14d or high=14d", part)
		}
		for _, s := range severities {
			if _, twice := grace[s]; twice {
				return nil, fmt.Errorf("the grace period of %s is given twice", s)
			}
			grace[s] = int(n)
		}
	}
	if len(grace) == 0 {
		return nil, fmt.Errorf("%.40q is no grace period such as 14d or high=14d", text)
	}
	return grace, nil
}

// ParseProbability reads a number above 0 and up to 1.
func ParseProbability(text string) (float64, error) {
	p, err := strconv.ParseFloat(text, 64)
	if err != nil || !(p > 0 && p <= 1) {
		return 0, fmt.Errorf("%.40q is no probability above 0 and up to 1, such as 0.1", text)
	}
	return p, nil
}

// Scope says which layers' findings count.
type Scope string

// The scopes. A finding whose layer is not known counts in both.
const (
	AllLayers Scope = ""
	OwnLayers Scope = "own" // not those of the base image
)

// ParseScope reads "all" or "own".
func ParseScope(text string) (Scope, error) {
	switch text {
	case "all":
		return AllLayers, nil
	case "own":
		return OwnLayers, nil
	}
	return AllLayers, fmt.Errorf("%.40q is neither all nor own", text)
}

// canonical is the form in which rules that mean the same are the same.
func (r Rules) canonical() Rules {
	for _, list := range []*[]string{&r.AllowUncovered, &r.DeniedLicenses, &r.RequiredLicenses} {
		*list = slices.Clone(*list)
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	r.DeniedPackages = slices.Clone(r.DeniedPackages)
	slices.SortFunc(r.DeniedPackages, func(a, b Denial) int { return strings.Compare(a.String(), b.String()) })
	r.DeniedPackages = slices.CompactFunc(r.DeniedPackages, func(a, b Denial) bool { return a.String() == b.String() })
	return r
}

func canonicalJSON(v any) []byte {
	doc, err := json.Marshal(v)
	if err != nil {
		panic("policy: rules that cannot be written: " + err.Error()) // plain data: cannot happen
	}
	return doc
}
