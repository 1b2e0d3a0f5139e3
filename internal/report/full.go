package report

import (
	"fmt"
	"strings"

	"github.com/stepseal/stepseal/internal/markdown"
	"github.com/stepseal/stepseal/internal/policy"
)

// maxMarkdown is where the long tables of findings end; hosts cut what is longer without asking.
const maxMarkdown = 800 << 10

// Markdown is the summary in full length.
func Markdown(v View) ([]byte, error) {
	var b strings.Builder
	d := v.Decision
	fmt.Fprintf(&b, "# Gate: %s\n\n%s for %s: %s\n\n", d.Ending, code(v.Image), text(v.Platform), markdown.Text(plain(d.Summary(), 2000)))
	for _, n := range v.Notes {
		b.WriteString(markdown.Note(plain(n, 1000)))
	}
	v.markdownUpgrades(&b)
	var tail strings.Builder // written first, so that the findings take what room it leaves
	v.markdownWaivers(&tail, "##")
	v.markdownExcused(&tail, "##")
	v.markdownBaseline(&tail, "##")
	tail.WriteString("## Coverage\n\n")
	coverage(&tail, d.Coverage)
	v.markdownScan(&tail)
	v.markdownFindings(&b, maxMarkdown-tail.Len())
	b.WriteString(tail.String())
	return []byte(b.String()), nil
}

const maxCell = 500

func text(s string) string { return markdown.Text(plain(s, maxCell)) }
func code(s string) string { return markdown.Code(plain(s, maxCell)) }

func (v View) markdownUpgrades(b *strings.Builder) {
	failing := v.Decision.Failing
	ups := Upgrades(failing, 20)
	if len(ups) == 0 {
		return
	}
	b.WriteString("## What to upgrade first\n\n")
	for _, up := range ups {
		fmt.Fprintf(b, "1. %s from %s to %s removes %d of the %d findings that refuse.\n", code(up.Name), text(up.From), text(up.To), up.Removes, len(failing))
	}
	b.WriteString("\n")
}

func (v View) markdownFindings(b *strings.Builder, room int) {
	for i, x := range v.Decision.Violations {
		if b.Len() > room {
			fmt.Fprintf(b, "- and %d more in scan.json\n", len(v.Decision.Violations)-i)
			break
		}
		fmt.Fprintf(b, "- **%s** %s\n", text(string(x.Judgement.Status)), text(x.Judgement.Why))
	}
	if len(v.Decision.Violations) > 0 {
		b.WriteString("\n")
	}
	shown, below := v.reported()
	b.WriteString("## Findings\n\n")
	if len(shown) == 0 {
		b.WriteString("None.\n\n")
	} else {
		row(b, "severity", "finding", "package", "what to do", "where", "judgement", "why")
		row(b, "---", "---", "---", "---", "---", "---", "---")
	}
	for i, j := range shown {
		if b.Len() > room {
			fmt.Fprintf(b, "\nAnd %d more in scan.json.\n", len(shown)-i)
			break
		}
		row(b, j.Severity.String(), text(j.ID)+marks(j.Finding), text(j.Package.CommonName()+" "+j.Package.Version), text(j.Fix.String()), v.markdownWhere(j.Finding), text(string(j.Judgement.Status)), text(j.Judgement.Why))
	}
	b.WriteString("\n")
	if below > 0 {
		fmt.Fprintf(b, "%d findings below %s that do not refuse are left out; scan.json has them.\n\n", below, v.ReportOn)
	}
}

func marks(f policy.Finding) string {
	var b strings.Builder
	if f.KnownExploited {
		b.WriteString(" **known exploited**")
	}
	if f.EPSS > 0 {
		fmt.Fprintf(&b, " EPSS %.1f%%", f.EPSS*100)
	}
	return b.String()
}

func (v View) markdownWhere(f policy.Finding) string {
	parts := []string{}
	if where := f.Where(); where != "" {
		parts = append(parts, code(where))
	}
	if layer := v.layers(f); layer != "" {
		parts = append(parts, layer+" layers")
	}
	if len(f.Via) > 1 {
		parts = append(parts, "by "+text(strings.Join(f.Via, " > ")))
	}
	return strings.Join(parts, "; ")
}

func row(b *strings.Builder, cells ...string) {
	fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
}

func (v View) markdownWaivers(b *strings.Builder, level string) {
	d := v.Decision
	lists := []struct {
		title string
		of    []policy.Waiver
	}{{"Waivers in use", d.Waivers()}, {"Waivers that have expired", d.Lapsed()}, {"Waivers that are about nothing here", d.Unused}}
	for _, list := range lists {
		if len(list.of) == 0 {
			continue
		}
		fmt.Fprintf(b, "%s %s\n\n", level, list.title)
		var rows [][]string
		for _, w := range list.of[:min(len(list.of), maxRows)] {
			rows = append(rows, []string{text(w.ID), text(w.Package.String()), text(w.Owner), text(w.Reason), text(string(w.Expires)), fmt.Sprint(d.Today.Until(w.Expires))})
		}
		table(b, []string{"waiver", "package", "owner", "reason", "until", "days left"}, rows)
		if n := len(list.of) - maxRows; n > 0 {
			fmt.Fprintf(b, "And %d more.\n\n", n)
		}
	}
}

func (v View) markdownBaseline(b *strings.Builder, level string) {
	d := v.Decision
	if d.Baseline == "" {
		return
	}
	fmt.Fprintf(b, "%s Compared with %s\n\n%d new, %d unchanged, %d gone.\n\n", level, text(d.Baseline), d.New(), len(d.Judged)-d.New(), len(d.Gone))
	for i, f := range d.Gone {
		if i == maxRows {
			fmt.Fprintf(b, "- and %d more\n", len(d.Gone)-i)
			break
		}
		fmt.Fprintf(b, "- gone: %s %s in %s\n", f.Severity, text(f.ID), text(f.Package.CommonName()))
	}
	b.WriteString("\n")
}

// markdownScan says what the answer rests on.
func (v View) markdownScan(b *strings.Builder) {
	if v.Unmatchable > 0 {
		fmt.Fprintf(b, "%d packages have no name, identifier or comparable version to look up.\n\n", v.Unmatchable)
	}
	for _, u := range v.Unreadable[:min(len(v.Unreadable), maxRows)] {
		fmt.Fprintf(b, "- not readable: %s: %s\n", code(u.Path), text(u.Error))
	}
	fmt.Fprintf(b, "\n## Database\n\nAdvisory data of %s, database built %s, %s\n\n", day(v.Database.Data), day(v.Database.Built), code(v.Database.SHA256))
	for _, p := range v.Database.Providers[:min(len(v.Database.Providers), maxRows)] {
		fmt.Fprintf(b, "- %s: %s\n", text(p.Name), day(p.Captured))
	}
	for _, s := range v.Quality {
		fmt.Fprintf(b, "\n## SBOM: %s, %d%%\n\n", text(s.Name), s.Percent())
		for _, e := range s.Elements {
			fmt.Fprintf(b, "- %s: %d of %d\n", text(e.Name), e.Has, e.All)
		}
	}
	if len(v.Settings) > 0 {
		b.WriteString("\n## Settings\n\n")
		var rows [][]string
		for _, s := range v.Settings {
			rows = append(rows, []string{text(s.Name), code(s.Value), text(s.From)})
		}
		table(b, []string{"setting", "value", "from"}, rows)
	}
	fmt.Fprintf(b, "\nstepseal %s, Grype %s\n", text(v.Stepseal), text(v.Grype))
}
