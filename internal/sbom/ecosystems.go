package sbom

import (
	"slices"

	"github.com/anchore/syft/syft/pkg"
)

// Ecosystems are the types of packages, and what package URLs call them: python, and pypi.
func Ecosystems() []string {
	names := []string{string(pkg.UnknownPkg)}
	for _, t := range pkg.AllPkgs {
		names = append(names, string(t))
		if purl := t.PackageURLType(); purl != "" {
			names = append(names, purl)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
