package scan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/anchore/grype/grype/pkg"
	"github.com/anchore/grype/grype/version"
	syftpkg "github.com/anchore/syft/syft/pkg"

	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/sbom"
)

// Components is the catalogue for the rules that ask what is there, vulnerable or not, in the order of name, version and
// place.
func Components(catalogue *sbom.Catalogue) []policy.Component {
	var all []policy.Component
	for _, p := range catalogue.All() {
		all = append(all, component(p))
	}
	slices.SortFunc(all, func(a, b policy.Component) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version), cmp.Compare(a.PURL, b.PURL), cmp.Compare(where(a), where(b)))
	})
	return all
}

func where(c policy.Component) string {
	if len(c.Locations) == 0 {
		return ""
	}
	return c.Locations[0].Path
}

func component(p syftpkg.Package) policy.Component {
	of := pkg.New(p)
	return policy.Component{Package: described(p.Name, p.Version, p.Type, p.PURL), Locations: locations(of), Licenses: sbom.LicencesOf(p)}
}

// Satisfies says whether the package's version is within the constraint, by the rules of its ecosystem. It is an error
// where that cannot be told.
func Satisfies(of policy.Package, constraint string) (bool, error) {
	format := pkg.VersionFormat(pkg.Package{Name: of.Name, Version: of.Version, Type: syftpkg.Type(of.Type)})
	within, err := version.GetConstraint(constraint, format)
	if err != nil {
		return false, fmt.Errorf("%q is no range of %s versions: %w", constraint, of.Type, err)
	}
	if !isVersion(of.Version, format) {
		return false, fmt.Errorf("%q is no %s version", of.Version, of.Type)
	}
	return within.Satisfied(version.New(of.Version, format))
}
