package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/vex"
)

// Distribution is the Type of the Coverage of an image whose distribution nobody knows. No package need be in it: what
// a known distribution's package database would have named may not have been looked for.
const Distribution = "distribution"

// Coverage says for one distribution release or one ecosystem whether silence means anything.
type Coverage struct {
	Type      string `json:"type"`                // of the packages: deb, apk, rpm, npm, java-archive, go-module, ...; or Distribution, EPSS, KnownExploited
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

// Anything in Rules.AllowUncovered allows everything that is not covered or not read.
const Anything = "*"

func (c Coverage) allowedBy(names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool {
		return n == Anything || n != "" && (strings.EqualFold(n, c.Type) || isRelease(c.Release, n) || isRelease(c.Name(), n))
	})
}

func (c Coverage) allowedByAll(policies []Policy) bool {
	return !slices.ContainsFunc(policies, func(p Policy) bool { return !c.allowedBy(p.Rules.AllowUncovered) })
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
	Image      string    // repo@digest, or as a person knows it
	Subject    vex.Image // the same as VEX statements name it
	Findings   []Finding
	Components []Component // the catalogue, for the rules about packages
	Versions   Versions    // nil: no version can be compared
	// Lacking are the minimum elements that the SBOM does not have, by the standard that demands them.
	Lacking     map[string][]string
	BaseLayers  []string // digests of the base image's layers, as Location.Layer names layers
	Coverage    []Coverage
	Unrated     []string     // what the database holds nothing of: EPSS, KnownExploited
	Unreadable  []Unreadable // the decisive first
	Packages    int          // in the catalogue
	Unmatchable int          // of these, without what a look-up needs: a name, an identifier, a version that can be compared
}

// Decision is the answer and what it rests on. The zero value is undecided.
type Decision struct {
	Ending     outcome.Ending
	Reason     outcome.Reason // empty when accepted
	Today      Day            // on which it was decided
	TimeBound  bool           // on another day it could be another decision: a waiver or a grace period had a say
	Judged     []Judged       // every finding, the worst first
	Violations []Violation    // of rules about packages, the SBOM and licences
	Failing    []Finding      // those that refuse, the worst first
	Gone       []Finding      // in the baseline and no longer there
	Baseline   string         // what it is, for people; empty where there is none
	Unused     []Waiver       // that are about nothing in this image
	Coverage   []Coverage     // with Accepted filled in
	Unreadable []Unreadable   // for which it is undecided: decisive, and not accepted by the rules
	Counts     Counts         // of all findings
	limit      Limit
}

// Decide answers. What nobody could look at comes first: with a package database unread, a release or an ecosystem
// uncovered, no package at all, or not one that could be looked up, the gate cannot tell, whatever it found besides. Then
// a finding or a package that one of the policies refuses is a no. Without a policy the strictest rules hold.
func Decide(found Found, today Day, policies ...Policy) Decision {
	if len(policies) == 0 {
		policies = []Policy{{}}
	}
	d := Decision{Today: today, Counts: Count(found.Findings), limit: Never}
	for _, p := range policies {
		d.limit = min(d.limit, p.Rules.FailOn.known())
	}
	ready := index(policies)
	d.judge(found, ready)
	d.look(found, ready)
	d.compare(found, ready)
	lookedUp := d.cover(found, policies)
	d.Unreadable = unread(found.Unreadable, policies)
	switch {
	case len(d.Unreadable) > 0:
		d.Ending, d.Reason = outcome.Undecided, outcome.NotCovered
	case isEmpty(found, policies):
		d.Ending, d.Reason = outcome.Undecided, outcome.EmptyCatalogue
	case d.isUncovered(found.Packages, lookedUp), d.isUnrated():
		d.Ending, d.Reason = outcome.Undecided, outcome.NotCovered
	case len(d.Failing) > 0:
		d.Ending, d.Reason = outcome.Refused, outcome.Vulnerable
	case len(d.refusing()) > 0:
		d.Ending, d.Reason = outcome.Refused, d.refusing()[0].reason()
	default:
		d.Ending = outcome.Accepted
	}
	return d
}

// isEmpty says whether there is nothing to judge, and not every policy takes that.
func isEmpty(found Found, policies []Policy) bool {
	return found.Packages == 0 && slices.ContainsFunc(policies, func(p Policy) bool { return !p.Rules.takeEmpty() })
}

func (r Rules) takeEmpty() bool { return r.AllowEmpty }

// isUncovered says whether there are packages of which the database knows nothing.
func (d Decision) isUncovered(packages, lookedUp int) bool {
	return slices.ContainsFunc(d.Uncovered(), func(c Coverage) bool { return !c.isRating() }) || packages > 0 && lookedUp == 0
}

// isUnrated says whether the rules ask for ratings that the database does not hold.
func (d Decision) isUnrated() bool { return slices.ContainsFunc(d.Uncovered(), Coverage.isRating) }

// judge lets every policy judge every finding; the one that refuses has the last word.
func (d *Decision) judge(found Found, policies []indexed) {
	for _, f := range found.Findings {
		j := strictest(policies, func(p indexed) Judgement { return p.judge(f, found, d.Today) })
		d.TimeBound = d.TimeBound || j.Waiver != nil || j.Rule == "grace" || graceEnded(policies, f)
		d.Judged = append(d.Judged, Judged{f, j})
		if j.Status == Refuses {
			d.Failing = append(d.Failing, f)
		}
	}
	slices.SortFunc(d.Judged, func(a, b Judged) int { return compare(a.Finding, b.Finding) })
	Sort(d.Failing)
}

