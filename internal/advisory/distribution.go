package advisory

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// distribution is one whose records of OSV fit grype's shape: the versions there are those of its packages, and grype
// looks its releases up under its own name. Rocky Linux is not among them, since grype goes by Red Hat's data there, nor
// Red Hat, whose records of OSV do not say which module a package belongs to.
type distribution struct {
	name    string // as grype spells it
	format  string
	release *regexp.Regexp // its last group, or last two joined by a dot, are the release
	page    string
}

var distributions = map[string]distribution{
	"Debian": {"debian", "dpkg", regexp.MustCompile(`^(\d{1,3})$`), "https://security-tracker.debian.org/tracker/"},
	"Alpine": {"alpine", "apk", regexp.MustCompile(`^v?(\d{1,3}\.\d{1,3})$`), "https://security.alpinelinux.org/vuln/"},
	// Fixes of Ubuntu Pro are another channel, which not every machine has.
	"Ubuntu": {"ubuntu", "dpkg", regexp.MustCompile(`^(\d{2}\.\d{2})(?::LTS)?$`), "https://ubuntu.com/security/"},
	"SUSE": {"sles", "rpm", regexp.MustCompile(`^Linux Enterprise (?:Server|Module for [A-Za-z0-9 -]{1,60}) (\d{1,2})(?: SP(\d{1,2}))?$`),
		"https://www.suse.com/security/cve/"},
}

// releaseOf is the release in grype's form; empty where it is not one that it knows.
func (d distribution) releaseOf(text string) string {
	groups := d.release.FindStringSubmatch(text)
	if groups == nil {
		return ""
	}
	return strings.TrimSuffix(strings.Join(groups[1:], "."), ".")
}

// osKey names one record of a source about a distribution: one vulnerability in one release.
type osKey struct{ provider, distribution, release, id string }

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
		Issued  string    `json:"Issued,omitempty"`
		Updated string    `json:"Updated,omitempty"`
		CVE     []osAlias `json:"CVE,omitempty"`
	} `json:"Metadata"`
}

type osAlias struct {
	Name string `json:"Name"`
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
	cveID    = regexp.MustCompile(`CVE-\d{4}-\d{4,}$`)
	wholeCVE = regexp.MustCompile(`^CVE-\d{4}-\d{4,12}$`)
)

func (c *converter) addOS(r record, a affected, d distribution, named string) {
	release := d.releaseOf(named)
	if release == "" {
		c.skip(fmt.Sprintf("%s release %.60q is not one that is read", d.name, named))
		return
	}
	windows, ok := a.windows()
	if !ok {
		c.skip("names no versions, only commits")
		return
	}
	provider, names := d.source(r)
	for _, id := range names {
		item := c.osItem(osKey{provider, d.name, release, id}, r, a, d)
		for _, w := range windows {
			if d.format == "apk" && w.before == "0" {
				c.skip("says that a package is not affected")
				continue
			}
			fixed := osFixed(w, a, r, d, item.Vulnerability.NamespaceName)
			if !slices.ContainsFunc(item.Vulnerability.FixedIn, fixed.same) {
				item.Vulnerability.FixedIn = append(item.Vulnerability.FixedIn, fixed)
			}
		}
	}
}

// source is who speaks, and about what: a distribution's own records are those of its CVEs, and anybody else's, a
// company's for example, keep their provider and their id.
func (d distribution) source(r record) (provider string, names []string) {
	switch provider = providerOf(r.ID); provider {
	case d.name, "osv", "suse":
		return d.name, osNames(r)
	}
	return provider, []string{r.ID}
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

func (c *converter) osItem(key osKey, r record, a affected, d distribution) *osItem {
	item := c.os[key]
	if item == nil {
		item = &osItem{}
		item.Vulnerability = osVulnerability{
			Name: key.id, NamespaceName: key.distribution + ":" + key.release,
			Description: cmp.Or(r.Details, r.Summary), Link: d.link(key, r),
			CVSS: []osCVSS{}, FixedIn: []osFixedIn{},
		}
		item.Vulnerability.Metadata.Issued = stamp(r.Published)
		for _, name := range otherNames(r, key.id) {
			if key.id == r.ID && wholeCVE.MatchString(name) {
				item.Vulnerability.Metadata.CVE = append(item.Vulnerability.Metadata.CVE, osAlias{Name: name})
			}
		}
		for _, v := range r.vectors() {
			item.Vulnerability.CVSS = append(item.Vulnerability.CVSS, osCVSS(v))
		}
		c.os[key] = item
	}
	if item.Vulnerability.Severity == "" {
		item.Vulnerability.Severity = cmp.Or(a.severity(), severityWord(r.DatabaseSpecific.word("severity")), r.ubuntuPriority())
	}
	if r.date().After(item.date) {
		item.date = r.date()
		item.Vulnerability.Metadata.Updated = stamp(r.date())
	}
	return item
}

// link is where people read about it.
func (d distribution) link(key osKey, r record) string {
	if key.provider == d.name {
		return d.page + key.id
	}
	if len(r.References) > 0 {
		return r.References[0].URL
	}
	return ""
}

func osFixed(w window, a affected, r record, d distribution, namespace string) osFixedIn {
	fixed := osFixedIn{
		Name: a.Package.Name, NamespaceName: namespace, VersionFormat: d.format,
		Version:        cmp.Or(w.before, "None"),
		VendorAdvisory: osAdvisory{AdvisorySummary: []osAdvisoID{}},
	}
	if w.from != "" || w.through != "" {
		fixed.VulnerableRange = w.constraint()
	}
	if strings.HasPrefix(r.ID, "DSA-") || strings.HasPrefix(r.ID, "DLA-") {
		fixed.VendorAdvisory.AdvisorySummary = []osAdvisoID{{ID: r.ID, Link: d.page + r.ID}}
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
		return cmp.Or(cmp.Compare(a.provider, b.provider), cmp.Compare(a.distribution, b.distribution), cmp.Compare(a.release, b.release), cmp.Compare(a.id, b.id))
	})
	for _, key := range keys {
		if item := c.os[key]; len(item.Vulnerability.FixedIn) > 0 {
			c.emit(key.provider, OS, item.date, item)
		}
	}
}
