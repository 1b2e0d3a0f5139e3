package report

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/markdown"
	"github.com/stepseal/stepseal/internal/policy"
)

// gitlabVersion is the version of the report format that is written.
const gitlabVersion = "15.2.4"

// maxGitLab bounds the vulnerabilities: GitLab ingests 20,000 of a report at most.
const maxGitLab = 20_000

// gitlabSpace is the UUID space of vulnerabilities, by which GitLab follows them from build to build.
var gitlabSpace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://github.com/stepseal/stepseal/finding"))

type gitlabReport struct {
	Version         string                `json:"version"`
	Scan            gitlabScan            `json:"scan"`
	Vulnerabilities []gitlabVulnerability `json:"vulnerabilities"`
}

type gitlabScan struct {
	Analyzer gitlabTool      `json:"analyzer"`
	Scanner  gitlabTool      `json:"scanner"`
	Type     string          `json:"type"`
	Start    string          `json:"start_time"`
	End      string          `json:"end_time"`
	Status   string          `json:"status"`
	Messages []gitlabMessage `json:"messages,omitempty"`
}

type gitlabTool struct {
	ID      string            `json:"id"`
	Name    string            `json:"name"`
	URL     string            `json:"url"`
	Vendor  map[string]string `json:"vendor"`
	Version string            `json:"version"`
}

type gitlabMessage struct {
	Level string `json:"level"`
	Value string `json:"value"`
}

type gitlabVulnerability struct {
	ID          string             `json:"id"`
	Name        string             `json:"name"`
	Description string             `json:"description"`
	Severity    string             `json:"severity"`
	Solution    string             `json:"solution"`
	Identifiers []gitlabIdentifier `json:"identifiers"`
	Links       []gitlabLink       `json:"links,omitempty"`
	Flags       []gitlabFlag       `json:"flags,omitempty"`
	Location    gitlabLocation     `json:"location"`
}

type gitlabIdentifier struct {
	Type  string `json:"type"`
	Name  string `json:"name"`
	Value string `json:"value"`
	URL   string `json:"url,omitempty"`
}

type gitlabLink struct {
	URL string `json:"url"`
}

type gitlabFlag struct {
	Type        string `json:"type"`
	Origin      string `json:"origin"`
	Description string `json:"description"`
}

type gitlabLocation struct {
	Dependency struct {
		Package struct {
			Name string `json:"name"`
		} `json:"package"`
		Version string `json:"version"`
	} `json:"dependency"`
	OperatingSystem string `json:"operating_system"`
	Image           string `json:"image"`
}

// GitLab is GitLab's container scanning report. Its times are those of the advisory data, so that the same scan gives the
// same bytes. What a VEX statement excuses is flagged as a false positive; the format has no word for a waiver, so that
// what is waived says so in its description, nor for a broken rule, which is a message. A scan that could not decide has failed.
// https://docs.gitlab.com/user/application_security/container_scanning/#reports-json-format
func GitLab(v View) ([]byte, error) {
	const layout = "2006-01-02T15:04:05"
	at := v.date().Format(layout)
	r := gitlabReport{Version: gitlabVersion, Vulnerabilities: []gitlabVulnerability{}, Scan: gitlabScan{
		Analyzer: gitlabTool{"stepseal", "stepseal", informationURI, map[string]string{"name": "stepseal"}, cmp.Or(plain(v.Stepseal, 100), "unknown")},
		Scanner:  gitlabTool{"grype", "Grype", "https://github.com/anchore/grype", map[string]string{"name": "Anchore"}, cmp.Or(plain(v.Grype, 100), "unknown")},
		Type:     "container_scanning", Start: at, End: at, Status: "failure"}}
	if v.decided() {
		r.Scan.Status = "success"
	}
	r.Scan.Messages = v.gitlabMessages()
	shown, below := v.reported()
	if n := len(shown) - maxGitLab; n > 0 {
		r.Scan.Messages = append(r.Scan.Messages, gitlabMessage{"warn", fmt.Sprintf("%d findings more are left out; scan.json has them", n)})
		shown = shown[:maxGitLab]
	}
	if below > 0 {
		r.Scan.Messages = append(r.Scan.Messages, gitlabMessage{"info", fmt.Sprintf("%d findings below %s are left out", below, v.ReportOn)})
	}
	seen := map[string]int{}
	for _, j := range shown {
		print := j.Finding.Fingerprint()
		seen[print]++
		r.Vulnerabilities = append(r.Vulnerabilities, v.gitlab(j, fmt.Sprintf("%s:%d", print, seen[print])))
	}
	return evidence.Encode(r)
}

