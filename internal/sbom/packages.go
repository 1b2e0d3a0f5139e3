package sbom

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/anchore/packageurl-go"
	"github.com/anchore/syft/syft/artifact"
	"github.com/anchore/syft/syft/pkg"
	"github.com/spdx/tools-golang/spdx"
	"github.com/spdx/tools-golang/spdx/v2/common"
)

// pkgSource is the source package that a package of a distribution was built from, whose name advisories use.
type pkgSource struct{ name, version, release, epoch string }

// tidySPDX takes out of a document what is no package and what syft would lose, and finds the source packages.
func tidySPDX(doc *spdx.Document) (map[artifact.ID]pkgSource, error) {
	doc.Packages = slices.DeleteFunc(doc.Packages, func(p *spdx.Package) bool { return p == nil })
	doc.Relationships = slices.DeleteFunc(doc.Relationships, func(r *spdx.Relationship) bool { return r == nil })
	if len(doc.Packages) > maxPackages {
		return nil, fmt.Errorf("%d packages, more than the %d allowed", len(doc.Packages), maxPackages)
	}
	roots := described(doc)
	known := map[common.ElementID]*spdx.Package{}
	for i, p := range doc.Packages {
		if known[p.PackageSPDXIdentifier] != nil { // syft keeps the first of an id
			p.PackageSPDXIdentifier = common.ElementID(fmt.Sprintf("%s-again-%d", p.PackageSPDXIdentifier, i))
		}
		known[p.PackageSPDXIdentifier] = p
	}
	upstreams := sources(doc, known)
	doc.Packages = slices.DeleteFunc(doc.Packages, func(p *spdx.Package) bool {
		switch p.PrimaryPackagePurpose {
		case "OPERATING-SYSTEM", "OPERATING_SYSTEM":
			return !namesPackage(p)
		case "FILE":
			return !roots[p.PackageSPDXIdentifier] && !namesPackage(p) // the root is what syft takes for the source
		case "APPLICATION":
			// Trivy's lock files, which hold the packages.
			return strings.HasPrefix(string(p.PackageSPDXIdentifier), "Application-") && p.PackageVersion == "" && !namesPackage(p)
		case "CONTAINER":
			return false // likewise; another one is software of which nothing is known
		}
		return roots[p.PackageSPDXIdentifier] && !namesPackage(p)
	})
	for _, p := range doc.Packages {
		if p.PackageVersion == "NOASSERTION" || p.PackageVersion == "NONE" {
			p.PackageVersion = "" // the purl's counts
		}
	}
	return upstreams, nil
}

// described are the packages that the document is about.
func described(doc *spdx.Document) map[common.ElementID]bool {
	roots := map[common.ElementID]bool{}
	for _, r := range doc.Relationships {
		switch {
		case r.Relationship == common.TypeRelationshipDescribe && r.RefA.ElementRefID == "DOCUMENT":
			roots[r.RefB.ElementRefID] = true
		case r.Relationship == common.TypeRelationshipDescribeBy && r.RefB.ElementRefID == "DOCUMENT":
			roots[r.RefA.ElementRefID] = true
		}
	}
	return roots
}

// namesPackage says that an SPDX package has an identifier that can be looked up: a repository's, a container's or an
// installation medium's cannot.
func namesPackage(p *spdx.Package) bool {
	for _, ref := range p.PackageExternalReferences {
		if ref == nil {
			continue
		}
		if strings.HasPrefix(ref.RefType, "cpe") || ref.RefType == common.TypePackageManagerPURL && pkg.TypeFromPURL(ref.Locator) != pkg.UnknownPkg {
			return true
		}
	}
	return false
}

