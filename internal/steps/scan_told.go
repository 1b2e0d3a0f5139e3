package steps

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/report"
)

// tellGate publishes what was decided, and hands on what there is of it; decided is how the parts ended together.
func (c *chain) tellGate(decided error) error {
	var scanned []*part
	for _, p := range c.parts {
		p.flushNotes()
		if p.found != nil {
			scanned = append(scanned, p)
		}
	}
	if len(scanned) == 0 {
		return decided
	}
	if len(c.parts) > 1 {
		c.Summarize(report.Platforms(platformRows(c.parts)))
	}
	for _, p := range scanned {
		c.Summarize(report.Gate(p.view(*p.found)))
		p.annotate(c.Workspace)
	}
	c.setScanOutputs(scanned)
	if err := c.handOn(); err != nil {
		return err
	}
	for _, p := range scanned {
		p.warnAboutGate()
	}
	if decided != nil {
		return decided
	}
	for _, p := range scanned {
		c.Note("scan-gate: accepted %s: %s", p.label(), p.decided.Summary())
	}
	return nil
}

func platformRows(parts []*part) []report.PlatformRow {
	var rows []report.PlatformRow
	for _, p := range parts {
		row := report.PlatformRow{Platform: p.platform.Platform, Digest: p.platform.Digest, Verdict: outcome.Undecided.String()}
		if p.found != nil {
			row.Verdict, row.Summary = p.found.Verdict, p.decided.Summary()
		}
		rows = append(rows, row)
	}
	return rows
}

func (c *chain) setScanOutputs(scanned []*part) {
	counts := map[policy.Severity]int{}
	fixable := 0
	for _, p := range scanned {
		for _, severity := range policy.Severities() {
			counts[severity] += p.found.Counts.Of(severity)
		}
		fixable += p.found.Counts.Fixable
	}
	for severity, n := range counts {
		c.Set(severity.String(), strconv.Itoa(n))
	}
	c.Set("fixable", strconv.Itoa(fixable))
	first := scanned[0].found
	c.Set("database-date", first.Database.Date().Format(time.RFC3339))
	c.Set("policy-digest", first.PolicyDigest)
	excused, added, compared := map[policy.Status]int{}, 0, false
	for _, p := range scanned {
		for status, n := range p.decided.Statuses() {
			excused[status] += n
		}
		added += p.decided.New()
		compared = compared || p.decided.Baseline != ""
	}
	c.Set("waived", strconv.Itoa(excused[policy.Waived]))
	c.Set("not-affected", strconv.Itoa(excused[policy.NotAffected]))
	if compared {
		c.Set("new", strconv.Itoa(added))
	}
}

// maxFindingsShown is how many findings an error lists; scan.json has them all.
const maxFindingsShown = 20

func gateError(name string, d policy.Decision) error {
	err := outcome.New(d.Reason, "%s: %s", name, d.Summary())
	for i, f := range d.Failing {
		if i == maxFindingsShown {
			err.With(fmt.Sprintf("and %d more in scan.json", len(d.Failing)-i))
			break
		}
		err.With(findingLine(f))
		if path := f.Where(); path != "" {
			err.With("            in " + path)
		}
		if len(f.Via) > 0 {
			err.With("            by " + strings.Join(f.Via, " > "))
		}
	}
	for i, v := range d.Refusing() {
		if i == maxFindingsShown {
			err.With(fmt.Sprintf("and %d more in scan.json", len(d.Refusing())-i))
			break
		}
		err.With(fmt.Sprintf("%-10s  %s", v.ID, v.Message))
		if len(v.Locations) > 0 {
			err.With("            in " + v.Locations[0].Path)
		}
	}
	for _, w := range d.Lapsed() {
		err.With(fmt.Sprintf("the waiver for %s of %s expired on %s", w.ID, w.Owner, w.Expires))
	}
	for _, hint := range gateHints(d) {
		err.Hint("%s", hint)
	}
	return err
}

func findingLine(f policy.Finding) string {
	exploited := ""
	if f.KnownExploited {
		exploited = "  known exploited"
	}
	return fmt.Sprintf("%-10s  %s  %.200s %.200s  %s%s", f.Severity, f.ID, f.Package.CommonName(), f.Package.Version, f.Fix, exploited)
}

func gateHints(d policy.Decision) []string {
	if d.Reason != outcome.Vulnerable {
		return nil
	}
	var hints []string
	for _, up := range report.Upgrades(d.Failing, 3) {
		hints = append(hints, fmt.Sprintf("upgrade %.200s from %.200s to %s, which removes %d of the %d findings", up.Name, up.From, up.To, up.Removes, len(d.Failing)))
	}
	if len(hints) == 0 {
		hints = append(hints, "none of these has a fix; --only-fixed lets the image pass until there is one")
	}
	return hints
}

func (p *part) warnAboutGate() {
	c, doc := p.chain, p.found
	for _, coverage := range p.decided.Coverage {
		if coverage.EndOfLife != "" {
			c.Warn("%s is out of support since %s: new vulnerabilities in it may never be published", coverage.Release, coverage.EndOfLife)
		}
	}
	if doc.Packages.Unmatchable > 0 {
		c.Warn("%d of the packages have no name, identifier or comparable version to look up", doc.Packages.Unmatchable)
	}
	if n := doc.Counts.Of(policy.Unknown); n > 0 {
		c.Warn("%d findings have not been rated by anybody; they do not count against the limit", n)
	}
	p.warnAboutWaivers()
	for _, note := range append(doc.Database.Notes, doc.Notes...) {
		c.Warn("%s", note)
	}
}

// soon is how many days before its end a waiver is warned about.
const soon = 14

func (p *part) warnAboutWaivers() {
	d := p.decided
	for _, w := range d.Waivers() {
		switch days := d.Today.Until(w.Expires); {
		case days == 0:
			p.Warn("the waiver for %s in %s of %s expires today", w.ID, w.Package, w.Owner)
		case days <= soon:
			p.Warn("the waiver for %s in %s of %s expires in %d days", w.ID, w.Package, w.Owner, days)
		}
	}
	for _, w := range d.Unused {
		if advisory := d.AdvisoryOf(w); advisory != "" {
			p.Warn("the waiver for %s in %s of %s excuses nothing: %s is about several vulnerabilities and goes by that id alone", w.ID, w.Package, w.Owner, advisory)
			continue
		}
		p.Note("the waiver for %s in %s of %s is about nothing in %s", w.ID, w.Package, w.Owner, p.label())
	}
}
