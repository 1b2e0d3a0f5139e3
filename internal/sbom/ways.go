package sbom

import (
	"strings"

	"github.com/anchore/syft/syft/artifact"

	"github.com/stepseal/stepseal/internal/graph"
)

// Ways are shortest ways from what the image depends on itself to its packages.
type Ways struct {
	dependencies
	routes *graph.Routes
	place  map[artifact.ID]int
}

// Ways finds the ways to all packages, in one walk.
func (c *Catalogue) Ways() *Ways {
	w := &Ways{dependencies: c.dependencies(), place: map[artifact.ID]int{}}
	image := len(w.packages) // a node of its own, above all others
	whole := graph.New(image + 1)
	for i, p := range w.packages {
		w.place[p.ID()] = i
		for _, to := range w.graph.Out(i) {
			whole.Add(i, to)
		}
	}
	for _, root := range w.roots {
		whole.Add(image, root)
	}
	w.routes = whole.From(image)
	return w
}

// maxWay bounds a way that is shown; longer ones keep both ends.
const maxWay = 20

// maxStep bounds the name of one step of it, in bytes.
const maxStep = 300

// To is one way to the package with syft's id, "name version" each and the package last. It is empty where nothing but
// the image itself is known to depend on the package.
func (w *Ways) To(id artifact.ID) []string {
	at, ok := w.place[id]
	if !ok {
		return nil
	}
	ways := w.routes.To(at, 1)
	if len(ways) == 0 || len(ways[0]) < 3 { // image, package
		return nil
	}
	var names []string
	for _, i := range ways[0][1:] {
		name := strings.TrimSpace(w.packages[i].Name + " " + w.packages[i].Version)
		if len(name) > maxStep {
			name = strings.ToValidUTF8(name[:maxStep], "") + "..."
		}
		names = append(names, name)
	}
	if len(names) > maxWay {
		names = append(append(names[:maxWay/2:maxWay/2], "..."), names[len(names)-maxWay/2:]...)
	}
	return names
}
