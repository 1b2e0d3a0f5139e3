package lineage

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/anchore/packageurl-go"
)

// Query is what somebody asks for: a package URL, a name, or the name of an advisory.
type Query struct {
	text     string
	purl     *packageurl.PackageURL
	name     string
	version  string
	advisory bool
}

// maxQuery bounds what is asked for.
const maxQuery = 2048

// advisory tells the names that advisories have from those of packages.
var advisory = regexp.MustCompile(`^(?i:CVE-[0-9]{4}-[0-9]+|GHSA(-[0-9a-z]{4}){3})$|^[A-Z][A-Z-]*-(CVE-)?[0-9]{4}[-:][0-9A-Za-z:-]+$`)

// ParseQuery reads pkg:npm/lodash@4.17.15, with or without the version, log4j-core, @scope/name, group:artifact, each of
// these with @ and a version, CVE-2021-44228 or the name of another advisory.
func ParseQuery(text string) (Query, error) {
	if len(text) > maxQuery || strings.ContainsFunc(text, unicode.IsControl) || strings.TrimSpace(text) == "" {
		return Query{}, fmt.Errorf("%.80q is no name of a component", text)
	}
	if strings.HasPrefix(text, "pkg:") {
		purl, err := packageurl.FromString(text)
		if err != nil {
			return Query{}, fmt.Errorf("%.80q is no package URL: %w", text, err)
		}
		return Query{text: text, purl: &purl}, nil
	}
	q := Query{text: text, name: text, advisory: advisory.MatchString(text)}
	if at := strings.LastIndexByte(text, '@'); at > 0 {
		q.name, q.version = text[:at], text[at+1:]
	}
	return q, nil
}

// String is what was asked.
func (q Query) String() string { return q.text }

// Advisory says whether a vulnerability is asked for, and not a component.
func (q Query) Advisory() bool { return q.advisory }

// Find are the components that are asked for, in the order of the document.
func (i *Image) Find(q Query) []int {
	var found []int
	for at := range i.Components {
		if q.matches(&i.Components[at]) {
			found = append(found, at)
		}
	}
	return found
}

// FindPackage are the components that a scan names: by package URL, or by name and version where it gives none.
func (i *Image) FindPackage(name, version, purl string) []int {
	var found []int
	for at, c := range i.Components {
		if purl != "" && c.PURL == purl || purl == "" && c.Name == name && c.Version == version {
			found = append(found, at)
		}
	}
	return found
}

func (q Query) matches(c *Component) bool {
	if q.purl != nil {
		return q.matchesPURL(c.PURL)
	}
	if q.version != "" && q.version != c.Version {
		return false
	}
	return q.name == c.Name || c.Group != "" && (q.name == c.Group+":"+c.Name || q.name == c.Group+"/"+c.Name) || q.named(c.PURL)
}

// matchesPURL compares what is asked for: a version and qualifiers only where they are.
func (q Query) matchesPURL(text string) bool {
	// Parsing is dear, and most components are of another name.
	if !strings.Contains(text, q.purl.Name) && !strings.Contains(strings.ToLower(text), strings.ToLower(q.purl.Name)) && !strings.Contains(text, "%") {
		return false
	}
	p, err := packageurl.FromString(text)
	if err != nil || p.Type != q.purl.Type || p.Namespace != q.purl.Namespace || p.Name != q.purl.Name || p.Subpath != q.purl.Subpath && q.purl.Subpath != "" {
		return false
	}
	if q.purl.Version != "" && q.purl.Version != p.Version {
		return false
	}
	has := p.Qualifiers.Map()
	for key, value := range q.purl.Qualifiers.Map() {
		if has[key] != value {
			return false
		}
	}
	return true
}

// named compares group:artifact with what a package URL says, for documents that give no group.
func (q Query) named(text string) bool {
	group, name, ok := strings.Cut(q.name, ":")
	if !ok || !strings.Contains(text, name) {
		return false
	}
	p, err := packageurl.FromString(text)
	return err == nil && p.Namespace == group && p.Name == name
}
