package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Coverage says for one distribution release or one ecosystem whether silence means anything.
type Coverage struct {
	Type      string `json:"type"`                // of the packages: deb, apk, rpm, npm, java-archive, go-module, ...
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

// Found is what a scan has to say about one image.
type Found struct {
	Findings    []Finding
	Coverage    []Coverage
	Packages    int // in the catalogue
	Unmatchable int // of these, without the name, version or identifier that a look-up needs
}

// Decision is the answer and what it rests on. The zero value is undecided.
type Decision struct {
	Ending   outcome.Ending
	Reason   outcome.Reason // empty when accepted
	Failing  []Finding      // at or above the limit and not waived, the worst first
	Waived   []Finding      // would be failing but for a waiver
	Expired  []Waiver       // that would have covered a failing finding
	Coverage []Coverage     // with Accepted filled in
	Counts   Counts         // of all findings
	limit    Limit
}

// Decide answers. What the database knows nothing about comes first: with a release or an ecosystem uncovered, no package
// at all, or not one that could be looked up, the gate cannot tell, whatever it found besides. Then a finding at or above
// the limit is a no.
func Decide(found Found, rules Rules, today time.Time) Decision {
	d := Decision{Counts: Count(found.Findings), limit: rules.FailOn}
	for _, f := range found.Findings {
		d.weigh(f, rules, today)
	}
	Sort(d.Failing)
	Sort(d.Waived)
	lookedUp := d.cover(found.Coverage, rules)
	switch {
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

func (d *Decision) weigh(f Finding, rules Rules, today time.Time) {
	if !rules.refuses(f) {
		return
	}
	waived := false
	for _, w := range rules.Waivers {
		switch {
		case !w.covers(f):
		case !w.Expired(today):
			waived = true
		case !slices.Contains(d.Expired, w):
			d.Expired = append(d.Expired, w)
		}
	}
	if waived {
		d.Waived = append(d.Waived, f)
		return
	}
	d.Failing = append(d.Failing, f)
}

func (r Rules) refuses(f Finding) bool {
	if r.OnlyFixed && !f.Fix.Available() {
		return false
	}
	if f.Weight() == Unknown && r.FailOnUnknown && r.FailOn != Never {
		return true
	}
	return r.FailOn.Reached(f.Weight())
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
	if len(d.Uncovered()) == 0 {
		return "none of the packages could be looked up"
	}
	var names []string
	for _, c := range d.Uncovered() {
		names = append(names, fmt.Sprintf("%s (%d packages)", c.Name(), c.Packages))
	}
	return "the database holds no record for " + strings.Join(names, ", ")
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
