package vex

import (
	"errors"
	"fmt"
	"strings"

	"github.com/anchore/packageurl-go"
)

type csafTree struct {
	Branches      []csafBranch       `json:"branches"`
	Full          []csafProduct      `json:"full_product_names"`
	Relationships []csafRelationship `json:"relationships"`
	Groups        []struct {
		ID       string   `json:"group_id"`
		Products []string `json:"product_ids"`
	} `json:"product_groups"`
}

type csafBranch struct {
	Category string       `json:"category"`
	Name     string       `json:"name"`
	Product  *csafProduct `json:"product"`
	Branches []csafBranch `json:"branches"`
}

type csafProduct struct {
	ID     string `json:"product_id"`
	Name   string `json:"name"`
	Helper struct {
		PURL   string `json:"purl"`
		Hashes []struct {
			Files []struct {
				Algorithm string `json:"algorithm"`
				Value     string `json:"value"`
			} `json:"file_hashes"`
		} `json:"hashes"`
	} `json:"product_identification_helper"`

	some bool // as component has it
}

type csafRelationship struct {
	Full  csafProduct `json:"full_product_name"`
	Part  string      `json:"product_reference"`
	Whole string      `json:"relates_to_product_reference"`
}

// csafProducts finds what the product ids of one document mean.
type csafProducts struct {
	notes     *collector
	known     map[string]csafProduct
	relations map[string]csafRelationship // by the id of what they make
	groups    map[string][]string
	meanings  map[string]csafMeaning // found so far
	looked    int
}

func newCSAFProducts(c *collector, tree csafTree) (*csafProducts, error) {
	p := &csafProducts{notes: c, known: map[string]csafProduct{}, relations: map[string]csafRelationship{},
		groups: map[string][]string{}, meanings: map[string]csafMeaning{}}
	if err := p.branches(tree.Branches); err != nil {
		return nil, err
	}
	for _, product := range tree.Full {
		if err := p.define(product); err != nil {
			return nil, err
		}
	}
	for _, r := range tree.Relationships {
		if err := p.define(r.Full); err != nil {
			return nil, err
		}
		p.relations[r.Full.ID] = r
	}
	for _, g := range tree.Groups {
		if _, twice := p.groups[g.ID]; twice {
			return nil, fmt.Errorf("the product group %.120q is defined twice", g.ID)
		}
		p.groups[g.ID] = g.Products
	}
	return p, nil
}

func (p *csafProducts) branches(list []csafBranch) error {
	for _, b := range list {
		if b.Product != nil {
			product := *b.Product
			product.some = b.ofVersions()
			if err := p.define(product); err != nil {
				return err
			}
		}
		if err := p.branches(b.Branches); err != nil {
			return err
		}
	}
	return nil
}

// ofVersions says whether the branch is of a version, or a range of them. Red Hat calls a product without one a
// product_version too, and gives it a name.
// https://docs.oasis-open.org/csaf/csaf/v2.0/os/csaf-v2.0-os.html#31222-branches-type---category
func (b csafBranch) ofVersions() bool {
	return b.Category == "product_version_range" || b.Category == "product_version" && startsWithDigit(strings.TrimPrefix(b.Name, "v"))
}

func startsWithDigit(text string) bool { return text != "" && text[0] >= '0' && text[0] <= '9' }

// define refuses an id that means two things.
// https://docs.oasis-open.org/csaf/csaf/v2.0/os/csaf-v2.0-os.html#612-multiple-definition-of-product-id
func (p *csafProducts) define(product csafProduct) error {
	if _, err := word("product_id", product.ID, maxName); err != nil {
		return err
	}
	if _, twice := p.known[product.ID]; twice {
		return fmt.Errorf("the product %.120q is defined twice", product.ID)
	}
	p.known[product.ID] = product
	return nil
}

// maxRelations is how deep products may be made of products.
const maxRelations = 8

// of makes products of one id. Where it is a part of another the whole is the product, unless nothing of the whole can
// be compared: a platform has a CPE and nothing else. Then the part counts alone, in one version, for what is said of
// all versions on one platform may be wrong on another.
func (p *csafProducts) of(id string, status Status) ([]Product, error) {
	m, err := p.resolve(id, 0)
	switch {
	case err != nil:
		return nil, err
	case status.Suppresses() && (m.part.isOpen() || m.whole != nil && m.whole.isOpen()):
		p.notes.note("%.120q is %s in some versions, and its purl tells none: it counts for nothing", id, status)
		return nil, nil
	case m.whole == nil:
		return p.notes.productsOf(m.part, nil)
	case m.whole.comparable():
		return p.notes.productsOf(*m.whole, []component{m.part})
	case status.Suppresses() && !m.part.versioned():
		p.notes.note("%.120q is %s on a platform that cannot be compared, in no version that is named: it counts for nothing", id, status)
		return nil, nil
	}
	return p.notes.productsOf(m.part, nil)
}

// csafMeaning is what one product id means: a component, and what it is a part of.
type csafMeaning struct {
	part  component
	whole *component
}

// resolve follows relationships: to the innermost part, and to what holds it. Each id is followed once, for what is made
// of two products twice over would be followed as often as there are ways.
func (p *csafProducts) resolve(id string, depth int) (csafMeaning, error) {
	if known, ok := p.meanings[id]; ok {
		return known, nil
	}
	product, ok := p.known[id]
	if !ok {
		return csafMeaning{}, fmt.Errorf("the product %.120q is not in the product tree", id)
	}
	meaning := csafMeaning{part: product.component()}
	if r, related := p.relations[id]; related {
		if depth == maxRelations {
			return csafMeaning{}, errors.New("relationships of products lead too deep, or in a circle")
		}
		part, err := p.resolve(r.Part, depth+1)
		if err != nil {
			return csafMeaning{}, err
		}
		holder, err := p.resolve(r.Whole, depth+1)
		if err != nil {
			return csafMeaning{}, err
		}
		meaning = meaning.within(part, holder)
	}
	p.meanings[id] = meaning
	return meaning, nil
}

// within is a part in what holds it. Of a holder that is held itself the one that can be compared counts.
func (m csafMeaning) within(part, holder csafMeaning) csafMeaning {
	if !m.part.comparable() {
		m.part = part.part
	}
	m.whole = &holder.part
	if holder.whole != nil && !holder.part.comparable() {
		m.whole = holder.whole
	}
	return m
}

func (o csafProduct) component() component {
	of := component{name: o.ID, some: o.some}
	if o.Helper.PURL != "" {
		of.purls = []string{o.Helper.PURL}
	}
	for _, list := range o.Helper.Hashes {
		for _, h := range list.Files {
			if h.Algorithm == "sha256" {
				of.hashes = append(of.hashes, h.Value)
			}
		}
	}
	return of
}

func (o component) comparable() bool {
	for _, purl := range o.purls {
		if _, ok := usablePURL(purl); ok {
			return true
		}
	}
	return len(o.hashes) > 0
}

// isOpen says whether versions are meant that nothing can be compared with.
func (o component) isOpen() bool { return o.some && !o.versioned() }

func (o component) versioned() bool {
	for _, text := range o.purls {
		if purl, err := packageurl.FromString(text); err != nil || purl.Version == "" {
			return false
		}
	}
	return true
}
