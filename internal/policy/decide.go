package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Distribution is the Type of the Coverage of an image whose distribution nobody knows. No package need be in it: what
// a known distribution's package database would have named may not have been looked for.
const Distribution = "distribution"

// Coverage says for one distribution release or one ecosystem whether silence means anything.
type Coverage struct {
	Type      string `json:"type"`                // of the packages: deb, apk, rpm, npm, java-archive, go-module, ...; or Distribution
	Release   string `json:"release,omitempty"`   // of the distribution, debian:11; "unknown" where it was not detected
	Packages  int    `json:"packages"`            // looked up
	Covered   bool   `json:"covered"`             // the database holds at least one record for it
	Accepted  bool   `json:"accepted,omitempty"`  // it is not covered, and the rules allow that by name
	EndOfLife string `json:"endOfLife,omitempty"` // the day on which the release lost its support, if that is past
}

// Name is how a person calls it: "deb debian:11", "npm".
func (c Coverage) Name() string {
	if c.Release == "" {
		return c.Type
	}
	return c.Type + " " + c.Release
}

func (c Coverage) allowedBy(names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool {
		return n != "" && (strings.EqualFold(n, c.Type) || isRelease(c.Release, n) || isRelease(c.Name(), n))
	})
}

// isRelease reports whether the release is the one that was named, or a point release of it: debian:12 names debian:12.5.
func isRelease(release, named string) bool {
	if len(release) <= len(named) {
		return strings.EqualFold(release, named)
	}
	return strings.EqualFold(release[:len(named)], named) && release[len(named)] == '.'
}

// Unreadable is a file that should have named packages, and could not be read.
type Unreadable struct {
	Path      string `json:"path"`
	Cataloger string `json:"cataloger"` // what tried to read it
	Error     string `json:"error"`     // one line, short
	// Decisive: it is a distribution's package database or a lock file, and not one package of it is known, so that the
	// gate cannot tell. Others (a jar, a binary, a package.json) are only told.
	Decisive bool `json:"decisive,omitempty"`
}

// UnreadableName is what Rules.AllowUncovered calls all files that could not be read.
const UnreadableName = "unreadable"

// Found is what a scan has to say about one image.
type Found struct {
	Findings    []Finding
	Coverage    []Coverage
	Unreadable  []Unreadable // the decisive first
	Packages    int          // in the catalogue
	Unmatchable int          // of these, without what a look-up needs: a name, an identifier, a version that can be compared
}

// Decision is the answer and what it rests on. The zero value is undecided.
type Decision struct {
	Ending     outcome.Ending
	Reason     outcome.Reason // empty when accepted
	Failing    []Finding      // at or above the limit, the worst first
	Coverage   []Coverage     // with Accepted filled in
	Unreadable []Unreadable   // for which it is undecided: decisive, and not accepted by the rules
	Counts     Counts         // of all findings
	limit      Limit
}

// Decide answers. What nobody could look at comes first: with a package database unread, a release or an ecosystem
// uncovered, no package at all, or not one that could be looked up, the gate cannot tell, whatever it found besides. Then
// a finding at or above the limit is a no. No rule depends on the day yet.
func Decide(found Found, rules Rules) Decision {
	d := Decision{Counts: Count(found.Findings), limit: rules.FailOn}
	for _, f := range found.Findings {
		if rules.refuses(f) {
			d.Failing = append(d.Failing, f)
		}
	}
	Sort(d.Failing)
	lookedUp := d.cover(found.Coverage, rules)
	d.Unreadable = rules.unread(found.Unreadable)
	switch {
	case len(d.Unreadable) > 0:
		d.Ending, d.Reason = outcome.Undecided, outcome.NotCovered
	case found.Packages == 0 && !rules.AllowEmpty:
		d.Ending, d.Reason = outcome.Undecided, outcome.EmptyCatalogue
	case len(d.Uncovered()) > 0 || found.Packages > 0 && lookedUp == 0:
		d.Ending, d.Reason = outcome.Undecided, outcome.NotCovered
	case len(d.Failing) > 0:
		d.Ending, d.Reason = outcome.Refused, outcome.Vulnerable
	default:
		d.Ending = outcome.Accepted
	}
	return d
}

func (r Rules) refuses(f Finding) bool {
	if r.OnlyFixed && !f.Fix.Available() {
		return false
	}
	return r.FailOn.Reached(f.Weight())
}

// unread is what the rules do not accept of what could not be read.
func (r Rules) unread(files []Unreadable) []Unreadable {
	if slices.ContainsFunc(r.AllowUncovered, func(n string) bool { return strings.EqualFold(n, UnreadableName) }) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(files), func(u Unreadable) bool { return !u.Decisive })
}

func (d *Decision) cover(coverage []Coverage, rules Rules) (lookedUp int) {
	d.Coverage = slices.Clone(coverage)
	for i := range d.Coverage {
		c := &d.Coverage[i]
		c.Accepted = !c.Covered && c.allowedBy(rules.AllowUncovered)
		lookedUp += c.Packages
	}
	return lookedUp
}

// Uncovered is what the database knows nothing about and the rules do not accept.
func (d Decision) Uncovered() []Coverage {
	var gaps []Coverage
	for _, c := range d.Coverage {
		if !c.Covered && !c.Accepted {
			gaps = append(gaps, c)
		}
	}
	return gaps
}

// Summary is the decision in one phrase: "2 critical and 1 high, limit is high".
func (d Decision) Summary() string {
	switch d.Reason {
	case outcome.Vulnerable:
		return fmt.Sprintf("%s, limit is %s", Count(d.Failing), d.limit)
	case outcome.EmptyCatalogue:
		return "no package was found"
	case outcome.NotCovered:
		return d.gaps() + d.besides()
	}
	if d.Ending != outcome.Accepted {
		return "not decided"
	}
	if d.Counts.Total == 0 {
		return "no findings"
	}
	return fmt.Sprintf("%s, none of them counts against the limit %s", d.Counts, d.limit)
}

func (d Decision) gaps() string {
	var parts, names []string
	if n := len(d.Unreadable); n > 0 {
		text := fmt.Sprintf("the package list %.200q cannot be read", d.Unreadable[0].Path)
		if n > 1 {
			text += fmt.Sprintf(" (nor can %d more)", n-1)
		}
		parts = append(parts, text)
	}
	for _, c := range d.Uncovered() {
		if c.Type == Distribution {
			parts = append(parts, "the distribution of the image is not known")
			continue
		}
		names = append(names, fmt.Sprintf("%s (%d packages)", c.Name(), c.Packages))
	}
	if len(names) > 0 {
		parts = append(parts, "the database holds no record for "+strings.Join(names, ", "))
	}
	if len(parts) == 0 {
		return "none of the packages could be looked up"
	}
	return strings.Join(parts, "; ")
}

// besides is what would have refused, had the gate been able to tell.
func (d Decision) besides() string {
	if len(d.Failing) == 0 {
		return ""
	}
	return fmt.Sprintf("; besides, %s, limit is %s", Count(d.Failing), d.limit)
}

// String lists the severities that occur: "2 critical, 1 high and 3 unknown".
func (c Counts) String() string {
	var parts []string
	for _, s := range Severities() {
		if n := c.Of(s); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	switch len(parts) {
	case 0:
		return "no findings"
	case 1:
		return parts[0]
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}
