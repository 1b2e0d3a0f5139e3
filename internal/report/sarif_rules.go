package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/stepseal/stepseal/internal/markdown"
	"github.com/stepseal/stepseal/internal/policy"
)

type sarifRule struct {
	ID         string            `json:"id"`
	Name       string            `json:"name,omitempty"`
	Short      *sarifText        `json:"shortDescription,omitempty"`
	Full       *sarifText        `json:"fullDescription,omitempty"`
	HelpURI    string            `json:"helpUri,omitempty"`
	Help       *sarifText        `json:"help,omitempty"`
	Default    map[string]string `json:"defaultConfiguration,omitempty"`
	Properties map[string]any    `json:"properties,omitempty"`
}

// sarifRules are the rules of the results, each once, in the order of their worst result.
type sarifRules struct {
	list  []sarifRule
	index map[string]int
}

func (r *sarifRules) add(f sarifFinding) int {
	id := f.ruleID()
	if i, ok := r.index[id]; ok {
		return i
	}
	r.index[id] = len(r.list)
	r.list = append(r.list, f.rule())
	return r.index[id]
}

// ruleID is of the vulnerability in one package of one kind, so that what GitHub shows beside an alert can say what to do
// about it. Of names that are too long the rest goes into a checksum: they may differ at the end.
func (f sarifFinding) ruleID() string {
	if f.violation != nil {
		return plain(f.violation.ID, maxSARIFName)
	}
	p := f.finding.Package
	whole := strings.Join([]string{f.finding.ID, p.Name, p.Type}, "-")
	id := plain(whole, maxSARIFName)
	if id != whole {
		sum := sha256.Sum256([]byte(whole))
		id += "-" + hex.EncodeToString(sum[:8])
	}
	return id
}

func (f sarifFinding) rule() sarifRule {
	if f.violation != nil {
		return violationRule(f)
	}
	v, p := f.finding, f.finding.Package
	rule := sarifRule{
		ID: f.ruleID(), Name: "VulnerablePackage",
		Short:   &sarifText{Text: messageText("%s: %s vulnerability in %s", plain(v.ID, maxSARIFName), v.Severity.String(), plain(p.Name, maxSARIFName)) + "."},
		Full:    &sarifText{Text: cmp.Or(strings.TrimSpace(messageText("%s", v.Description)), messageText("%s affects %s", plain(v.ID, maxSARIFName), plain(p.Name, maxSARIFName))+".")},
		Help:    f.help(),
		Default: map[string]string{"level": level(v)},
		Properties: map[string]any{"security-severity": securitySeverity(v), "precision": "high", "tags": tags(v),
			"severity": v.Severity.String(), "fix": plain(v.Fix.String(), maxSARIFName), "epss": v.EPSS, "knownExploited": v.KnownExploited},
	}
	rule.HelpURI = informationURI
	if urls := webURLs(v, 1); len(urls) > 0 {
		rule.HelpURI = urls[0]
	}
	return rule
}

func violationRule(f sarifFinding) sarifRule {
	text := map[string]string{
		policy.DeniedPackage:   "The image holds a package that its owners deny.",
		policy.DeniedLicense:   "The image holds a package that can be used only under a denied license.",
		policy.MissingLicense:  "The image holds a package that cannot be used under one of the required licenses.",
		policy.MinimumElements: "The SBOM of the image lacks minimum elements.",
	}[f.violation.ID]
	text = cmp.Or(text, "The image breaks a rule of its owners.")
	return sarifRule{ID: f.ruleID(), Name: "BrokenRule", Short: &sarifText{Text: text}, Full: &sarifText{Text: text}, HelpURI: informationURI,
		Help: &sarifText{Text: text + " Change the image, or the rules under gate in .stepseal.yaml.", Markdown: text + " Change the image, or the rules under `gate` in `.stepseal.yaml`."}, Default: map[string]string{"level": "error"},
		Properties: map[string]any{"security-severity": "7.0", "precision": "very-high", "tags": []string{"security", "supply-chain"}}}
}

func (f sarifFinding) help() *sarifText {
	v, p := f.finding, f.finding.Package
	var text, md strings.Builder
	say := func(label, value string) {
		if value = plain(value, maxSARIFText); value != "" {
			fmt.Fprintf(&text, "%s: %s\n", label, harmless.Replace(value))
			fmt.Fprintf(&md, "| %s | %s |\n", label, markdown.Text(value))
		}
	}
	hint := fixHint(v)
	fmt.Fprintf(&text, "%s\n\n", messageText("%s", hint))
	fmt.Fprintf(&md, "**%s**\n\n| | |\n| --- | --- |\n", markdown.Text(plain(hint, maxSARIFMessage)))
	say("Vulnerability", strings.Join(append([]string{v.ID}, v.Aliases[:min(len(v.Aliases), 10)]...), ", "))
	say("Package", p.Name+" "+p.Version+" ("+p.Type+")")
	say("Severity", v.Severity.String())
	if v.KnownExploited {
		say("Known to be exploited", "yes")
	}
	if v.EPSS > 0 {
		say("Exploited within 30 days", fmt.Sprintf("with a probability of %.1f%%", v.EPSS*100))
	}
	say("Depends on it by", strings.Join(v.Via[:min(len(v.Via), 20)], " → "))
	for _, url := range webURLs(v, 5) {
		fmt.Fprintf(&text, "%s\n", url)
		fmt.Fprintf(&md, "| More | <%s> |\n", url)
	}
	if v.Description != "" {
		fmt.Fprintf(&md, "\n%s\n", markdown.Text(plain(v.Description, maxSARIFText)))
	}
	return &sarifText{Text: text.String(), Markdown: md.String()}
}

// fixHint says what to do.
func fixHint(f policy.Finding) string {
	switch {
	case f.Fix.Available():
		return fmt.Sprintf("Upgrade %s from %s to %s.", f.Package.CommonName(), f.Package.Version, strings.Join(f.Fix.Versions, " or "))
	case f.Fix.State == policy.WontFix:
		return fmt.Sprintf("The publisher of %s will not fix it: replace the package, or accept it for a time with a waiver.", f.Package.CommonName())
	}
	return fmt.Sprintf("There is no fix of %s yet: accept it for a time with a waiver, or remove the package.", f.Package.CommonName())
}

func tags(f policy.Finding) []string {
	list := []string{"security", "vulnerability"}
	for _, tag := range []string{f.Package.Type, f.Severity.String()} {
		if tag = plain(tag, 50); tag != "" {
			list = append(list, tag)
		}
	}
	if f.KnownExploited {
		list = append(list, "known-exploited")
	}
	if f.Fix.Available() {
		list = append(list, "fixable")
	}
	return list[:min(len(list), maxSARIFTags)]
}

// securitySeverity is a number in the band that GitHub shows as the finding's severity: the highest CVSS score where it
// lies in that band, else the band's nearest end. An unrated finding gets its score, else the least number.
func securitySeverity(f policy.Finding) string {
	score := 0.0
	for _, c := range f.CVSS {
		if c.Score >= 0 && c.Score <= 10 { // which is never true of what is no number
			score = max(score, c.Score)
		}
	}
	bands := map[policy.Severity][2]float64{policy.Critical: {9.1, 10}, policy.High: {7, 8.9}, policy.Medium: {4, 6.9}, policy.Low: {0.1, 3.9}, policy.Negligible: {0.1, 3.9}, policy.Unknown: {0.1, 10}}
	band := bands[f.Weight()]
	return fmt.Sprintf("%.1f", min(max(score, band[0]), band[1]))
}
