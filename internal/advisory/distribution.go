package advisory

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// osKey names one record of a distribution: one vulnerability in one release.
type osKey struct{ distribution, release, id string }

// osItem is a record in the shape of vunnel's distribution providers.
type osItem struct {
	Vulnerability osVulnerability `json:"Vulnerability"`
	date          time.Time
}

type osVulnerability struct {
	Name          string      `json:"Name"`
	NamespaceName string      `json:"NamespaceName"`
	Description   string      `json:"Description"`
	Severity      string      `json:"Severity"`
	Link          string      `json:"Link"`
	CVSS          []osCVSS    `json:"CVSS"`
	FixedIn       []osFixedIn `json:"FixedIn"`
	Metadata      struct {
		Issued  string `json:"Issued,omitempty"`
		Updated string `json:"Updated,omitempty"`
	} `json:"Metadata"`
}

type osCVSS struct {
	Vector  string `json:"vector_string"`
	Version string `json:"version"`
}

type osFixedIn struct {
	Name            string     `json:"Name"` // of the source package
	NamespaceName   string     `json:"NamespaceName"`
	Version         string     `json:"Version"`
	VersionFormat   string     `json:"VersionFormat"`
	VulnerableRange string     `json:"VulnerableRange,omitempty"`
	VendorAdvisory  osAdvisory `json:"VendorAdvisory"`
}

type osAdvisory struct {
	NoAdvisory      bool         `json:"NoAdvisory"`
	AdvisorySummary []osAdvisoID `json:"AdvisorySummary"`
}

type osAdvisoID struct {
	ID   string `json:"ID"`
	Link string `json:"Link"`
}

var (
	cveID     = regexp.MustCompile(`CVE-\d{4}-\d{4,}$`)
	releaseOf = map[string]*regexp.Regexp{
		"debian": regexp.MustCompile(`^\d{1,3}$`),
		"alpine": regexp.MustCompile(`^\d{1,3}\.\d{1,3}$`),
	}
	formatOf = map[string]string{"debian": "dpkg", "alpine": "apk"}
)

func (c *converter) addOS(r record, a affected, distribution, release string) {
	if !releaseOf[distribution].MatchString(release) {
		c.skip(fmt.Sprintf("%s release %.20q is not a version", distribution, release))
		return
	}
	windows, ok := a.windows()
	if !ok {
		c.skip("names no versions, only commits")
		return
	}
	for _, id := range osNames(r) {
		item := c.osItem(osKey{distribution, release, id}, r, a)
		for _, w := range windows {
			if distribution == "alpine" && w.before == "0" {
				c.skip("says that a package is not affected")
				continue
			}
			fixed := osFixed(w, a, r, distribution, item.Vulnerability.NamespaceName)
			if !slices.ContainsFunc(item.Vulnerability.FixedIn, fixed.same) {
				item.Vulnerability.FixedIn = append(item.Vulnerability.FixedIn, fixed)
			}
		}
	}
}

// osNames are the vulnerabilities that a distribution's record is about: its CVEs, else those that it calls
// related (where older exports have them), else its own id.
func osNames(r record) []string {
	var names []string
	for _, list := range [][]string{slices.Concat([]string{r.ID}, r.Upstream, r.Aliases), r.Related} {
		for _, name := range list {
			if cve := cveID.FindString(name); cve != "" && !slices.Contains(names, cve) {
				names = append(names, cve)
			}
		}
		if len(names) > 0 {
			return names
		}
	}
	return []string{r.ID}
}

func (c *converter) osItem(key osKey, r record, a affected) *osItem {
	item := c.os[key]
	if item == nil {
		item = &osItem{}
		item.Vulnerability = osVulnerability{
			Name: key.id, NamespaceName: key.distribution + ":" + key.release,
			Description: cmp.Or(r.Details, r.Summary), Link: osLink(key.distribution, key.id),
			CVSS: []osCVSS{}, FixedIn: []osFixedIn{},
		}
		item.Vulnerability.Metadata.Issued = stamp(r.Published)
		for _, v := range r.vectors() {
			item.Vulnerability.CVSS = append(item.Vulnerability.CVSS, osCVSS(v))
		}
		c.os[key] = item
	}
	if item.Vulnerability.Severity == "" {
		item.Vulnerability.Severity = cmp.Or(a.severity(), severityWord(r.DatabaseSpecific.word("severity")))
	}
	if r.date().After(item.date) {
		item.date = r.date()
		item.Vulnerability.Metadata.Updated = stamp(r.date())
	}
	return item
}

func osLink(distribution, id string) string {
	if distribution == "debian" {
		return "https://security-tracker.debian.org/tracker/" + id
	}
	return "https://security.alpinelinux.org/vuln/" + id
}

func osFixed(w window, a affected, r record, distribution, namespace string) osFixedIn {
	fixed := osFixedIn{
		Name: a.Package.Name, NamespaceName: namespace, VersionFormat: formatOf[distribution],
		Version:        cmp.Or(w.before, "None"),
		VendorAdvisory: osAdvisory{AdvisorySummary: []osAdvisoID{}},
	}
	if w.from != "" || w.through != "" {
		fixed.VulnerableRange = w.constraint()
	}
	if strings.HasPrefix(r.ID, "DSA-") || strings.HasPrefix(r.ID, "DLA-") {
		fixed.VendorAdvisory.AdvisorySummary = []osAdvisoID{{ID: r.ID, Link: osLink(distribution, r.ID)}}
	}
	return fixed
}

func (f osFixedIn) same(g osFixedIn) bool {
	return f.Name == g.Name && f.Version == g.Version && f.VulnerableRange == g.VulnerableRange
}

func (c *converter) flushOS() {
	keys := make([]osKey, 0, len(c.os))
	for key := range c.os {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b osKey) int {
		return cmp.Or(cmp.Compare(a.distribution, b.distribution), cmp.Compare(a.release, b.release), cmp.Compare(a.id, b.id))
	})
	for _, key := range keys {
		if item := c.os[key]; len(item.Vulnerability.FixedIn) > 0 {
			c.emit(key.distribution, OS, item.date, item)
		}
	}
}
