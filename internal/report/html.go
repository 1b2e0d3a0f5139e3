package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"slices"

	"github.com/stepseal/stepseal/internal/policy"
)

// maxEmbedded is how many findings the page carries, the first by rank: the browser filters and sorts them, and with more
// the file would be slow to open and to send. scan.json has all of them.
const maxEmbedded = 5000

//go:embed page/page.html
var pageTemplate string

//go:embed page/page.css
var pageStyle string

//go:embed page/page.js
var pageScript string

// HTML is one page for people that needs nothing besides itself: no server, no network, no font. Its content security
// policy names the style and the script by their hashes and forbids everything else, so that a name that got through
// the escaping could still run nothing.
func HTML(v View) ([]byte, error) {
	tmpl, err := template.New("page").Parse(pageTemplate)
	if err != nil {
		return nil, err
	}
	p, err := v.page()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = tmpl.Execute(&b, p)
	return b.Bytes(), err
}

// page is what the template shows. Every text in it is plain, and html/template escapes it.
type page struct {
	Policy                                             string
	Style, Script                                      template.HTML
	Data                                               template.JS
	Title, Verdict, Summary                            string
	Image, Digest, Platform                            string
	Stepseal, Grype, Decided                           string
	Severities                                         []pageSeverity
	Statuses                                           []pageCount
	Refusing, Fixable, Packages                        int
	Upgrades                                           []pageUpgrade
	Unfixable                                          int
	Violations                                         []pageRow
	Shown, Total, Embedded, Below                      int
	Threshold                                          string
	Static                                             []pageFinding
	Coverage, Unreadable                               []pageRow
	Unmatchable                                        int
	Waivers                                            []pageWaiver
	VEX                                                []pageRow
	Baseline                                           string
	New, Unchanged, GoneCount                          int
	Gone                                               []pageRow
	DatabaseSHA, DatabaseBuilt, DatabaseData           string
	Providers, Settings                                []pageRow
	Quality                                            []pageStandard
	Notes                                              []string
	MoreWaivers, MoreVEX, MoreUnreadable, MoreViolated int
	MoreCoverage                                       int
}

type pageCount struct {
	Name string
	N    int
}

// pageSeverity is one bar: how many refuse, how many are tolerated, how many are excused, in hundredths of the longest.
type pageSeverity struct {
	Name                           string
	Refuses, Tolerated, Excused, N int
	At1, At2, W1, W2, W3           float64
}

type pageUpgrade struct {
	Name, Type, From, To, IDs string
	Removes, Together         int
	At, Width                 float64 // of all that refuse, in hundredths
}

type pageRow struct{ A, B, C, D, Class string }

type pageWaiver struct {
	ID, Package, Owner, Reason, Expires, State, Class string
	Days                                              int
}

type pageStandard struct {
	Name     string
	Percent  int
	Elements []pageRow
}

// pageFinding is one finding as the script reads it; the names are short because there are thousands.
type pageFinding struct {
	ID       string   `json:"i"`
	Aliases  []string `json:"a,omitempty"`
	Severity string   `json:"s"`
	Name     string   `json:"n"`
	Version  string   `json:"v"`
	Type     string   `json:"t"`
	Fix      string   `json:"f"`
	Fixable  bool     `json:"x,omitempty"`
	Exploit  bool     `json:"k,omitempty"`
	EPSS     float64  `json:"e,omitempty"`
	Where    string   `json:"w,omitempty"`
	Layers   string   `json:"l,omitempty"`
	Source   string   `json:"o,omitempty"`
	Via      []string `json:"p,omitempty"`
	Status   string   `json:"z"`
	Why      string   `json:"y"`
	New      bool     `json:"q,omitempty"`
	URLs     []string `json:"u,omitempty"`
	Text     string   `json:"d,omitempty"`
}

func (v View) page() (page, error) {
	d := v.Decision
	shown, below := v.reported()
	p := page{
		Verdict: d.Ending.String(), Summary: plain(d.Summary(), 2000), Image: plain(v.Image, 500), Digest: plain(v.Digest, 200), Platform: plain(v.Platform, 100),
		Stepseal: plain(v.Stepseal, 100), Grype: plain(v.Grype, 100), Decided: string(d.Today), Packages: v.Packages, Refusing: len(d.Failing), Fixable: d.Counts.Fixable,
		Shown: len(shown), Total: len(d.Judged), Embedded: min(len(shown), maxEmbedded), Below: below, Threshold: v.ReportOn.String(), Unmatchable: v.Unmatchable,
		DatabaseSHA: plain(v.Database.SHA256, 200), DatabaseBuilt: day(v.Database.Built), DatabaseData: day(v.Database.Data),
	}
	p.Title = "Gate " + p.Verdict + ": " + plain(v.Image, 200)
	for _, n := range v.Notes[:min(len(v.Notes), maxRows)] {
		p.Notes = append(p.Notes, plain(n, 1000))
	}
	p.picture(d)
	p.upgrades(d.Failing)
	p.violations(d)
	p.looked(v)
	p.excused(d)
	p.compared(d)
	p.rested(v)
	findings := make([]pageFinding, p.Embedded)
	for i := range findings {
		findings[i] = v.pageFinding(shown[i])
	}
	p.Static = findings[:min(len(findings), maxRows)]
	return p, p.assemble(findings)
}

