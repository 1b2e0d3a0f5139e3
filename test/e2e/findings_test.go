package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a person compares after running grype on the same image with the same database: every finding with its place.
func TestFindingsAreThoseOfTheGrypeCommandLine(t *testing.T) {
	u, ref := newUser(t), pushed(t, made.bullseye)
	u.run("grype", "db", "import", made.database).want(t, 0, "")
	scanned := u.run("grype", "-q", "registry:"+ref, "-o", "json")
	scanned.want(t, 0, "")
	var theirs grypeReport
	if err := json.Unmarshal([]byte(scanned.stdout), &theirs); err != nil {
		t.Fatal(err)
	}

	u.stepseal("generate-sbom", "--image", ref).want(t, 0, "")
	for name, from := range map[string][]string{
		"in one process with the catalogue": {"--image", ref},
		"from the evidence":                 {"--evidence", "stepseal-out/evidence.json"},
		"from the syft document":            {"--image", ref, "--sbom", "stepseal-out/sbom.syft.json"},
	} {
		t.Run(name, func(t *testing.T) {
			to := strings.ReplaceAll(name, " ", "-")
			u.stepseal(gate(append([]string{"scan-gate", "--fail-on", "never", "--output-directory", to}, from...)...)...).want(t, 0, "")
			ours := read[scanReport](u, to+"/scan.json")
			if diff := cmp.Diff(theirs.findings(), ours.findings()); diff != "" {
				t.Errorf("findings (-grype +stepseal):\n%s", diff)
			}
		})
	}

	found := theirs.findings()
	isDistribution := func(finding string) bool { return strings.Contains(finding, " deb ") }
	t.Logf("%d findings, the first ones:\n%s", len(found), strings.Join(found[:min(len(found), 5)], "\n"))
	if len(found) < 30 || !slices.ContainsFunc(found, isDistribution) {
		t.Errorf("grype finds %d, want at least 30, and one of the distribution:\n%s", len(found), strings.Join(found, "\n"))
	}
}

// Log4j lies three jars deep, and the report says where.
func TestNestedJarRefusesTheImage(t *testing.T) {
	u, ref := newUser(t), pushed(t, made.bullseye)
	refused := u.secure(ref)
	refused.want(t, 10, "vulnerable")
	if stopped := refused.outputs["stopped-at"]; stopped != "gate" {
		t.Errorf("stopped-at is %q, want gate", stopped)
	}
	found := read[scanReport](u, "stepseal-out/scan.json").findings()
	nested := func(finding string) bool {
		return strings.HasPrefix(finding, "GHSA-jfh8-c2jp-5v3q java-archive log4j-core 2.14.1 at /srv/shop/shop-3.0.1.jar:") &&
			strings.Contains(finding, "orders-1.4.0.jar:") && strings.HasSuffix(finding, "log4j-core-2.14.1.jar")
	}
	if !slices.ContainsFunc(found, nested) {
		t.Errorf("no finding names log4j-core in its jars:\n%s", strings.Join(found, "\n"))
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
// an npm package brings along.
func gate(args ...string) []string {
	return append(args, "--database", made.database, "--max-database-age", "0", "--allow-uncovered", "binary,apple-app-bundle")
}

type location struct {
	Path, AccessPath string
	Annotations      struct{ Evidence string } // in grype's report only
}

type grypeReport struct {
	Matches []struct {
		Vulnerability struct{ ID string }
		Artifact      struct {
			Name, Version, Type string
			Locations           []location
		}
	}
}

func (r grypeReport) findings() []string {
	var found []string
	for _, m := range r.Matches {
		// Where the package itself lies; lists of files and copyright notices only support that.
		at := slices.DeleteFunc(slices.Clone(m.Artifact.Locations), func(l location) bool { return l.Annotations.Evidence == "supporting" })
		found = append(found, finding(m.Vulnerability.ID, m.Artifact.Type, m.Artifact.Name, m.Artifact.Version, at))
	}
	slices.Sort(found)
	return found
}

type scanReport struct {
	Findings []struct {
		ID      string
		Package struct{ Name, Version, Type string }
		// AccessPath is there where it says more than the path.
		Locations []location
	}
}

func (r scanReport) findings() []string {
	var found []string
	for _, f := range r.Findings {
		found = append(found, finding(f.ID, f.Package.Type, f.Package.Name, f.Package.Version, f.Locations))
	}
	slices.Sort(found)
	return found
}

func finding(id, kind, name, version string, at []location) string {
	var paths []string
	for _, l := range at {
		if l.AccessPath != "" {
			l.Path = l.AccessPath
		}
		paths = append(paths, l.Path)
	}
	slices.Sort(paths)
	return fmt.Sprintf("%s %s %s %s at %s", id, kind, name, version, strings.Join(slices.Compact(paths), ", "))
}
