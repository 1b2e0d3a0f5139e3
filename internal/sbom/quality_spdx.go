package sbom

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/spdx/tools-golang/spdx"
	"github.com/spdx/tools-golang/spdx/v2/common"

	spdxjson "github.com/spdx/tools-golang/json"
)

// contextComment is how a comment tells the generation context, for which SPDX 2 has no field. Compiled when first used,
// for every start of the program would wait for it.
var contextComment = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(?:generation context|sbom type|lifecycle)\s*:\s*\w`)
})

func saidBySPDX(doc []byte) (*said, error) {
	parsed, err := spdxjson.Read(bytes.NewReader(doc))
	if err != nil {
		return nil, fmt.Errorf("not SPDX: %w", err)
	}
	var s said
	if made := parsed.CreationInfo; made != nil {
		s.timestamp = isTime(made.Created)
		s.context = contextComment().MatchString(made.CreatorComment)
		for _, c := range made.Creators {
			if c.CreatorType == "Tool" {
				s.tool = s.tool || asserts(c.Creator)
			} else {
				s.author = s.author || asserts(c.Creator)
			}
		}
	}
	related := relatedPackages(parsed)
	for _, p := range parsed.Packages {
		if p == nil || !isSoftware(p) {
			continue
		}
		supplier := p.PackageSupplier != nil && asserts(p.PackageSupplier.Supplier)
		s.components = append(s.components, traits{
			supplier:   supplier,
			producer:   supplier || p.PackageOriginator != nil && asserts(p.PackageOriginator.Originator),
			name:       asserts(p.PackageName),
			version:    asserts(p.PackageVersion),
			identifier: hasIdentifier(p),
			related:    related[p.PackageSPDXIdentifier],
			hash:       hasChecksum(p),
			licence:    anyAsserts(p.PackageLicenseDeclared, p.PackageLicenseConcluded),
		})
	}
	return &s, nil
}

// isSoftware leaves out files, distributions, and Trivy's lock files.
func isSoftware(p *spdx.Package) bool {
	switch p.PrimaryPackagePurpose {
	case "OPERATING-SYSTEM", "OPERATING_SYSTEM", "FILE":
		return false
	case "APPLICATION":
		return !strings.HasPrefix(string(p.PackageSPDXIdentifier), "Application-") || p.PackageVersion != ""
	}
	return true
}

// relatedPackages are those that are said to be part of another, or to depend on it. That the document describes one is
// no relationship of software, and that nobody knows none at all.
func relatedPackages(doc *spdx.Document) map[common.ElementID]bool {
	related := map[common.ElementID]bool{}
	for _, r := range doc.Relationships {
		if r == nil || r.Relationship == common.TypeRelationshipOther || r.RefA.SpecialID != "" || r.RefB.SpecialID == "NOASSERTION" {
			continue
		}
		if r.RefA.ElementRefID == "DOCUMENT" || r.RefB.ElementRefID == "DOCUMENT" {
			continue
		}
		related[r.RefA.ElementRefID] = true
		related[r.RefB.ElementRefID] = true
	}
	return related
}

func hasIdentifier(p *spdx.Package) bool {
	for _, ref := range p.PackageExternalReferences {
		if ref == nil || !asserts(ref.Locator) {
			continue
		}
		switch strings.ToLower(ref.RefType) {
		case "purl", "cpe22type", "cpe23type", "swid", "gitoid", "swh":
			return true
		}
	}
	return false
}

func hasChecksum(p *spdx.Package) bool {
	for _, c := range p.PackageChecksums {
		if c.Algorithm != "" && asserts(c.Value) {
			return true
		}
	}
	return false
}
