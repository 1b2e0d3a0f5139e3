// Package policy decides: findings, what the advisories cover, and rules go in, a decision comes out. It does no I/O,
// knows no scanner, and gives the same answer every time it is asked for the same day.
package policy

import (
	"cmp"
	"slices"
	"strings"
)

// Finding is one vulnerability in one package. Its JSON form is part of scan.json.
type Finding struct {
	ID             string     `json:"id"`
	Aliases        []string   `json:"aliases,omitempty"` // other names of it, CVE ids among them
	Severity       Severity   `json:"severity"`
	CVSS           []CVSS     `json:"cvss,omitempty"`
	Fix            Fix        `json:"fix"`
	KnownExploited bool       `json:"knownExploited,omitempty"` // in CISA's catalogue
	EPSS           float64    `json:"epss,omitempty"`           // probability of exploitation in the next 30 days
	Risk           float64    `json:"risk,omitempty"`           // 0 to 100, as grype computes it
	Package        Package    `json:"package"`
	Locations      []Location `json:"locations,omitempty"`
	// Via is a shortest way on which the image depends on the package, "name version" each, the package last; empty where
	// the dependencies are not known.
	Via         []string `json:"via,omitempty"`
	Matcher     string   `json:"matcher"`   // how it was found: by name and version, through the source package, by CPE
	Provider    string   `json:"provider"`  // whose record says so
	Namespace   string   `json:"namespace"` // in which part of the database
	URLs        []string `json:"urls,omitempty"`
	Description string   `json:"description,omitempty"`
}

// CVSS is one rating of the finding.
type CVSS struct {
	Version string  `json:"version"`
	Vector  string  `json:"vector"`
	Score   float64 `json:"score"`
}

// FixState says what the publisher does about a vulnerability. The zero value is FixUnknown.
type FixState string

// The fix states.
const (
	FixUnknown FixState = "unknown"
	Fixed      FixState = "fixed"
	NotFixed   FixState = "not-fixed"
	WontFix    FixState = "wont-fix"
)

// Fix is how to get rid of a finding.
type Fix struct {
	State    FixState `json:"state"`
	Versions []string `json:"versions,omitempty"`
	Since    Day      `json:"since,omitempty"` // the day on which the first of them came out; empty where nobody says
}

// Available says whether there is a version to go to.
func (f Fix) Available() bool { return f.State == Fixed && len(f.Versions) > 0 }

// String says what can be done: "fixed in 2.15.0", or "no fix yet".
func (f Fix) String() string {
	if !f.Available() {
		return "no fix yet"
	}
	return "fixed in " + strings.Join(f.Versions, ", ")
}

// Package is what is vulnerable.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Type    string `json:"type"`
	PURL    string `json:"purl,omitempty"`
}

// Location is where in the image the package was found.
type Location struct {
	Path string `json:"path"`
	// AccessPath leads into archives: app.jar:BOOT-INF/lib/log4j-core-2.14.1.jar. Empty where it says no more than Path.
	AccessPath string `json:"accessPath,omitempty"`
	Layer      string `json:"layer,omitempty"` // digest
	// More are the places after this one that are not listed. What holds for every place cannot be told then.
	More int `json:"more,omitempty"`
}

// Where is the first place of the package, through archives where it lies in one; empty where it is not known.
func (f Finding) Where() string {
	if len(f.Locations) == 0 {
		return ""
	}
	return cmp.Or(f.Locations[0].AccessPath, f.Locations[0].Path)
}

// Weight is the severity that the limit is compared with. A vulnerability that is known to be exploited and that
// nobody has rated weighs as critical; other unrated ones weigh nothing but at the strictest limit, and are counted and
// shown as unknown instead: most records of Debian, Alpine and the Go database carry no rating, so that refusing every
// one of them would refuse nearly every image for a reason that nobody can act on.
func (f Finding) Weight() Severity {
	if f.Severity == Unknown && f.KnownExploited {
		return Critical
	}
	return f.Severity
}

// Sort orders findings the worst first, and always in the same way.
func Sort(findings []Finding) { slices.SortFunc(findings, compare) }

func compare(a, b Finding) int {
	order := cmp.Or(
		cmp.Compare(b.Weight(), a.Weight()),
		cmp.Compare(b.Severity, a.Severity),
		cmp.Compare(exploited(b), exploited(a)),
		cmp.Compare(a.Package.Name, b.Package.Name),
		cmp.Compare(a.Package.Version, b.Package.Version),
		cmp.Compare(a.Package.Type, b.Package.Type),
		cmp.Compare(a.ID, b.ID),
		slices.CompareFunc(a.Locations, b.Locations, compareLocation),
		cmp.Compare(a.Package.PURL, b.Package.PURL),
		cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Matcher, b.Matcher),
	)
	return cmp.Or(order, compareRest(a, b))
}

// compareRest looks at what is left, for no two findings that differ may be equal. A document that lists one package a
// thousand times gets here as often as anywhere.
func compareRest(a, b Finding) int {
	return cmp.Or(
		slices.Compare(a.Aliases, b.Aliases),
		slices.CompareFunc(a.CVSS, b.CVSS, func(a, b CVSS) int {
			return cmp.Or(cmp.Compare(a.Version, b.Version), cmp.Compare(a.Vector, b.Vector), cmp.Compare(a.Score, b.Score))
		}),
		cmp.Compare(a.Fix.State, b.Fix.State),
		slices.Compare(a.Fix.Versions, b.Fix.Versions),
		cmp.Compare(a.Fix.Since, b.Fix.Since),
		cmp.Compare(a.EPSS, b.EPSS),
		cmp.Compare(a.Risk, b.Risk),
		slices.Compare(a.Via, b.Via),
		cmp.Compare(a.Provider, b.Provider),
		slices.Compare(a.URLs, b.URLs),
		cmp.Compare(a.Description, b.Description),
	)
}

func exploited(f Finding) int {
	if f.KnownExploited {
		return 1
	}
	return 0
}

func compareLocation(a, b Location) int {
	return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.AccessPath, b.AccessPath), cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.More, b.More))
}

// Counts are findings by severity.
type Counts struct {
	Critical   int `json:"critical"`
	High       int `json:"high"`
	Medium     int `json:"medium"`
	Low        int `json:"low"`
	Negligible int `json:"negligible"`
	Unknown    int `json:"unknown"`
	Total      int `json:"total"`
	Fixable    int `json:"fixable"` // there is a version to go to
}

// Count counts findings.
func Count(findings []Finding) Counts {
	var c Counts
	for _, f := range findings {
		*c.of(f.Severity)++
		c.Total++
		if f.Fix.Available() {
			c.Fixable++
		}
	}
	return c
}

// Of is the number of findings of one severity.
func (c Counts) Of(s Severity) int { return *c.of(s) }

func (c *Counts) of(s Severity) *int {
	switch s {
	case Critical:
		return &c.Critical
	case High:
		return &c.High
	case Medium:
		return &c.Medium
	case Low:
		return &c.Low
	case Negligible:
		return &c.Negligible
	default:
		return &c.Unknown
	}
}
