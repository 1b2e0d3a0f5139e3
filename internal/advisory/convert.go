package advisory

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// verbatim are the prefixes of records that grype reads as OSV.
var verbatim = []string{"GO-", "BIT-", "ALSA-", "ALBA-", "ALEA-", "CGA-", "ROOT-"}

type converter struct {
	providers map[providerKey]*Provider
	dates     map[string]time.Time // the newest of each source
	records   []record
	claims    map[claim]claimant
	os        map[osKey]*osItem
	nvd       map[string]dated // by CVE
	scores    map[string]dated
	summary   Summary
}

type providerKey struct {
	name   string
	schema Schema
}

func newConverter() *converter {
	return &converter{
		providers: map[providerKey]*Provider{},
		dates:     map[string]time.Time{},
		claims:    map[claim]claimant{},
		os:        map[osKey]*osItem{},
		nvd:       map[string]dated{},
		scores:    map[string]dated{},
		summary:   Summary{Items: map[string]int{}, Skipped: map[string]int{}},
	}
}

// maxReasons is how many reasons are told apart: some of them name what the records say.
const maxReasons = 100

func (c *converter) skip(reason string) {
	if _, known := c.summary.Skipped[reason]; !known && len(c.summary.Skipped) >= maxReasons {
		reason = "other reasons"
	}
	c.summary.Skipped[reason]++
}

// add takes a record; what cannot match anything is left out here.
func (c *converter) add(r record) {
	c.summary.Records++
	switch {
	case r.Withdrawn != nil && !r.Withdrawn.IsZero():
		c.date(providerOf(r.ID), r.date())
		c.skip("withdrawn")
	case len(r.Affected) == 0:
		c.skip("affects no package")
	default:
		r.Details = shorten(r.Details)
		c.records = append(c.records, r)
	}
}

// shorten keeps a description at a length that a report can show.
func shorten(text string) string {
	const most = 2000
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}

// set converts all records and returns the result, in an order that does not depend on the order of the files.
func (c *converter) set() Set {
	slices.SortStableFunc(c.records, func(a, b record) int {
		return cmp.Or(
			cmp.Compare(rank(a.ID), rank(b.ID)),
			cmp.Compare(a.ID, b.ID),
			b.date().Compare(a.date()), // of two copies the newer one counts
			bytes.Compare(a.raw, b.raw),
		)
	})
	for _, r := range c.records {
		c.convert(r)
	}
	c.flushOS()
	c.flushDated("nvd", NVD, c.nvd)
	c.flushDated("epss", EPSS, c.scores)
	set := Set{Summary: c.summary}
	for _, p := range c.providers {
		p.Captured = c.dates[p.Name]
		set.Providers = append(set.Providers, *p)
		set.Summary.Items[p.Name] += len(p.Items)
	}
	slices.SortFunc(set.Providers, func(a, b Provider) int {
		return cmp.Or(-compareBool(a.Name == "nvd", b.Name == "nvd"), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Schema, b.Schema))
	})
	return set
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// rank orders the sources by how much grype and its users can do with them; the first to speak about a vulnerability in
// a package is the one that counts.
func rank(id string) int {
	switch providerOf(id) {
	case "github":
		return 0
	case "osv":
		return 2
	}
	return 1
}

// date remembers how new the data of a source is.
func (c *converter) date(provider string, date time.Time) {
	if date.After(c.dates[provider]) {
		c.dates[provider] = date
	}
}

func (c *converter) emit(provider string, schema Schema, date time.Time, item any) {
	c.date(provider, date)
	key := providerKey{provider, schema}
	p := c.providers[key]
	if p == nil {
		p = &Provider{Name: provider, Schema: schema}
		c.providers[key] = p
	}
	p.Items = append(p.Items, encode(item))
}

func encode(item any) json.RawMessage {
	if raw, ok := item.(json.RawMessage); ok {
		return raw
	}
	doc, err := json.Marshal(item)
	if err != nil {
		panic("advisory: item that cannot be written: " + err.Error()) // plain data: cannot happen
	}
	return doc
}

func (c *converter) convert(r record) {
	if slices.ContainsFunc(verbatim, func(prefix string) bool { return strings.HasPrefix(r.ID, prefix) }) {
		if c.claim(r, r.ID, "", "") {
			c.emit(providerOf(r.ID), OSV, r.date(), r.raw)
		}
		return
	}
	var language []affected
	for _, a := range r.Affected {
		ecosystem, release, _ := strings.Cut(a.Package.Ecosystem, ":")
		switch {
		case a.Package.Name == "" || ecosystem == "":
			c.skip("names no package, only commits")
		case distributions[ecosystem].name != "":
			c.addOS(r, a, distributions[ecosystem], release)
		case ecosystems[ecosystem] != "":
			a.Package.Ecosystem = ecosystems[ecosystem]
			language = append(language, a)
		default:
			c.skip(fmt.Sprintf("ecosystem %.40q is not read from OSV", ecosystem))
		}
	}
	if len(language) > 0 {
		c.addLanguage(r, language)
	}
}

// claim says that a record speaks about a vulnerability, by any of its names, in a package.
type claim struct{ ecosystem, pkg, name string }

type claimant struct {
	rank int
	id   string // under which it is published
}

// claim takes the package for the record, or says that a better source, or another copy of the record, has it already.
func (c *converter) claim(r record, id, ecosystem, pkg string) bool {
	mine := claimant{rank(r.ID), id}
	names := r.names()
	for _, name := range names {
		first, taken := c.claims[claim{ecosystem, strings.ToLower(pkg), strings.ToUpper(name)}]
		if taken && (first.rank < mine.rank || first.id == mine.id) {
			c.skip("a better or newer record says the same of the same package")
			return false
		}
	}
	for _, name := range names {
		key := claim{ecosystem, strings.ToLower(pkg), strings.ToUpper(name)}
		if _, taken := c.claims[key]; !taken {
			c.claims[key] = mine
		}
	}
	return true
}
