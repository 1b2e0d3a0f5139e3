package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anchore/packageurl-go"
)

// Statement is what a VEX document says about a vulnerability in products.
// https://www.cisa.gov/resources-tools/resources/minimum-requirements-vulnerability-exploitability-exchange-vex
type Statement struct {
	IDs           []string // of the vulnerability
	Status        string   // not_affected and fixed excuse; affected and under_investigation do not
	Justification string
	Products      []Product
	Time          time.Time
	Source        VEXSource
}

// Product is what a statement is about: a package by its URL, or an image by its digest, and in it all, or only some,
// packages.
type Product struct {
	PURL          string
	Digest        string
	Subcomponents []string // package URLs; empty: all of it
}

func (s Statement) excuses() bool { return s.Status == "not_affected" || s.Status == "fixed" }

func (s Statement) about(f Finding, digests []string) bool {
	return slices.ContainsFunc(s.IDs, func(id string) bool {
		return slices.ContainsFunc(f.names(), func(name string) bool { return strings.EqualFold(id, name) })
	}) && slices.ContainsFunc(s.Products, func(p Product) bool { return p.holds(f.Package, digests) })
}

func (p Product) holds(of Package, digests []string) bool {
	if matchPURL(p.PURL, of.PURL) {
		return true // its subcomponents are parts of the package
	}
	if p.Digest == "" || !slices.Contains(digests, p.Digest) {
		return false
	}
	return len(p.Subcomponents) == 0 || slices.ContainsFunc(p.Subcomponents, func(purl string) bool { return matchPURL(purl, of.PURL) })
}

// matchPURL says whether the package is the one that the statement names; without a version it names all of them.
func matchPURL(pattern, purl string) bool {
	if pattern == "" || purl == "" {
		return false
	}
	want, err1 := packageurl.FromString(pattern)
	got, err2 := packageurl.FromString(purl)
	return err1 == nil && err2 == nil && want.Type == got.Type && want.Namespace == got.Namespace && want.Name == got.Name &&
		(want.Version == "" || want.Version == got.Version)
}

// statement is the newest that is about the finding, if that excuses it. Of two of the same time the one that does not
// excuse counts.
func (p Policy) statement(f Finding, digests []string) (Statement, bool) {
	var newest Statement
	for _, s := range p.Statements {
		if s.about(f, digests) && newer(s, newest) {
			newest = s
		}
	}
	return newest, newest.excuses()
}

func newer(a, b Statement) bool {
	doubt := func(s Statement) int {
		if s.excuses() {
			return 0
		}
		return 1
	}
	told := func(s Statement) []string {
		return []string{s.Status, s.Source.Document, s.Source.Author, s.Source.Signer, s.Justification}
	}
	return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(doubt(a), doubt(b)), slices.Compare(told(b), told(a))) > 0
}

func (s Statement) why() string {
	said := fmt.Sprintf("%s says that it is %s", cmp.Or(s.Source.Author, s.Source.Document), strings.ReplaceAll(s.Status, "_", " "))
	if s.Justification != "" {
		said += ": " + s.Justification
	}
	return said
}

func (s Statement) source() *VEXSource {
	source := s.Source
	source.Status, source.Justification = s.Status, s.Justification
	return &source
}