// gitlabMessages are what has no place among the vulnerabilities: what could not be looked at, and broken rules.
func (v View) gitlabMessages() []gitlabMessage {
	var list []gitlabMessage
	gaps, broken := v.gaps(), v.Decision.Refusing()
	for _, gap := range gaps[:min(len(gaps), maxRows)] {
		list = append(list, gitlabMessage{"fatal", plain(gap, 1000)})
	}
	if n := len(gaps) - maxRows; n > 0 {
		list = append(list, gitlabMessage{"fatal", fmt.Sprintf("and %d gaps more; scan.json has them", n)})
	}
	for _, x := range broken[:min(len(broken), maxRows)] {
		list = append(list, gitlabMessage{"warn", plain(x.ID+": "+x.Judgement.Why, 1000)})
	}
	if n := len(broken) - maxRows; n > 0 {
		list = append(list, gitlabMessage{"warn", fmt.Sprintf("and %d broken rules more; scan.json has them", n)})
	}
	return list
}

func (v View) gitlab(j policy.Judged, print string) gitlabVulnerability {
	out := gitlabVulnerability{
		ID:          uuid.NewSHA1(gitlabSpace, []byte(v.Repository+"\n"+v.Platform+"\n"+print)).String(),
		Name:        plain(cmp.Or(j.ID, "vulnerability"), 255),
		Description: markdown.Text(plain(strings.TrimSpace(j.Description+" "+verbLine(j)), 5000)),
		Severity:    gitlabSeverity(j.Severity),
		Solution:    markdown.Text(plain(fixHint(j.Finding), 800)), // of 7000
		Location:    gitlabLocation{OperatingSystem: cmp.Or(plain(v.operatingSystem(), 100), "unknown"), Image: cmp.Or(plain(v.Image, 1000), "unknown")},
	}
	out.Location.Dependency.Package.Name = plain(j.Package.CommonName(), 255)
	out.Location.Dependency.Version = plain(j.Package.Version, 255)
	for _, id := range append([]string{j.ID}, j.Aliases[:min(len(j.Aliases), 19)]...) {
		out.Identifiers = append(out.Identifiers, identifier(id))
	}
	for _, url := range webURLs(j.Finding, 10) {
		out.Links = append(out.Links, gitlabLink{url})
	}
	if j.Judgement.Status == policy.NotAffected {
		out.Flags = []gitlabFlag{{"flagged-as-likely-false-positive", "stepseal", cmp.Or(plain(j.Judgement.Why, 1000), "a VEX statement")}}
	}
	return out
}

func verbLine(j policy.Judged) string {
	return fmt.Sprintf("(It %s: %s.)", verb(j.Judgement.Status), j.Judgement.Why)
}

func gitlabSeverity(s policy.Severity) string {
	switch s {
	case policy.Critical:
		return "Critical"
	case policy.High:
		return "High"
	case policy.Medium:
		return "Medium"
	case policy.Low:
		return "Low"
	case policy.Negligible:
		return "Info"
	}
	return "Unknown"
}

// identifier names a vulnerability by the kind of its name: cve, ghsa, and whatever else stands before the first dash.
func identifier(id string) gitlabIdentifier {
	id = cmp.Or(plain(id, 200), "unknown")
	kind, _, _ := strings.Cut(strings.ToLower(id), "-")
	if strings.ContainsFunc(kind, func(r rune) bool { return r < 'a' || r > 'z' }) || kind == "" {
		kind = "other"
	}
	out := gitlabIdentifier{Type: kind, Name: id, Value: id}
	switch url := "https://nvd.nist.gov/vuln/detail/" + id; {
	case kind == "cve" && isWeb(url):
		out.URL = url
	case kind == "ghsa" && isWeb(url):
		out.URL = "https://github.com/advisories/" + id
	}
	return out
}

// operatingSystem is the distribution that the image is of, where one is covered or known at all.
func (v View) operatingSystem() string {
	for _, c := range v.Decision.Coverage {
		if c.Release != "" && c.Release != "unknown" {
			return c.Release
		}
	}
	return ""
}
