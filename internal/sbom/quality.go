package sbom

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Standard is a list of what an SBOM has to say at least.
type Standard string

// The standards.
const (
	// https://www.ntia.gov/report/2021/minimum-elements-software-bill-materials-sbom
	NTIA2021 Standard = "ntia-2021"
	// https://www.cisa.gov/resources-tools/resources/2025-minimum-elements-software-bill-materials-sbom (the draft of August 2025)
	CISA2025 Standard = "cisa-2025"
)

// Standards are all of them.
func Standards() []Standard { return []Standard{NTIA2021, CISA2025} }

// Quality is how much of a standard a document meets.
type Quality struct {
	Standard string
	Elements []Element
	Score    float64 // from 0 to 1: the mean of the elements' shares
}

// Element is one thing that a standard wants, of the document (then Total is 1) or of each component.
type Element struct {
	Name           string
	Present, Total int
	Required       bool // NTIA wants other identifiers only where there are some
}

// Met says whether the element is there everywhere. Of no components it is nowhere: that is no description of anything.
func (e Element) Met() bool { return e.Total > 0 && e.Present == e.Total }

// Missing are the names of the required elements that are not there, or not everywhere.
func (q Quality) Missing() []string {
	var names []string
	for _, e := range q.Elements {
		if e.Required && !e.Met() {
			names = append(names, e.Name)
		}
	}
	return names
}

// Assess says how much of the standards the catalogue's document meets: the one that ReadToAssess read, in each form that
// Read takes, or of an image the CycloneDX that is written of it. NOASSERTION, NONE and UNKNOWN count as missing.
// Components are the software, the document's own subject among it, and not the files, data and distributions.
func (c *Catalogue) Assess(epoch time.Time, standards ...Standard) ([]Quality, error) {
	if c.told == nil && (c.from == FromImage || c.from == FromSyftJSON) {
		c.model(epoch)
	}
	if c.told == nil {
		return nil, errors.New("the document was not read to be assessed")
	}
	all := make([]Quality, len(standards))
	for i, standard := range standards {
		var err error
		if all[i], err = c.told.quality(standard); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// ReadToAssess is Read of a document that Assess is asked about.
func ReadToAssess(name string, doc []byte) (*Catalogue, error) {
	c, err := Read(name, doc)
	if err != nil || c.from == FromSyftJSON { // whose content says it all
		return c, err
	}
	err = survived(func() error {
		doc, from, err := asJSON(doc)
		if err != nil {
			return err
		}
		switch from {
		case FromSPDX, FromSPDXTagValue:
			c.told, err = saidBySPDX(doc)
		case FromCycloneDX, FromCycloneDXXML:
			c.told, err = saidByCycloneDX(doc)
		}
		return err
	})
	if err != nil {
		return nil, outcome.New(outcome.SBOMUnreadable, "SBOM %s", name).Because(err)
	}
	return c, nil
}

// said is what a document says, as far as a standard asks for it.
type said struct {
	author, timestamp, tool, context bool
	components                       []traits
}

// traits are what is said of one component.
type traits struct {
	supplier, producer, name, version, identifier, related, hash, licence bool
}

func (s said) quality(standard Standard) (Quality, error) {
	q := Quality{Standard: string(standard)}
	each := func(name string, required bool, has func(traits) bool) {
		e := Element{Name: name, Total: len(s.components), Required: required}
		for _, c := range s.components {
			if has(c) {
				e.Present++
			}
		}
		q.Elements = append(q.Elements, e)
	}
	once := func(name string, has bool) {
		e := Element{Name: name, Total: 1, Required: true}
		if has {
			e.Present = 1
		}
		q.Elements = append(q.Elements, e)
	}
	version, name := func(t traits) bool { return t.version }, func(t traits) bool { return t.name }
	identifier, related := func(t traits) bool { return t.identifier }, func(t traits) bool { return t.related }
	switch standard {
	case NTIA2021:
		each("supplier name", true, func(t traits) bool { return t.supplier })
		each("component name", true, name)
		each("component version", true, version)
		each("other unique identifiers", false, identifier)
		each("dependency relationship", true, related)
		once("author of SBOM data", s.author)
		once("timestamp", s.timestamp)
	case CISA2025:
		once("SBOM author", s.author)
		each("software producer", true, func(t traits) bool { return t.producer })
		each("component name", true, name)
		each("component version", true, version)
		each("software identifiers", true, identifier)
		each("component hash", true, func(t traits) bool { return t.hash })
		each("license", true, func(t traits) bool { return t.licence })
		each("dependency relationship", true, related)
		once("tool name", s.tool)
		once("timestamp", s.timestamp)
		once("generation context", s.context)
	default:
		return Quality{}, fmt.Errorf("standard %.40q is none of %s, %s", standard, NTIA2021, CISA2025)
	}
	q.Score = score(q.Elements)
	return q, nil
}

func score(elements []Element) float64 {
	sum := 0.0
	for _, e := range elements {
		if e.Total > 0 {
			sum += float64(e.Present) / float64(e.Total)
		}
	}
	return sum / float64(len(elements))
}

// anyAsserts says whether one of the texts says something.
func anyAsserts(texts ...string) bool {
	for _, text := range texts {
		if asserts(strings.TrimSpace(text)) {
			return true
		}
	}
	return false
}
