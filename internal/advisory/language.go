package advisory

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// ecosystems maps OSV's names to what grype's transformer calls them. "maven" rather than vunnel's "java", because the
// former is also the name of a version format.
var ecosystems = map[string]string{
	"npm": "npm", "Maven": "maven", "PyPI": "python", "Go": "go", "crates.io": "rust", "RubyGems": "gem",
	"NuGet": "nuget", "Packagist": "composer", "Hex": "hex", "Pub": "dart", "SwiftURL": "swift",
	"GitHub Actions": "github-action",
}

// githubItem is a record in the shape of vunnel's github provider, which serves every language ecosystem.
type githubItem struct {
	Advisory githubAdvisory `json:"Advisory"`
}

type githubAdvisory struct {
	ID             string          `json:"ghsaId"`
	CVE            []string        `json:"CVE"` // in truth, every other name
	FixedIn        []githubFixedIn `json:"FixedIn"`
	Severity       string          `json:"Severity,omitempty"`
	CVSSSeverities []vector        `json:"cvss_severities,omitempty"`
	Summary        string          `json:"Summary"`
	URL            string          `json:"url"`
	Published      string          `json:"published,omitempty"`
	Updated        string          `json:"updated,omitempty"`
	References     []reference     `json:"references,omitempty"`
}

type githubFixedIn struct {
	Ecosystem  string `json:"ecosystem"`
	Name       string `json:"name"`
	Namespace  string `json:"namespace"`
	Range      string `json:"range"`
	Identifier string `json:"identifier"`
}

func (c *converter) addLanguage(r record, packages []affected) {
	id := publishedID(r)
	var fixedIn []githubFixedIn
	claimed := map[string]bool{} // a record may name one package several times
	for _, a := range packages {
		if kind := a.DatabaseSpecific.word("informational"); kind == "unmaintained" || kind == "notice" {
			c.skip("says that a package is " + map[string]string{"unmaintained": "unmaintained", "notice": "worth a notice"}[kind])
			continue
		}
		windows, ok := a.windows()
		if !ok {
			c.skip("names no versions, only commits")
			continue
		}
		key := a.Package.Ecosystem + "\x00" + a.Package.Name
		if !claimed[key] && !c.claim(r, id, a.Package.Ecosystem, a.Package.Name) {
			continue
		}
		claimed[key] = true
		fixedIn = append(fixedIn, a.fixedIn(windows)...)
	}
	if len(fixedIn) == 0 {
		return
	}
	item := githubItem{githubAdvisory{
		ID: id, CVE: otherNames(r, id), FixedIn: fixedIn,
		Severity: cmp.Or(r.severity(), r.malicious()), CVSSSeverities: r.vectors(),
		Summary: cmp.Or(r.Summary, r.Details), URL: r.url(), References: r.References[:min(len(r.References), 32)],
		Published: stamp(r.Published), Updated: stamp(r.Modified),
	}}
	c.emit(providerOf(r.ID), GitHub, r.date(), item)
}

func (a affected) fixedIn(windows []window) []githubFixedIn {
	var out []githubFixedIn
	for _, w := range windows {
		out = append(out, githubFixedIn{
			Ecosystem: a.Package.Ecosystem, Name: a.Package.Name, Namespace: "osv:" + a.Package.Ecosystem,
			Range: w.constraint(), Identifier: cmp.Or(w.before, "None"),
		})
	}
	return out
}

// malicious rates what nobody rates: a package that was made to do harm is as bad as it gets, and GitHub says so too.
func (r record) malicious() string {
	if strings.HasPrefix(r.ID, "MAL-") && len(r.vectors()) == 0 {
		return "Critical"
	}
	return ""
}

// publishedID is what a finding is called: GitHub's name where there is one, so that two databases agree.
func publishedID(r record) string {
	if strings.HasPrefix(r.ID, "GHSA-") {
		return r.ID
	}
	for _, alias := range r.Aliases {
		if strings.HasPrefix(alias, "GHSA-") {
			return alias
		}
	}
	return r.ID
}

// otherNames are the CVE ids first, since the catalogue of exploited ones goes by them.
func otherNames(r record, id string) []string {
	var cves, rest []string
	for _, name := range append(r.names(), r.Upstream...) {
		switch {
		case name == id || slices.Contains(cves, name) || slices.Contains(rest, name):
		case strings.HasPrefix(name, "CVE-"):
			cves = append(cves, name)
		default:
			rest = append(rest, name)
		}
	}
	return append(cves, rest...)
}

func (r record) url() string {
	switch providerOf(r.ID) {
	case "github":
		return "https://github.com/advisories/" + r.ID
	case "rustsec":
		return "https://rustsec.org/advisories/" + r.ID
	case "osv", "pypa":
		return "https://osv.dev/vulnerability/" + r.ID
	}
	if len(r.References) > 0 {
		return r.References[0].URL
	}
	return ""
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
