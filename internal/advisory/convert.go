package advisory

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// verbatim are the prefixes of records that grype reads as OSV.
var verbatim = []string{"GO-", "BIT-", "ALSA-", "ALBA-", "ALEA-"}

type converter struct {
	providers map[string]*Provider
	records   []record
	claims    map[claim]claimant
	os        map[osKey]*osItem
	summary   Summary
}

func newConverter() *converter {
	return &converter{
		providers: map[string]*Provider{},
		claims:    map[claim]claimant{},
		os:        map[osKey]*osItem{},
		summary:   Summary{Items: map[string]int{}, Skipped: map[string]int{}},
	}
}

func (c *converter) skip(reason string) { c.summary.Skipped[reason]++ }

// add takes a record; what cannot match anything is left out here.
func (c *converter) add(r record) {
	c.summary.Records++
	switch {
	case r.Withdrawn != nil && !r.Withdrawn.IsZero():
		c.date(providerOf(r.ID), "", r.date())
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
	set := Set{Summary: c.summary}
	for _, name := range sortedKeys(c.providers) {
		if p := c.providers[name]; len(p.Items) > 0 {
			set.Providers = append(set.Providers, *p)
			set.Summary.Items[name] = len(p.Items)
		}
	}
	return set
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

func (c *converter) provider(name string, schema Schema) *Provider {
	p := c.providers[name]
	if p == nil {
		p = &Provider{Name: name}
		c.providers[name] = p
	}
	if schema != "" {
		p.Schema = schema
	}
	return p
}

func (c *converter) date(provider string, schema Schema, date time.Time) *Provider {
	p := c.provider(provider, schema)
	if date.After(p.Captured) {
		p.Captured = date
	}
	return p
}

func (c *converter) emit(provider string, schema Schema, date time.Time, item any) {
	p := c.date(provider, schema, date)
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
		name := providerOf(r.ID)
		if name == "alsa" || name == "alba" || name == "alea" {
			name = "alma"
		}
		if c.claim(r, r.ID, "", "") {
			c.emit(name, OSV, r.date(), r.raw)
		}
		return
	}
	var language []affected
	for _, a := range r.Affected {
		ecosystem, release, _ := strings.Cut(a.Package.Ecosystem, ":")
		switch {
		case a.Package.Name == "" || ecosystem == "":
			c.skip("names no package, only commits")
		case ecosystem == "Debian" || ecosystem == "Alpine":
			c.addOS(r, a, strings.ToLower(ecosystem), strings.TrimPrefix(release, "v"))
		case ecosystems[ecosystem] != "":
			a.Package.Ecosystem = ecosystems[ecosystem]
			language = append(language, a)
		default:
			c.skip("ecosystem " + ecosystem + " is not read from OSV")
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
