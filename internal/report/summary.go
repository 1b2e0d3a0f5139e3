// Package report turns what a step found out into what people read.
package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/stepseal/stepseal/internal/markdown"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/policy"
)

// maxRows is how many findings a summary lists; scan.json has them all.
const maxRows = 100

// Tally is how many packages of a type there are, and how much is known of what they depend on.
type Tally struct {
	Type     string
	Packages int
	Edges    string
}

// SBOM says what was found in an image.
func SBOM(image, platform string, tallies []Tally) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### SBOM\n\n%s for %s\n\n", markdown.Code(image), markdown.Text(platform))
	total := 0
	var rows [][]string
	for _, t := range tallies {
		total += t.Packages
		rows = append(rows, []string{markdown.Text(t.Type), fmt.Sprint(t.Packages), markdown.Text(t.Edges)})
	}
	if total == 0 {
		b.WriteString("No package was found.\n\n")
		return b.String()
	}
	table(&b, []string{"packages", "how many", "dependencies"}, append(rows, []string{"**together**", fmt.Sprint(total), ""}))
	return b.String()
}

// PlatformRow is how one platform of an index fared.
type PlatformRow struct{ Platform, Digest, Verdict, Summary string }

// Platforms says of the platforms of an index, side by side, how they fared.
func Platforms(rows []PlatformRow) string {
	var b strings.Builder
	b.WriteString("### Platforms\n\n")
	var cells [][]string
	for _, r := range rows {
		cells = append(cells, []string{markdown.Text(r.Platform), markdown.Text(r.Verdict), markdown.Text(r.Summary), markdown.Code(r.Digest)})
	}
	table(&b, []string{"platform", "verdict", "why", "digest"}, cells)
	return b.String()
}

// Gate says what the gate decided and why.
func Gate(v View) string {
	var b strings.Builder
	d := v.Decision
	fmt.Fprintf(&b, "### Gate: %s\n\n%s for %s: %s\n\n", d.Ending, code(v.Image), text(v.Platform), markdown.Text(plain(d.Summary(), 2000)))
	findings(&b, d.Failing)
	violations(&b, d.Refusing())
	for _, up := range Upgrades(d.Failing, 5) {
		fmt.Fprintf(&b, "- Upgrade %s from %s to %s: removes %d of %d.\n", code(up.Name), text(up.From), text(up.To), up.Removes, len(d.Failing))
	}
	if len(d.Failing) > 0 {
		b.WriteString("\n")
	}
	v.markdownWaivers(&b, "####")
	v.markdownExcused(&b, "####")
	v.markdownBaseline(&b, "####")
	coverage(&b, d.Coverage)
	if v.Unmatchable > 0 {
		fmt.Fprintf(&b, "%d packages have no name, identifier or comparable version to look up.\n\n", v.Unmatchable)
	}
	fmt.Fprintf(&b, "Advisory data of %s, database built %s, %s\n\n", day(v.Database.Data), day(v.Database.Built), code(v.Database.SHA256))
	v.markdownSettings(&b)
	return b.String()
}

// markdownSettings says in one line which rules decided, and where each came from.
func (v View) markdownSettings(b *strings.Builder) {
	if len(v.Settings) == 0 {
		return
	}
	var parts []string
	for _, s := range v.Settings {
		parts = append(parts, fmt.Sprintf("%s %s (%s)", text(s.Name), code(s.Value), text(s.From)))
	}
	fmt.Fprintf(b, "Rules: %s\n\n", strings.Join(parts, ", "))
}

