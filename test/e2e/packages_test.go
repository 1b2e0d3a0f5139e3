package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a person compares after running syft on the same image: packages in each ecosystem, and each package.
func TestPackagesAreThoseOfTheSyftCommandLine(t *testing.T) {
	u, ref := newUser(t), pushed(t, made.bullseye)
	u.stepseal("generate-sbom", "--image", ref).want(t, 0, "")
	u.run("syft", "-q", "registry:"+ref,
		"-o", "syft-json=syft.json", "-o", "cyclonedx-json=syft.cdx.json", "-o", "spdx-json=syft.spdx.json").want(t, 0, "")

	ours, theirs := read[syftDocument](u, "stepseal-out/sbom.syft.json"), read[syftDocument](u, "syft.json")
	for ecosystem, count := range theirs.counts() {
		t.Logf("%-18s %5d", ecosystem, count)
	}
	if npm := theirs.counts()["npm"]; npm < 2000 {
		t.Errorf("the image holds %d npm packages, want at least 2000", npm)
	}
	if diff := cmp.Diff(theirs.counts(), ours.counts()); diff != "" {
		t.Errorf("packages in each ecosystem (-syft +stepseal):\n%s", diff)
	}
	if diff := cmp.Diff(theirs.packages(), ours.packages()); diff != "" {
		t.Errorf("packages (-syft +stepseal):\n%s", diff)
	}

	ourCycloneDX, theirCycloneDX := read[cycloneDX](u, "stepseal-out/sbom.cdx.json"), read[cycloneDX](u, "syft.cdx.json")
	if diff := cmp.Diff(theirCycloneDX.purls(), ourCycloneDX.purls()); diff != "" {
		t.Errorf("components of the CycloneDX document (-syft +stepseal):\n%s", diff)
	}
	ourSPDX, theirSPDX := read[spdx](u, "stepseal-out/sbom.spdx.json"), read[spdx](u, "syft.spdx.json")
	if diff := cmp.Diff(theirSPDX.purls(), ourSPDX.purls()); diff != "" {
		t.Errorf("packages of the SPDX document (-syft +stepseal):\n%s", diff)
	}
	matchesSchema(t, u.path("stepseal-out/sbom.cdx.json"), cycloneDXSchema)
	matchesSchema(t, u.path("stepseal-out/sbom.spdx.json"), spdxSchema)
}

// syftDocument is the part of syft's own format that names packages.
type syftDocument struct {
	Artifacts []struct {
		Name, Version, Type, PURL string
		Locations                 []struct{ Path string }
	}
}

func (d syftDocument) counts() map[string]int {
	counts := map[string]int{}
	for _, a := range d.Artifacts {
		counts[a.Type]++
	}
	return counts
}

func (d syftDocument) packages() []string {
	var packages []string
	for _, a := range d.Artifacts {
		var paths []string
		for _, location := range a.Locations {
			paths = append(paths, location.Path)
		}
		slices.Sort(paths)
		packages = append(packages, fmt.Sprintf("%s %s %s %s at %s", a.Type, a.Name, a.Version, a.PURL, strings.Join(paths, ", ")))
	}
	slices.Sort(packages)
	return packages
}

type cycloneDX struct {
	Components []struct{ Type, PURL string }
}

// purls leaves out the components that syft's command line adds for files and for the operating system.
func (d cycloneDX) purls() map[string]int {
	counts := map[string]int{}
	for _, c := range d.Components {
		if c.PURL != "" {
			counts[c.PURL]++
		}
	}
	return counts
}

type spdx struct {
	Packages []struct {
		ExternalRefs []struct{ ReferenceType, ReferenceLocator string }
	}
}

// purls leaves out the image itself, whose address differs: the command line knows no repository in it.
func (d spdx) purls() map[string]int {
	counts := map[string]int{}
	for _, p := range d.Packages {
		for _, ref := range p.ExternalRefs {
			if ref.ReferenceType == "purl" {
				counts[ref.ReferenceLocator]++
			}
		}
	}
	maps.DeleteFunc(counts, func(purl string, _ int) bool { return strings.HasPrefix(purl, "pkg:oci/") })
	return counts
}
