package sbom

import (
	"encoding/json"
	"fmt"

	"github.com/anchore/syft/syft/artifact"
	"github.com/anchore/syft/syft/pkg"
)

// component is what of a CycloneDX component decides whether syft makes a package of it.
type component struct {
	Type       string `json:"type"`
	Ref        string `json:"bom-ref"`
	Group      string `json:"group"`
	Name       string `json:"name"`
	Version    string `json:"version"`
	PURL       string `json:"purl"`
	Properties []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"properties"`
	Components []component `json:"components"`
}

// software are the types of components that a vulnerability could be in, and whether syft makes packages of them. The
// others are files, data, devices, keys, and the operating system, which says which release the packages are of.
// https://cyclonedx.org/docs/1.6/json/#components_items_type
var software = map[string]bool{
	"application": true, "framework": true, "library": true, "firmware": true, "machine-learning-model": true,
	"container": false, "platform": false, "device-driver": false,
}

// components is what a CycloneDX document says that syft drops.
type components struct {
	root      component
	lost      int // describe software, and become no package
	upstreams map[artifact.ID]pkgSource
	lists     []artifact.ID     // Trivy's lock files, which it calls applications
	names     map[string]string // what stands under each bom-ref
	hidden    []Unreadable      // components that could be looked up, but for another of the same bom-ref
}

// maxHidden bounds how many of these are told.
const maxHidden = 100

// maxPackages bounds what becomes packages: each takes several kilobytes.
const maxPackages = 300_000

func readComponents(doc []byte) (components, error) {
	var bom struct {
		Metadata struct {
			Component component `json:"component"`
		} `json:"metadata"`
		Components []component `json:"components"`
	}
	told := components{upstreams: map[artifact.ID]pkgSource{}, names: map[string]string{}}
	if err := json.Unmarshal(doc, &bom); err != nil {
		return told, fmt.Errorf("not CycloneDX: %w", err)
	}
	told.root = bom.Metadata.Component
	n := told.walk(bom.Components) + told.walk(told.root.Components)
	if n > maxPackages {
		return told, fmt.Errorf("%d components, more than the %d allowed", n, maxPackages)
	}
	return told, nil
}

// walk goes through components within components, whose depth the bounds limit, and counts them.
func (c *components) walk(list []component) int {
	n := len(list)
	for i := range list {
		c.add(&list[i])
		n += c.walk(list[i].Components)
	}
	return n
}

func (c *components) add(one *component) {
	packaged, is := software[one.Type]
	if !is {
		return
	}
	name := one.Group + "\n" + one.Name + "\n" + one.Version + "\n" + one.PURL
	first, seen := c.names[one.Ref]
	switch {
	case !packaged:
		c.lost++
	case one.Ref == "": // then syft makes one of the content
	case seen && first != name:
		c.lost++ // syft keeps the first of a bom-ref
		if one.PURL != "" && len(c.hidden) < maxHidden {
			c.hidden = append(c.hidden, Unreadable{Path: one.Ref, Cataloger: "cyclonedx", Error: oneLine("the bom-ref stands for two components, and " + one.PURL + " is not looked at"), Decisive: true})
		}
	default:
		c.names[one.Ref] = name
	}
	if one.Type == "application" && one.Version == "" && one.PURL == "" && one.property("aquasecurity:trivy:Class") == "lang-pkgs" && one.Ref != "" {
		c.lists = append(c.lists, artifact.ID(one.Ref))
	}
	if source, ok := one.trivySource(); ok {
		c.upstreams[artifact.ID(one.Ref)] = source
	}
}

// trivySource is the source package that Trivy names in properties.
// https://trivy.dev/latest/docs/supply-chain/sbom/
func (c *component) trivySource() (pkgSource, bool) {
	s := pkgSource{name: c.property("aquasecurity:trivy:SrcName"), version: c.property("aquasecurity:trivy:SrcVersion"),
		release: c.property("aquasecurity:trivy:SrcRelease"), epoch: c.property("aquasecurity:trivy:SrcEpoch")}
	return s, s.name != "" && c.Ref != ""
}

func (c *component) property(name string) string {
	for _, p := range c.Properties {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// dropRoot takes the root component out of the packages, of which syft makes one: it is what the document is about, not
// what is in it. A root that can be looked up itself, a library for one, stays.
func (c *Catalogue) dropRoot(root component) {
	for _, p := range c.content.Artifacts.Packages.Sorted() {
		same := root.Ref != "" && p.ID() == artifact.ID(root.Ref) || root.Ref == "" && p.Name == root.Name && p.Version == root.Version && p.PURL == root.PURL
		if same && !identified(p) && root.Name != "" {
			c.content.Artifacts.Packages.Delete(p.ID())
			return
		}
	}
}

// identified says that a package has a kind that can be looked up, or a CPE.
func identified(p pkg.Package) bool {
	return p.Type != "" && p.Type != pkg.UnknownPkg || len(p.CPEs) > 0
}
