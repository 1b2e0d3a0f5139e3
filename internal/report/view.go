package report

import (
	"slices"
	"time"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/policy"
)

// View is one scan of one platform, as all reports show it. Reports are functions of it alone: no clock, no file, and the
// same view gives the same bytes.
type View struct {
	Image      string // as a person knows it: repo@digest, or the path of an archive
	Repository string // without tag and digest, which reports that live longer than one build go by
	Digest     string
	Platform   string
	Stepseal   string // versions
	Grype      string

	Decision    policy.Decision
	ReportOn    policy.Limit // findings below it that do not refuse are left out of what people read, and counted
	BaseLayers  []string     // digests of the base image's layers; empty where they are not known
	Packages    int          // in the catalogue
	Unmatchable int
	Unreadable  []policy.Unreadable // all of them; those that decide are in the decision too
	Database    Database
	Settings    []Setting
	Quality     []Standard // of the SBOM
	Notes       []string
	SBOM        []byte // CycloneDX JSON; empty where there is none

	// Locate points at the repository's own file that brings a finding in, such as a lock file; nil or an empty name
	// where there is none.
	Locate func(policy.Finding) (file string, line int)
}

// Database is the advisory data.
type Database struct {
	SHA256    string
	Built     time.Time
	Data      time.Time // what its age counts from
	Providers []Provider
}

// Provider is one source of the data.
type Provider struct {
	Name     string
	Captured time.Time
}

// Setting is an input that decided, and where its value came from: a flag, a variable, the config file, the policy base.
type Setting struct{ Name, Value, From string }

// Standard says how far the SBOM has the minimum elements that somebody demands.
type Standard struct {
	Name     string
	Elements []Element
}

// Element is one of them.
type Element struct {
	Name     string
	Has, All int // of what it is demanded for: packages, or the document alone
}

// Percent is how much of all is there, rounded down: only what is complete has 100.
func (s Standard) Percent() int {
	var has, all int
	for _, e := range s.Elements {
		has, all = has+e.Has, all+e.All
	}
	if all == 0 {
		return 0
	}
	return has * 100 / all
}

// reported are the findings that reports show: what refuses, then the rest from the threshold on, the worst first, what
// is excused last. below is how many are left out.
func (v View) reported() (shown []policy.Judged, below int) {
	var by [3][]policy.Judged
	for _, j := range v.Decision.Judged {
		switch status := j.Judgement.Status; {
		case status == policy.Refuses:
			by[0] = append(by[0], j)
		case !v.ReportOn.Reached(j.Weight()):
			below++
		case excused(status):
			by[2] = append(by[2], j)
		default:
			by[1] = append(by[1], j)
		}
	}
	return slices.Concat(by[0], by[1], by[2]), below
}

// excused says whether somebody answers for it: a waiver, or a VEX statement.
func excused(s policy.Status) bool { return s == policy.Waived || s == policy.NotAffected }

// own says whose layers a finding lies in: base, own, or nothing where that is not known.
func (v View) layers(f policy.Finding) string {
	if len(v.BaseLayers) == 0 || len(f.Locations) == 0 {
		return ""
	}
	base := 0
	for _, l := range f.Locations {
		if l.Layer == "" {
			return ""
		}
		if slices.Contains(v.BaseLayers, l.Layer) {
			base++
		}
	}
	if base == len(f.Locations) {
		return "base"
	}
	return "own"
}

// source is the repository's file behind a finding.
func (v View) source(f policy.Finding) (file string, line int) {
	if v.Locate == nil {
		return "", 0
	}
	return v.Locate(f)
}

// date is the one date that a report carries which must have one: that of the advisory data, and never the clock's, so
// that the same scan gives the same bytes.
func (v View) date() time.Time {
	for _, t := range []time.Time{v.Database.Data, v.Database.Built} {
		if !t.IsZero() {
			return t.UTC()
		}
	}
	return time.Unix(0, 0).UTC()
}

func (v View) decided() bool {
	return v.Decision.Ending == outcome.Accepted || v.Decision.Ending == outcome.Refused
}

// gaps are what the answer could not look at, in one sentence each.
func (v View) gaps() []string {
	var all []string
	for _, c := range v.Decision.Uncovered() {
		if c.Type == policy.Distribution {
			all = append(all, "the distribution of the image is not known")
			continue
		}
		all = append(all, "the advisory database holds no record for "+c.Name())
	}
	for _, u := range v.Decision.Unreadable {
		all = append(all, "the package list "+u.Path+" cannot be read: "+u.Error)
	}
	return all
}

// listed is as much of the coverage as is listed for people; where that is not all, what is not covered comes first.
func listed(all []policy.Coverage) (first []policy.Coverage, more int) {
	if len(all) <= maxRows {
		return all, 0
	}
	rank := func(c policy.Coverage) int {
		switch {
		case c.Covered:
			return 2
		case c.Accepted:
			return 1
		}
		return 0
	}
	sorted := slices.SortedStableFunc(slices.Values(all), func(a, b policy.Coverage) int { return rank(a) - rank(b) })
	return sorted[:maxRows], len(all) - maxRows
}