// sources finds what packages of a distribution were built from. Docker Scout lists the source packages beside the
// others, and says which was generated from which; syft drops each that something was generated from, and so a package
// too that says it of itself. Trivy writes a sentence.
func sources(doc *spdx.Document, known map[common.ElementID]*spdx.Package) map[artifact.ID]pkgSource {
	upstreams, generating := map[artifact.ID]pkgSource{}, map[common.ElementID]bool{}
	for _, r := range doc.Relationships {
		generating[r.RefB.ElementRefID] = generating[r.RefB.ElementRefID] || r.Relationship == common.TypeRelationshipGeneratedFrom
	}
	doc.Relationships = slices.DeleteFunc(doc.Relationships, func(r *spdx.Relationship) bool {
		if r.Relationship != common.TypeRelationshipGeneratedFrom {
			return false
		}
		of, from := known[r.RefA.ElementRefID], known[r.RefB.ElementRefID]
		if of == nil || from == nil || generating[of.PackageSPDXIdentifier] {
			return true
		}
		upstreams[artifact.ID(of.PackageSPDXIdentifier)] = pkgSource{name: from.PackageName, version: from.PackageVersion}
		return false
	})
	for _, p := range doc.Packages {
		said, ok := strings.CutPrefix(p.PackageSourceInfo, "built package from: ")
		if name, version, two := strings.Cut(said, " "); ok && two {
			upstreams[artifact.ID(p.PackageSPDXIdentifier)] = pkgSource{name: name, version: version}
		}
	}
	return upstreams
}

// adjust names the packages as advisories do, and gives them the source packages that the document tells.
func (c *Catalogue) adjust(upstreams map[artifact.ID]pkgSource) {
	packages := c.content.Artifacts.Packages
	for _, p := range packages.Sorted() {
		name := advisoryName(p)
		source, built := upstreams[p.ID()]
		built = built && source.name != name
		if name == p.Name && !built {
			continue
		}
		p.Name = name
		if built {
			p.Metadata = source.in(p)
		}
		packages.Delete(p.ID())
		packages.Add(p)
	}
}

// in is the package's metadata with its source, where the document had none.
func (s pkgSource) in(p pkg.Package) any {
	version := s.version
	if s.release != "" {
		version += "-" + s.release
	}
	switch p.Type {
	case pkg.DebPkg:
		m, _ := p.Metadata.(pkg.DpkgDBEntry)
		if m.Source == "" {
			if s.epoch != "" && s.epoch != "0" {
				version = s.epoch + ":" + version
			}
			m.Source, m.SourceVersion = s.name, version
		}
		return m
	case pkg.RpmPkg:
		m, _ := p.Metadata.(pkg.RpmDBEntry)
		if m.SourceRpm == "" && strings.Contains(version, "-") {
			m.SourceRpm = s.name + "-" + version + ".src.rpm"
		}
		return m
	case pkg.ApkPkg:
		m, _ := p.Metadata.(pkg.ApkDBEntry)
		m.OriginPackage = cmp.Or(m.OriginPackage, s.name)
		return m
	}
	return p.Metadata
}

// namedByPURL are the kinds of packages whose purl holds the name that advisories use. Others have names that a purl
// writes in another way.
var namedByPURL = []pkg.Type{pkg.NpmPkg, pkg.JavaPkg, pkg.PythonPkg, pkg.GemPkg, pkg.RustPkg, pkg.DotnetPkg, pkg.PhpComposerPkg,
	pkg.GoModulePkg, pkg.DebPkg, pkg.RpmPkg, pkg.ApkPkg}

// advisoryName is the package's name by its purl: GitHub has called lodash npm:lodash, Trivy calls log4j-core
// org.apache.logging.log4j:log4j-core, and looked up under these names both would have no vulnerability.
func advisoryName(p pkg.Package) string {
	purl, err := packageurl.FromString(p.PURL)
	// Docker Scout makes a subpath of a Go module's last part.
	if err != nil || !slices.Contains(namedByPURL, p.Type) || purl.Subpath != "" {
		return p.Name
	}
	switch p.Type {
	case pkg.JavaPkg, pkg.DebPkg, pkg.RpmPkg, pkg.ApkPkg, pkg.PythonPkg, pkg.GemPkg, pkg.RustPkg, pkg.DotnetPkg:
		if strings.EqualFold(p.Name, purl.Name) {
			return p.Name
		}
		return purl.Name
	}
	name := purl.Name
	if purl.Namespace != "" {
		name = purl.Namespace + "/" + name
	}
	if strings.EqualFold(p.Name, name) {
		return p.Name
	}
	return name
}