// assemble puts in what must not be escaped: the style and the script of this package, and the data as JSON in which <, >
// and & are written as numbers, so that nothing in it can end the element.
func (p *page) assemble(findings []pageFinding) error {
	data, err := json.Marshal(map[string]any{"findings": findings})
	if err != nil {
		return err
	}
	p.Data = template.JS(data)
	p.Style = template.HTML("<style>" + pageStyle + "</style>")
	p.Script = template.HTML("<script>" + pageScript + "</script>")
	p.Policy = fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; img-src data:; base-uri 'none'; form-action 'none'", hash(pageStyle), hash(pageScript))
	return nil
}

// https://www.w3.org/TR/CSP3/#grammardef-hash-source
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func (v View) pageFinding(j policy.Judged) pageFinding {
	f := pageFinding{ID: plain(j.ID, 200), Severity: j.Severity.String(), Name: plain(j.Package.CommonName(), 200), Version: plain(j.Package.Version, 200), Type: plain(j.Package.Type, 50),
		Fix: plain(j.Fix.String(), 200), Fixable: j.Fix.Available(), Exploit: j.KnownExploited, EPSS: j.EPSS, Where: plain(j.Where(), 300), Layers: v.layers(j.Finding),
		Status: string(j.Judgement.Status), Why: plain(j.Judgement.Why, 600), New: j.Judgement.New, URLs: webURLs(j.Finding, 3), Text: plain(j.Description, 400)}
	if !(f.EPSS >= 0 && f.EPSS <= 1) { // JSON has no word for what is no number
		f.EPSS = 0
	}
	for _, alias := range j.Aliases[:min(len(j.Aliases), 5)] {
		f.Aliases = append(f.Aliases, plain(alias, 100))
	}
	for _, step := range j.Via[:min(len(j.Via), 20)] {
		f.Via = append(f.Via, plain(step, 150))
	}
	if file, line := v.source(j.Finding); file != "" {
		f.Source = plain(file, 300)
		if line > 0 {
			f.Source += fmt.Sprintf(":%d", line)
		}
	}
	return f
}

func (p *page) picture(d policy.Decision) {
	by := map[policy.Severity]*pageSeverity{}
	longest := 1
	for _, s := range policy.Severities() {
		by[s] = &pageSeverity{Name: s.String()}
	}
	for _, j := range d.Judged {
		bar := by[j.Severity]
		if bar == nil {
			bar = by[policy.Unknown]
		}
		switch status := j.Judgement.Status; {
		case status == policy.Refuses:
			bar.Refuses++
		case excused(status):
			bar.Excused++
		default:
			bar.Tolerated++
		}
		bar.N++
		longest = max(longest, bar.N)
	}
	for _, s := range policy.Severities() {
		bar := by[s]
		part := func(n int) float64 { return float64(n) * 100 / float64(longest) }
		bar.W1, bar.W2, bar.W3 = part(bar.Refuses), part(bar.Tolerated), part(bar.Excused)
		bar.At1, bar.At2 = bar.W1, bar.W1+bar.W2
		p.Severities = append(p.Severities, *bar)
	}
	statuses := d.Statuses()
	for _, s := range []policy.Status{policy.Refuses, policy.Tolerated, policy.Waived, policy.NotAffected, policy.Known} {
		if statuses[s] > 0 {
			p.Statuses = append(p.Statuses, pageCount{string(s), statuses[s]})
		}
	}
}

func (p *page) upgrades(failing []policy.Finding) {
	together := 0
	for _, f := range failing {
		if !f.Fix.Available() {
			p.Unfixable++
		}
	}
	for _, up := range Upgrades(failing, 10) {
		u := pageUpgrade{Name: plain(up.Name, 200), Type: plain(up.Type, 50), From: plain(up.From, 200), To: plain(up.To, 200), Removes: up.Removes,
			At: float64(together) * 100 / float64(len(failing)), Width: float64(up.Removes) * 100 / float64(len(failing))}
		for i, id := range up.IDs[:min(len(up.IDs), 4)] {
			if i > 0 {
				u.IDs += ", "
			}
			u.IDs += plain(id, 100)
		}
		if n := len(up.IDs) - 4; n > 0 {
			u.IDs += fmt.Sprintf(" and %d more", n)
		}
		together += up.Removes
		u.Together = together
		p.Upgrades = append(p.Upgrades, u)
	}
}

func (p *page) violations(d policy.Decision) {
	all := slices.Clone(d.Violations)
	slices.SortStableFunc(all, func(a, b policy.Violation) int { return refusesLast(b) - refusesLast(a) })
	for _, x := range all[:min(len(all), maxRows)] {
		p.Violations = append(p.Violations, pageRow{A: plain(x.ID, 100), B: plain(x.Message, 600), C: string(x.Judgement.Status), D: plain(x.Judgement.Why, 600), Class: string(x.Judgement.Status)})
	}
	p.MoreViolated = len(all) - len(p.Violations)
}

func refusesLast(v policy.Violation) int {
	if v.Judgement.Status == policy.Refuses {
		return 1
	}
	return 0
}
