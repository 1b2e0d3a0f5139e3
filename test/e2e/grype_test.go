package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A finding is what somebody compares who reads the reports of two tools side by side.
type finding struct {
	id, kind, name, version string
	at                      string // where the package lies, through every archive on the way
	severity, fix           string
	namespace, purl         string
}

func (f finding) String() string {
	return fmt.Sprintf("%s %s %s %s at %s, %s, %s, %s, %s", f.id, f.kind, f.name, f.version, f.at, f.severity, f.fix, f.namespace, f.purl)
}

// rows are findings in an order that says nothing.
func rows(found []finding) []string {
	var list []string
	for _, f := range found {
		list = append(list, f.String())
	}
	slices.Sort(list)
	return list
}

// grype is what the grype command line finds in a source, with the database that the product is given.
func (u user) grype(source string) []finding {
	u.t.Helper()
	scanned := u.scanWithGrype(source)
	scanned.want(u.t, 0, "")
	return scanned.grypeFindings(u.t)
}

func (e ended) grypeFindings(t *testing.T) []finding {
	t.Helper()
	var report grypeReport
	if err := json.Unmarshal([]byte(e.stdout), &report); err != nil {
		t.Fatal(err)
	}
	return report.findings()
}

func (u user) scanWithGrype(source string) ended {
	u.t.Helper()
	if _, err := os.Stat(u.path("grype-db")); err != nil {
		u.run("grype", "-q", "db", "import", made.database).want(u.t, 0, "")
	}
	return u.run("grype", source, "-o", "json")
}

// gated is what the product finds in the same source, as its report in that folder of the user's says.
func (u user) gated(folder string, from ...string) []finding {
	u.t.Helper()
	u.stepseal(gate(append([]string{"scan-gate", "--fail-on", "never", "--output-directory", folder}, from...)...)...).want(u.t, 0, "")
	return read[scanReport](u, folder+"/scan.json").findings()
}

// sameFindings compares what both found, down to how often.
func sameFindings(t *testing.T, grype, stepseal []finding) {
	t.Helper()
	if diff := cmp.Diff(rows(grype), rows(stepseal)); diff != "" {
		t.Errorf("findings (-grype +stepseal):\n%s", diff)
	}
}

type location struct {
	Path, AccessPath string
	Annotations      struct{ Evidence string } // in grype's report only
}

type grypeReport struct {
	Matches []struct {
		Vulnerability struct {
			ID, Severity, Namespace string
			Fix                     fixed
		}
		Artifact struct {
			Name, Version, Type, PURL string
			Locations                 []location
			// VirtualPath is a jar's, through every archive, where the locations do not say it, as in CycloneDX.
			Metadata struct{ VirtualPath string }
		}
	}
}

func (r grypeReport) findings() []finding {
	var found []finding
	for _, m := range r.Matches {
		v, p := m.Vulnerability, m.Artifact
		// Where the package itself lies; lists of files and copyright notices only support that.
		at := slices.DeleteFunc(slices.Clone(p.Locations), func(l location) bool { return l.Annotations.Evidence == "supporting" })
		// Grype leaves the state empty where a record says nothing of fixes, and takes that for unknown itself.
		// https://github.com/anchore/grype/blob/v0.120.1/grype/match/ignore.go
		if v.Fix.State == "" {
			v.Fix.State = "unknown"
		}
		for n := range at {
			if strings.HasPrefix(p.Metadata.VirtualPath, at[n].Path+":") {
				at[n].AccessPath = p.Metadata.VirtualPath
			}
		}
		found = append(found, finding{v.ID, p.Type, p.Name, p.Version, paths(at), strings.ToLower(v.Severity), v.Fix.String(), v.Namespace, p.PURL})
	}
	return found
}

type scanReport struct {
	Findings []struct {
		ID, Severity, Namespace string
		Fix                     fixed
		Package                 struct{ Name, Version, Type, PURL string }
		// AccessPath is there where it says more than the path.
		Locations []location
	}
}

func (r scanReport) findings() []finding {
	var found []finding
	for _, f := range r.Findings {
		p := f.Package
		found = append(found, finding{f.ID, p.Type, p.Name, p.Version, paths(f.Locations), f.Severity, f.Fix.String(), f.Namespace, p.PURL})
	}
	return found
}

// fixed is in both reports alike: whether there is a fix, and in which versions.
type fixed struct {
	State    string
	Versions []string
}

func (f fixed) String() string {
	slices.Sort(f.Versions)
	return strings.TrimSpace(f.State + " " + strings.Join(f.Versions, " "))
}

func paths(at []location) string {
	var list []string
	for _, l := range at {
		if l.AccessPath != "" {
			l.Path = l.AccessPath
		}
		list = append(list, l.Path)
	}
	slices.Sort(list)
	return strings.Join(slices.Compact(list), ", ")
}