func graceEnded(policies []indexed, f Finding) bool {
	return f.Fix.Since != "" && slices.ContainsFunc(policies, func(p indexed) bool {
		_, given := p.Rules.of(f).Grace[f.Severity]
		return given
	})
}

func strictest(policies []indexed, judge func(indexed) Judgement) Judgement {
	first := judge(policies[0])
	for _, p := range policies[1:] {
		if first.Status == Refuses {
			break
		}
		if j := judge(p); j.Status == Refuses {
			first = j
		}
	}
	return first
}

// compare says what the baseline has that is gone, and which waivers nobody needs.
func (d *Decision) compare(found Found, policies []indexed) {
	for _, p := range policies {
		if p.Baseline != nil && d.Baseline == "" {
			d.Baseline, d.Gone = p.Baseline.Name, p.Baseline.Gone(found.Findings)
		}
		for _, w := range p.unused(d, found.Image) {
			if !slices.Contains(d.Unused, w) {
				d.Unused = append(d.Unused, w)
			}
		}
	}
	slices.SortFunc(d.Unused, compareWaivers)
}

// Waivers are those that excuse something, each once.
func (d Decision) Waivers() []Waiver {
	return d.waivers(func(j Judgement) bool { return j.Status == Waived })
}

// AdvisoryOf is the id of a finding about several vulnerabilities of which the waiver names one; empty where there is none.
func (d Decision) AdvisoryOf(w Waiver) string {
	for _, j := range d.Judged {
		if j.isAboutSeveral() && slices.ContainsFunc(j.Aliases, func(alias string) bool { return strings.EqualFold(alias, w.ID) }) {
			return j.ID
		}
	}
	return ""
}

// Lapsed are the waivers that have expired and about whose findings nothing else is said.
func (d Decision) Lapsed() []Waiver {
	return d.waivers(func(j Judgement) bool { return j.Status == Refuses })
}

func (d Decision) waivers(of func(Judgement) bool) []Waiver {
	var used []Waiver
	seen := map[Waiver]bool{}
	add := func(j Judgement) {
		if j.Waiver != nil && of(j) && !seen[*j.Waiver] {
			seen[*j.Waiver] = true
			used = append(used, *j.Waiver)
		}
	}
	for _, j := range d.Judged {
		add(j.Judgement)
	}
	for _, v := range d.Violations {
		add(v.Judgement)
	}
	slices.SortFunc(used, compareWaivers)
	return used
}

// Statuses counts the findings by what becomes of them.
func (d Decision) Statuses() map[Status]int {
	n := map[Status]int{}
	for _, j := range d.Judged {
		n[j.Judgement.Status]++
	}
	return n
}

// New counts the findings that the baseline does not have.
func (d Decision) New() int {
	n := 0
	for _, j := range d.Judged {
		if j.Judgement.New {
			n++
		}
	}
	return n
}

// unread is what not every policy accepts of what could not be read.
func unread(files []Unreadable, policies []Policy) []Unreadable {
	if !slices.ContainsFunc(policies, func(p Policy) bool {
		return !slices.ContainsFunc(p.Rules.AllowUncovered, func(n string) bool { return n == Anything || strings.EqualFold(n, UnreadableName) })
	}) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(files), func(u Unreadable) bool { return !u.Decisive })
}

func (d *Decision) cover(found Found, policies []Policy) (lookedUp int) {
	d.Coverage = slices.Clone(found.Coverage)
	for i := range d.Coverage {
		c := &d.Coverage[i]
		c.Accepted = !c.Covered && c.allowedByAll(policies)
		lookedUp += c.Packages
	}
	d.Coverage = append(d.Coverage, unrated(found.Unrated, policies)...)
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
		return d.refused() + d.violated("; besides, ")
	case outcome.DeniedPackage, outcome.DeniedLicense, outcome.SBOMIncomplete:
		return d.violated("")
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
	return fmt.Sprintf("%s, none of them counts against the limit %s%s", d.Counts, d.limit, d.excused())
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
		switch c.Type {
		case Distribution:
			parts = append(parts, "the distribution of the image is not known")
		case EPSS, KnownExploited:
			parts = append(parts, fmt.Sprintf("%s cannot hold, for the database holds nothing of %s", ruleOf(c.Type), c.Type))
		default:
			names = append(names, fmt.Sprintf("%s (%d packages)", c.Name(), c.Packages))
		}
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
	return "; besides, " + d.refused()
}

// refused counts what refuses, and says by which rules where it is not the limit alone.
func (d Decision) refused() string {
	text := fmt.Sprintf("%s, limit is %s", Count(d.Failing), d.limit)
	rules := map[string]int{}
	for _, j := range d.Judged {
		if j.Judgement.Status == Refuses && j.Judgement.Rule != "fail-on" {
			rules[j.Judgement.Rule]++
		}
	}
	for _, rule := range slices.Sorted(maps.Keys(rules)) {
		text += fmt.Sprintf(", %d by %s", rules[rule], rule)
	}
	return text
}

// excused says how many of the findings would count but for somebody's word.
func (d Decision) excused() string {
	n := d.Statuses()
	var parts []string
	for _, of := range []struct {
		status Status
		words  string
	}{{Waived, "waived"}, {NotAffected, "not affected by VEX"}, {Known, "in the baseline too"}} {
		if n[of.status] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[of.status], of.words))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
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
