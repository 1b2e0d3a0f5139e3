// Package sbom tells what an image contains, as documents. It is the door to syft.
package sbom

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/anchore/syft/syft/pkg"
	syft "github.com/anchore/syft/syft/sbom"
	"github.com/anchore/syft/syft/source"

	"github.com/stepseal/stepseal/internal/image"
)

// Catalogue is what is in an image: the packages, where they lie, and how they relate.
type Catalogue struct {
	content *syft.SBOM
	from    Format
	subject string
	name    string       // what a CycloneDX document calls its root component; syft drops it
	image   *image.Image // nil where the catalogue was read from a document
	tool    Tool
	lost    int          // components that describe software, and that became no package
	hidden  []Unreadable // that a document holds, and that nobody looks at
	read    string       // what a folder was taken for
	told    *said        // what its document says, as far as standards ask for it; nil until somebody looked
	edges   edges        // what reading the image told of dependencies, beside the relationships in content
	listed  listed
}

// listed are the packages, sorted: syft copies every one of them whenever it is asked.
type listed struct {
	mu       sync.Mutex
	packages []pkg.Package
}

// Format says what a catalogue was read from.
type Format string

// The formats; an image's own content is the best of them.
const (
	FromImage     Format = "image"
	FromSyftJSON  Format = "syft-json"
	FromCycloneDX Format = "cyclonedx-json"
	FromSPDX      Format = "spdx-json"

	FromCycloneDXXML Format = "cyclonedx-xml"
	FromSPDXTagValue Format = "spdx-tag-value"
)

// Lossless says that the format keeps everything that the matcher goes by.
func (f Format) Lossless() bool { return f == FromImage || f == FromSyftJSON }

// Content is syft's own form, for the matcher. Nobody changes it.
func (c *Catalogue) Content() *syft.SBOM { return c.content }

// From says what the catalogue was read from.
func (c *Catalogue) From() Format { return c.from }

// ReadAs says what a folder was taken for, empty for everything else.
func (c *Catalogue) ReadAs() string { return c.read }

// Subject is the manifest digest that the catalogue says it describes, or the image's id where it has no digest; empty
// where it says none.
func (c *Catalogue) Subject() string { return c.subject }

// Packages is how many packages were found.
func (c *Catalogue) Packages() int { return c.content.Artifacts.Packages.PackageCount() }

// All are the packages, sorted as in the documents. Nobody changes them.
func (c *Catalogue) All() []pkg.Package {
	c.listed.mu.Lock()
	defer c.listed.mu.Unlock()
	if len(c.listed.packages) != c.Packages() {
		c.listed.packages = c.content.Artifacts.Packages.Sorted()
	}
	return c.listed.packages
}

// Lost is how many components of a document describe software and became no package, for the format's reader knows no
// kind of package for them.
func (c *Catalogue) Lost() int { return c.lost }

// FromSyft is a catalogue of content that somebody else made, for the tests of what works on catalogues.
func FromSyft(content *syft.SBOM, from Format, subject string) *Catalogue {
	return &Catalogue{content: content, from: from, subject: subject}
}

// Count is how many packages of a type there are.
type Count struct {
	Type     string
	Packages int
}

// Types counts the packages by type, the most frequent first.
func (c *Catalogue) Types() []Count {
	counts := map[string]int{}
	for _, p := range c.All() {
		counts[string(p.Type)]++
	}
	var list []Count
	for name, n := range counts {
		list = append(list, Count{name, n})
	}
	slices.SortFunc(list, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Packages, a.Packages), cmp.Compare(a.Type, b.Type))
	})
	return list
}

// Name is what the document calls the image, without its digest; empty where it says nothing.
func (c *Catalogue) Name() string {
	name, _, _ := strings.Cut(cmp.Or(c.name, c.content.Source.Name), "@")
	return name
}

// Platform is the platform that the document gives, empty where it gives none.
func (c *Catalogue) Platform() string {
	meta, ok := c.content.Source.Metadata.(source.ImageMetadata)
	if !ok || meta.OS == "" {
		return ""
	}
	return strings.TrimRight(meta.OS+"/"+meta.Architecture+"/"+meta.Variant, "/")
}
