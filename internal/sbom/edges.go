package sbom

import (
	"cmp"
	"fmt"
	"path"
	"slices"

	"github.com/anchore/syft/syft/artifact"
	"github.com/anchore/syft/syft/file"
	"github.com/anchore/syft/syft/pkg"
	syft "github.com/anchore/syft/syft/sbom"

	"github.com/stepseal/stepseal/internal/graph"
)

// EdgeCoverage says how much is known of what the packages of one type depend on.
type EdgeCoverage struct {
	Type     string
	Packages int
	Known    int // packages whose own dependencies are known, those that have none among them
	Edges    int // dependencies of packages of this type
	Missing  int // declared as needed, and not in the image
}

// String is the coverage as a sentence's part: no edge that is not known is passed over in silence.
func (c EdgeCoverage) String() string {
	if c.Known == 0 {
		return "no edges known for " + counted(c.Packages, "package")
	}
	text := fmt.Sprintf("%s, known for %d of %s", counted(c.Edges, "edge"), c.Known, counted(c.Packages, "package"))
	if c.Missing > 0 {
		text += fmt.Sprintf(", %d needed and not in the image", c.Missing)
	}
	return text
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// knowledge is how far a package's own dependencies are known. The zero value is not at all.
type knowledge int

const (
	unknown knowledge = iota
	partly            // there may be more
	wholly            // every one that is declared
)

// edges is what reading an image adds to syft's relationships. The zero value adds nothing.
type edges struct {
	known   map[artifact.ID]knowledge // of the packages whose manifest was looked for
	missing map[artifact.ID]int       // what they declare as needed, and the image does not hold
	direct  map[artifact.ID]bool      // what an application needs that is no package itself
}

// relate adds the dependencies that syft does not find by itself: of installed npm packages on each other, and of jars
// on those that lie deeper in them. Of Debian, Alpine, RPM, Python, Go and the rest it tells already.
func relate(content *syft.SBOM, files file.Resolver) edges {
	packages := content.Artifacts.Packages.Sorted()
	drawn := newDrawn(content)
	found := npmEdges(packages, files, drawn)
	nestedJars(packages, drawn)
	return found
}

// drawn draws edges into a catalogue, each once.
type drawn struct {
	content *syft.SBOM
	has     map[[2]artifact.ID]bool
	needed  map[artifact.ID]bool // something depends on it
}

func newDrawn(content *syft.SBOM) *drawn {
	d := &drawn{content: content, has: map[[2]artifact.ID]bool{}, needed: map[artifact.ID]bool{}}
	for _, r := range content.Relationships {
		if r.Type == artifact.DependencyOfRelationship {
			d.has[[2]artifact.ID{r.To.ID(), r.From.ID()}] = true
			d.needed[r.From.ID()] = true
		}
	}
	return d
}

func (d *drawn) add(from, to pkg.Package) {
	edge := [2]artifact.ID{from.ID(), to.ID()}
	if edge[0] == edge[1] || d.has[edge] {
		return
	}
	d.has[edge], d.needed[edge[1]] = true, true
	// In syft's words what is needed comes first.
	d.content.Relationships = append(d.content.Relationships, artifact.Relationship{From: to, To: from, Type: artifact.DependencyOfRelationship})
}

// dependencies is the catalogue as a graph: the packages by their place in order, what is known of each, and what the
// image itself depends on, so that everything is reached from it.
type dependencies struct {
	packages []pkg.Package
	graph    *graph.Graph
	known    []knowledge
	roots    []int
}

func (c *Catalogue) dependencies() dependencies {
	d := dependencies{packages: c.All()}
	d.graph, d.known = graph.New(len(d.packages)), make([]knowledge, len(d.packages))
	place := make(map[artifact.ID]int, len(d.packages))
	for i, p := range d.packages {
		place[p.ID()] = i
	}
	for _, r := range c.content.Relationships {
		from, okFrom := place[r.To.ID()]
		to, okTo := place[r.From.ID()]
		if r.Type == artifact.DependencyOfRelationship && okFrom && okTo {
			d.graph.Add(from, to)
		}
	}
	d.roots = d.graph.Tops()
	for i, p := range d.packages {
		d.known[i] = c.edges.of(p, len(d.graph.Out(i)) > 0)
		if c.edges.direct[p.ID()] {
			d.roots = append(d.roots, i)
		}
	}
	slices.Sort(d.roots)
	d.roots = slices.Compact(d.roots)
	return d
}

// of says how far a package's dependencies are known: by its manifest, by the record of the package manager that syft
// reads them from, or else because there are some.
func (e edges) of(p pkg.Package, some bool) knowledge {
	if known, ok := e.known[p.ID()]; ok {
		return known
	}
	switch meta := p.Metadata.(type) {
	case pkg.DpkgDBEntry, pkg.ApkDBEntry:
		return wholly
	case pkg.RpmDBEntry, pkg.AlpmDBEntry: // syft leaves out RPM's boolean expressions
		return partly
	case pkg.PythonPackage:
		// Older forms of metadata keep what is required in a file that syft does not read.
		if len(meta.RequiresDist) > 0 || slices.ContainsFunc(p.Locations.ToSlice(), isWheel) {
			return wholly
		}
	}
	if some {
		return partly
	}
	return unknown
}

func isWheel(at file.Location) bool { return path.Base(at.RealPath) == "METADATA" }

// Edges says for each type of packages how much is known of their dependencies, the most frequent type first. Of a
// catalogue that was read from a document it counts as known what the document relates.
func (c *Catalogue) Edges() []EdgeCoverage {
	d := c.dependencies()
	byType := map[pkg.Type]*EdgeCoverage{}
	for i, p := range d.packages {
		of := byType[p.Type]
		if of == nil {
			of = &EdgeCoverage{Type: string(p.Type)}
			byType[p.Type] = of
		}
		of.Packages++
		of.Edges += len(d.graph.Out(i))
		of.Missing += c.edges.missing[p.ID()]
		if d.known[i] != unknown {
			of.Known++
		}
	}
	var list []EdgeCoverage
	for _, of := range byType {
		list = append(list, *of)
	}
	slices.SortFunc(list, func(a, b EdgeCoverage) int {
		return cmp.Or(cmp.Compare(b.Packages, a.Packages), cmp.Compare(a.Type, b.Type))
	})
	return list
}
