// Package lineage tells which way a component came into an image, by the dependency graph of an SBOM. It reads what
// strangers may have written, bounds it, and never takes an edge that is not known for one that is not there.
package lineage

import (
	"fmt"
	"slices"

	"github.com/stepseal/stepseal/internal/graph"
	"github.com/stepseal/stepseal/internal/strictjson"
)

// Bounds of a document.
const maxComponents = 500_000

var bounds = strictjson.Bounds{Bytes: 256 << 20, Depth: 100}

// Component is one part of an image.
type Component struct {
	Type    string // its ecosystem, as the document names it
	Group   string
	Name    string
	Version string
	PURL    string
	Places  []Place
}

// Place is where a component was found.
type Place struct {
	Path  string // through archives where it lies in one: outer.jar:lib/inner.jar
	Layer string // digest
}

// Layer is one layer of the image, with the line of the Dockerfile that made it where the document tells.
type Layer struct{ Digest, CreatedBy string }

// Image is what a document says of an image.
type Image struct {
	Components []Component
	Layers     []Layer
	known      []bool // whether a component's own dependencies are
	routes     *graph.Routes
	direct     []int // the components that the image itself depends on
}

// connected is an image of which every component is reached: what the document lets nothing depend on, the image itself
// does. edges lead between components; direct are those that the document ties to the image.
func connected(components []Component, layers []Layer, known []bool, edges [][2]int, direct []int) *Image {
	n := len(components)
	among, whole := graph.New(n), graph.New(n+1)
	for _, e := range edges {
		among.Add(e[0], e[1])
		whole.Add(e[0], e[1])
	}
	for _, to := range direct {
		whole.Add(n, to)
	}
	reached := whole.From(n)
	for _, top := range among.Tops() {
		if reached.Count(top) == 0 {
			whole.Add(n, top)
		}
	}
	return &Image{Components: components, Layers: layers, known: known, routes: whole.From(n), direct: slices.Clone(whole.Out(n))}
}

// Ways are the shortest ways from the image to a component, at most most of them, without the image and with the
// component; all is how many there are.
func (i *Image) Ways(to, most int) (ways [][]int, all uint64) {
	for _, way := range i.routes.To(to, most) {
		ways = append(ways, way[1:])
	}
	return ways, i.routes.Count(to)
}

// Covered says of how many of the components of a type the own dependencies are known. Where they are not of all, more
// may lead to a component than the ways that are known.
func (i *Image) Covered(kind string) (known, all int) {
	for at, c := range i.Components {
		if c.Type != kind {
			continue
		}
		all++
		if i.known[at] {
			known++
		}
	}
	return known, all
}

// Direct says whether the image itself is what a component is for, as far as is known.
func (i *Image) Direct(at int) bool {
	_, is := slices.BinarySearch(i.direct, at)
	return is
}

// Layer is the number, from 1, of the layer with a digest; ok is false where the document does not list it.
func (i *Image) Layer(digest string) (number int, layer Layer, ok bool) {
	at := slices.IndexFunc(i.Layers, func(l Layer) bool { return l.Digest == digest })
	if digest == "" || at < 0 {
		return 0, Layer{}, false
	}
	return at + 1, i.Layers[at], true
}

func tooMany(n int) error {
	if n > maxComponents {
		return fmt.Errorf("%d components, more than the %d allowed", n, maxComponents)
	}
	return nil
}
