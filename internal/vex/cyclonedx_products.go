package vex

import (
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/anchore/packageurl-go"
)

type cdxComponent struct {
	Ref     string `json:"bom-ref"`
	Group   string `json:"group"`
	Name    string `json:"name"`
	Version string `json:"version"`
	PURL    string `json:"purl"`
	Hashes  []struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	} `json:"hashes"`
	Components []cdxComponent `json:"components"`
}

// cdxAffects names a component, and of it some versions.
type cdxAffects struct {
	Ref      string `json:"ref"`
	Versions []struct {
		Version string `json:"version"`
		Range   string `json:"range"`
		Status  string `json:"status"`
	} `json:"versions"`
}

// cdxProducts finds what the references of one document mean.
type cdxProducts struct {
	notes  *collector
	root   *component // what the document is about, where that can be compared
	serial string
	rootAt string
	known  map[string]*component // by bom-ref; nil where two components share one
}

func newCDXProducts(c *collector, d cdxDocument) *cdxProducts {
	p := &cdxProducts{notes: c, serial: strings.ToLower(strings.TrimPrefix(d.SerialNumber, "urn:uuid:")), known: map[string]*component{}}
	if root := d.Metadata.Component; root != nil {
		about := root.component()
		p.rootAt, p.known[root.Ref] = root.Ref, &about
		p.index(root.Components)
		if purls, digest := (&collector{notes: map[string]bool{}}).identified(about); len(purls) > 0 || digest != "" {
			p.root = &about
		} else {
			c.note("the document is about %.120q, which has neither a purl nor a SHA-256: what it says of its components counts in any image", about.name)
		}
	}
	p.index(d.Components)
	return p
}

func (p *cdxProducts) index(list []cdxComponent) {
	for i := range list {
		if one := &list[i]; one.Ref != "" {
			_, twice := p.known[one.Ref]
			of := one.component()
			if p.known[one.Ref] = &of; twice {
				p.known[one.Ref] = nil
			}
		}
		p.index(list[i].Components)
	}
}

func (o cdxComponent) component() component {
	of := component{name: strings.Trim(o.Group+"/"+o.Name+"@"+o.Version, "/@")}
	if o.PURL != "" {
		of.purls = []string{versioned(o.PURL, o.Version)}
	}
	for _, h := range o.Hashes {
		if h.Algorithm == "SHA-256" {
			of.hashes = append(of.hashes, h.Content)
		}
	}
	return of
}

// versioned is the purl of a component, with the version that the component has beside it. An image's stays as it is: its
// version is a digest, and the component's perhaps a tag.
func versioned(text, version string) string {
	purl, err := packageurl.FromString(text)
	if err != nil || version == "" || purl.Version != "" || isImage(purl) {
		return text
	}
	purl.Version = version
	return purl.ToString()
}

// of makes products of one reference. A component of the document is a part of what the document is about: what holds
// in one image need not hold in another.
func (p *cdxProducts) of(a cdxAffects, status Status) ([]Product, error) {
	bom, ref := p.split(a.Ref)
	meant := p.meant(bom, ref)
	if meant == nil || a.Ref == "" {
		p.notes.note("the reference %.120q means no component that is known: it counts for nothing", a.Ref)
		return nil, nil
	}
	if bom != "" && ref == "" {
		if len(a.Versions) > 0 && status.Suppresses() {
			p.notes.note("the versions of %.120q cannot be compared: what is said of it counts for nothing", a.Ref)
			return nil, nil
		}
		return []Product{{BOM: bom}}, p.notes.count(1)
	}
	versions := p.versions(*meant, a, status)
	var list []Product
	for _, one := range versions {
		products, err := p.scoped(one, bom, ref)
		if err != nil {
			return nil, err
		}
		list = append(list, products...)
	}
	return list, nil
}

func (p *cdxProducts) scoped(one component, bom, ref string) ([]Product, error) {
	if bom == "" && p.root != nil && ref != p.rootAt && p.known[ref] != nil {
		return p.notes.productsOf(*p.root, []component{one})
	}
	list, err := p.notes.productsOf(one, nil)
	for i := range list {
		list[i].BOM = bom
	}
	return list, err
}

// meant is the component that a reference means: one of the document, or a purl.
func (p *cdxProducts) meant(bom, ref string) *component {
	switch known, listed := p.known[ref]; {
	case bom == "" && listed:
		return known
	case bom != "" && ref == "":
		return &component{name: bom}
	case strings.HasPrefix(ref, "pkg:"):
		return &component{name: ref, purls: []string{ref}}
	}
	return nil
}

// bomLink is a reference into a document. Compiled when first used, for every start of the program would wait for it.
// https://cyclonedx.org/capabilities/bomlink/
var bomLink = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^urn:cdx:([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})/[0-9]+(?:#(.+))?$`)
})

// split tells which document a reference leads to, this one being none, and to what in it.
func (p *cdxProducts) split(ref string) (bom, at string) {
	link := bomLink().FindStringSubmatch(ref)
	if link == nil {
		return "", ref
	}
	bom, at = strings.ToLower(link[1]), link[2]
	if plain, err := url.PathUnescape(at); err == nil && !strings.HasPrefix(at, "pkg:") {
		at = plain // a purl has escapes of its own
	}
	if bom != p.serial {
		return bom, at
	}
	if at == "" {
		return "", p.rootAt
	}
	return "", at
}

// versions narrows a component to the versions that are named: to those that the status is said of. A range, for whose
// schemes we have no reader, takes nothing away.
// https://cyclonedx.org/docs/1.6/json/#vulnerabilities_items_affects_items_versions
func (p *cdxProducts) versions(of component, a cdxAffects, status Status) []component {
	if len(a.Versions) == 0 {
		return []component{of}
	}
	if !status.Suppresses() {
		if len(of.purls) > 0 {
			of = of.at("") // of any version: it takes nothing away
		}
		return []component{of}
	}
	var list []component
	for _, v := range a.Versions {
		switch {
		case v.Version == "" || v.Range != "":
			p.notes.note("a range of versions of %.120q is not read: it counts for nothing", of.name)
		case v.Status != "unaffected": // without a status it is affected
			p.notes.note("%.120q is %s, and its version %.40q is not called unaffected: it counts for nothing", of.name, status, v.Version)
		case len(of.purls) == 0:
			p.notes.note("the version %.40q of %.120q cannot be compared: it counts for nothing", v.Version, of.name)
		default:
			list = append(list, of.at(v.Version))
		}
	}
	return list
}

// at is the component with another version, and so without the digests of its own.
func (o component) at(version string) component {
	other := component{name: o.name}
	for _, text := range o.purls {
		purl, err := packageurl.FromString(text)
		if err != nil {
			other.purls = append(other.purls, text) // told later
			continue
		}
		purl.Version = version
		other.purls = append(other.purls, purl.ToString())
	}
	return other
}