// markdownExcused says whose VEX statements excuse findings.
func (v View) markdownExcused(b *strings.Builder, level string) {
	var rows [][]string
	more := 0
	for _, j := range v.Decision.Judged {
		source := j.Judgement.VEX
		switch {
		case source == nil:
		case len(rows) == maxRows:
			more++
		default:
			rows = append(rows, []string{text(j.ID), text(j.Package.CommonName() + " " + j.Package.Version), text(source.Status), text(source.Justification), text(source.Author), text(source.Document), text(source.Signer)})
		}
	}
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(b, "%s Excused by VEX statements\n\n", level)
	table(b, []string{"finding", "package", "status", "justification", "author", "document", "signed by"}, rows)
	if more > 0 {
		fmt.Fprintf(b, "And %d more in scan.json.\n\n", more)
	}
}

func violations(b *strings.Builder, refusing []policy.Violation) {
	for i, v := range refusing {
		if i == maxRows {
			fmt.Fprintf(b, "- and %d more in scan.json\n", len(refusing)-i)
			break
		}
		fmt.Fprintf(b, "- **%s** %s\n", text(v.ID), text(v.Judgement.Why))
	}
	if len(refusing) > 0 {
		b.WriteString("\n")
	}
}

func findings(b *strings.Builder, failing []policy.Finding) {
	if len(failing) == 0 {
		return
	}
	var rows [][]string
	for i, f := range failing {
		if i == maxRows {
			break
		}
		id := f.ID
		if f.KnownExploited {
			id += " (known exploited)"
		}
		rows = append(rows, []string{f.Severity.String(), markdown.Text(id), markdown.Text(f.Package.CommonName() + " " + f.Package.Version), markdown.Text(f.Fix.String()), where(f)})
	}
	table(b, []string{"severity", "finding", "package", "what to do", "where"}, rows)
	if len(failing) > maxRows {
		fmt.Fprintf(b, "And %d more in scan.json.\n\n", len(failing)-maxRows)
	}
}

// where is the place of the package, and by which way it came in.
func where(f policy.Finding) string {
	cell := markdown.Code(f.Where()) // which shows what a control character was
	if len(f.Via) > 0 {
		cell += " by " + text(strings.Join(f.Via, " > "))
	}
	return cell
}

func coverage(b *strings.Builder, all []policy.Coverage) {
	var rows [][]string
	first, more := listed(all)
	for _, c := range first {
		state := "covered"
		switch {
		case c.Accepted:
			state = "**not covered**, accepted by name"
		case !c.Covered:
			state = "**not covered**"
		}
		if c.EndOfLife != "" {
			state += ", out of support since " + markdown.Text(c.EndOfLife)
		}
		rows = append(rows, []string{markdown.Text(c.Name()), fmt.Sprint(c.Packages), state})
	}
	if len(rows) > 0 {
		table(b, []string{"looked up", "packages", "advisory data"}, rows)
	}
	if more > 0 {
		fmt.Fprintf(b, "And %d more in scan.json.\n\n", more)
	}
}

func day(t time.Time) string {
	if t.IsZero() {
		return "an unknown date"
	}
	return t.UTC().Format(time.DateOnly)
}

// Signed says what was written; what was there already is not written again.
func Signed(image, signer, format string, added, all int) string {
	return fmt.Sprintf("### Signed\n\n%s by %s (format: %s). Statements: %d, of which %d were written now.\n\n",
		markdown.Code(image), markdown.Code(signer), markdown.Text(format), all, added)
}

// Requirement is one line of a verification.
type Requirement struct{ Name, Result, Reason, Notes string }

// Verified says what was checked.
func Verified(image string, ending outcome.Ending, signer string, requirements []Requirement) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### Verification: %s\n\n%s", ending, markdown.Code(image))
	if signer != "" {
		fmt.Fprintf(&b, " signed by %s", markdown.Code(signer))
	}
	b.WriteString("\n\n")
	var rows [][]string
	for _, r := range requirements {
		rows = append(rows, []string{markdown.Text(r.Name), markdown.Text(r.Result), markdown.Text(r.Reason), markdown.Text(r.Notes)})
	}
	table(&b, []string{"requirement", "result", "reason", "notes"}, rows)
	return b.String()
}
