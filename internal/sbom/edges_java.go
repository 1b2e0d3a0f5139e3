package sbom

import (
	"strings"

	"github.com/anchore/syft/syft/pkg"
)

// maxNesting bounds how many archives deep a path is followed outwards; syft itself opens no more.
const maxNesting = 64

// nestedJars lets an archive depend on what lies in it. Syft relates an archive to the one around it; where that has no
// manifest it is no package, and what lies in it stays alone.
func nestedJars(packages []pkg.Package, to *drawn) {
	at := map[string]pkg.Package{}
	for _, p := range packages {
		if meta, ok := p.Metadata.(pkg.JavaArchive); ok {
			if _, taken := at[meta.VirtualPath]; !taken {
				at[meta.VirtualPath] = p
			}
		}
	}
	for _, p := range packages {
		meta, ok := p.Metadata.(pkg.JavaArchive)
		if !ok || to.needed[p.ID()] {
			continue
		}
		place := meta.VirtualPath // outer.jar:lib/inner.jar:group:artifact
		for range maxNesting {
			cut := strings.LastIndexByte(place, ':')
			if cut < 0 {
				break
			}
			place = place[:cut]
			if outer, ok := at[place]; ok {
				to.add(outer, p)
				break
			}
		}
	}
}
