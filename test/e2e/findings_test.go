package e2e

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// What a person compares after running grype on the same image with the same database: every finding with its place.
func TestFindingsAreThoseOfTheGrypeCommandLine(t *testing.T) {
	u, ref := newUser(t), pushed(t, made.bullseye)
	theirs := u.grype("registry:" + ref)

	u.stepseal("generate-sbom", "--image", ref).want(t, 0, "")
	for name, from := range map[string][]string{
		"in one process with the catalogue": {"--image", ref},
		"from the evidence":                 {"--evidence", "stepseal-out/evidence.json"},
		"from the syft document":            {"--image", ref, "--sbom", "stepseal-out/sbom.syft.json"},
	} {
		t.Run(name, func(t *testing.T) {
			sameFindings(t, theirs, u.gated(strings.ReplaceAll(name, " ", "-"), from...))
		})
	}
	u.documentsSayTheSameToBoth(t, ourDocuments...)

	found := rows(theirs)
	isDistribution := func(f finding) bool { return f.kind == "deb" }
	t.Logf("%d findings, the first ones:\n%s", len(found), strings.Join(found[:min(len(found), 5)], "\n"))
	if len(found) < 30 || !slices.ContainsFunc(theirs, isDistribution) {
		t.Errorf("grype finds %d, want at least 30, and one of the distribution:\n%s", len(found), strings.Join(found, "\n"))
	}
}

// documentsSayTheSameToBoth compares what both find in documents of the same image.
func (u user) documentsSayTheSameToBoth(t *testing.T, documents ...string) {
	t.Helper()
	for _, document := range documents {
		t.Run(document, func(t *testing.T) {
			u := user{t, u.dir}
			theirs := u.grype("sbom:" + document)
			sameFindings(t, theirs, u.gated("from-"+path.Base(document), "--sbom", document))
			if len(theirs) < 2 {
				t.Errorf("grype finds %d", len(theirs))
			}
		})
	}
}

// ourDocuments are what generate-sbom leaves.
var ourDocuments = []string{"stepseal-out/sbom.syft.json", "stepseal-out/sbom.cdx.json", "stepseal-out/sbom.spdx.json"}

// Log4j lies three jars deep, and the report says where.
func TestNestedJarRefusesTheImage(t *testing.T) {
	u, ref := newUser(t), pushed(t, made.bullseye)
	refused := u.secure(ref)
	refused.want(t, 10, "vulnerable")
	if stopped := refused.outputs["stopped-at"]; stopped != "gate" {
		t.Errorf("stopped-at is %q, want gate", stopped)
	}
	found := read[scanReport](u, "stepseal-out/scan.json").findings()
	nested := func(f finding) bool {
		return f.id == "GHSA-jfh8-c2jp-5v3q" && f.name == "log4j-core" && f.version == "2.14.1" &&
			strings.HasPrefix(f.at, "/srv/shop/shop-3.0.1.jar:") &&
			strings.Contains(f.at, "orders-1.4.0.jar:") && strings.HasSuffix(f.at, "log4j-core-2.14.1.jar")
	}
	if !slices.ContainsFunc(found, nested) {
		t.Errorf("no finding names log4j-core in its jars:\n%s", strings.Join(rows(found), "\n"))
	}
	if tags := tagsOf(t, ref); !slices.Equal(tags, []string{"1.0"}) {
		t.Errorf("the refused image has the tags %v, want no signature beside 1.0", tags)
	}
}

// The database ends at Debian 11, so it has nothing to say about the packages of Debian 12.
func TestUncoveredReleaseIsUndecided(t *testing.T) {
	u, ref := newUser(t), pushed(t, made.bookworm)
	undecided := u.secure(ref)
	undecided.want(t, 11, "not-covered")
	if !strings.Contains(undecided.stderr, "deb debian:12") {
		t.Errorf("nothing names the release that the database does not know:\n%s", undecided.stderr)
	}
	if tags := tagsOf(t, ref); !slices.Equal(tags, []string{"1.0"}) {
		t.Errorf("the undecided image has the tags %v, want no signature beside 1.0", tags)
	}
}

// gate adds the database, whose records are old on purpose and know nothing of the programs for Windows and macOS that
// an npm package brings along. SPDX does not tell of what kind these are.
func gate(args ...string) []string {
	return append(args, "--database", made.database, "--max-database-age", "0", "--allow-uncovered", "binary,apple-app-bundle,UnknownPackage")
}
