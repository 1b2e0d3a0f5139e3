package scan

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/anchore/grype/grype/distro"
	"github.com/anchore/grype/grype/pkg"
	"github.com/anchore/grype/grype/version"
	"github.com/anchore/grype/grype/vulnerability"
	syftpkg "github.com/anchore/syft/syft/pkg"

	"github.com/stepseal/stepseal/internal/policy"
)

// holdings are what a database holds any record for.
type holdings struct {
	ecosystems map[string]bool // package types outside distributions
	systems    map[v6.ID]bool  // rows of distribution releases
	cpes       bool
	unrated    []string // as policy.Found has it
}

func readHoldings(dir string) (holdings, error) {
	db, err := v6.NewLowLevelDB(v6.Config{DBDirPath: dir}.DBFilePath(), false, false, false)
	if err != nil {
		return holdings{}, err
	}
	if connection, err := db.DB(); err == nil {
		defer connection.Close()
	}
	h := holdings{ecosystems: map[string]bool{}, systems: map[v6.ID]bool{}}
	var ecosystems []string
	if err := db.Raw(`SELECT DISTINCT ecosystem FROM packages WHERE EXISTS (
		SELECT 1 FROM affected_package_handles a WHERE a.package_id = packages.id AND a.operating_system_id IS NULL)`).Scan(&ecosystems).Error; err != nil {
		return holdings{}, err
	}
	for _, e := range ecosystems {
		h.ecosystems[strings.ToLower(e)] = true
	}
	var systems []v6.ID
	if err := db.Raw(`SELECT id FROM operating_systems WHERE EXISTS (
		SELECT 1 FROM affected_package_handles a WHERE a.operating_system_id = operating_systems.id)`).Scan(&systems).Error; err != nil {
		return holdings{}, err
	}
	for _, id := range systems {
		h.systems[id] = true
	}
	for name, table := range map[string]string{policy.EPSS: "epss_handles", policy.KnownExploited: "known_exploited_vulnerability_handles"} {
		var held bool
		if err := db.Raw(`SELECT EXISTS (SELECT 1 FROM ` + table + `)`).Scan(&held).Error; err != nil {
			return holdings{}, err
		}
		if !held {
			h.unrated = append(h.unrated, name)
		}
	}
	slices.Sort(h.unrated)
	return h, db.Raw(`SELECT EXISTS (SELECT 1 FROM affected_cpe_handles)`).Scan(&h.cpes).Error
}

// unknownRelease is the release of packages whose distribution was not detected.
const unknownRelease = "unknown"

// coverage counts the packages by what they are looked up in, and asks of each whether the database holds anything.
func (db *Database) coverage(packages []pkg.Package) (rows []policy.Coverage, unmatchable int, err error) {
	at := map[[2]string]int{}
	for i := range packages {
		p := &packages[i]
		if !matchable(p) {
			unmatchable++
			continue
		}
		row, err := db.lookUp(p, at, rows)
		if err != nil {
			return nil, 0, err
		}
		key := [2]string{row.Type, row.Release}
		n, known := at[key]
		if !known {
			n = len(rows)
			at[key] = n
			rows = append(rows, row)
		}
		rows[n].Packages++
		// Without a CPE of its own, a package of a type that is only found by CPE is not covered.
		rows[n].Covered = rows[n].Covered && row.Covered
	}
	slices.SortFunc(rows, func(a, b policy.Coverage) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Release, b.Release))
	})
	return rows, unmatchable, nil
}

// matchable says whether the package has what a look-up needs. A version that grype cannot read compares with none: each
// record of the package is left out for it, without a word.
func matchable(p *pkg.Package) bool {
	if p.Name == "" || placeholder(p) || !isVersion(p.Version, pkg.VersionFormat(*p)) {
		return false
	}
	return p.PURL != "" && p.Type != syftpkg.UnknownPkg || len(p.CPEs) > 0
}

// isVersion says whether the text is one version, of that format. Some formats' readers take anything for one.
func isVersion(text string, format version.Format) bool {
	return text != "" && !strings.EqualFold(text, "unknown") && !isRange(text) && version.New(text, format).Validate() == nil
}

// isRange tells the versions that a manifest allows, which GitHub's dependency graph gives where there is no lock file:
// "^4.17.0", ">= 1.0, < 2.0", "[1.0,2.0)", "4.*". Some formats' readers would compare them all the same.
func isRange(version string) bool {
	return strings.ContainsAny(version[:1], "^<>=*[(") || strings.HasPrefix(version, "~>") || strings.HasPrefix(version, "~=") ||
		strings.ContainsAny(version, ",|*") || strings.Contains(version, " - ")
}

// placeholder is what a Go program says of itself where nobody gave it a version; grype does not look it up.
// https://github.com/anchore/grype/blob/v0.120.1/grype/matcher/golang/matcher.go
func placeholder(p *pkg.Package) bool {
	m, ok := p.Metadata.(pkg.GolangBinMetadata)
	return ok && m.MainModule != "" && m.MainModule == p.Name &&
		(strings.HasPrefix(p.Version, "v0.0.0-") || strings.HasPrefix(p.Version, "(devel)"))
}

func (db *Database) lookUp(p *pkg.Package, at map[[2]string]int, rows []policy.Coverage) (policy.Coverage, error) {
	// A document may say nothing of a package's kind. The gap has a name all the same, so that somebody can accept it.
	row := policy.Coverage{Type: string(cmp.Or(p.Type, syftpkg.UnknownPkg))}
	if !isOSPackage(p.Type) && p.Type != syftpkg.KbPkg {
		byCPE := db.holds.cpes && len(p.CPEs) > 0 && !namedTypes()[p.Type]
		row.Covered = db.holds.ecosystems[strings.ToLower(row.Type)] || byCPE
		return row, nil
	}
	row.Release = release(p.Distro)
	if n, known := at[[2]string{row.Type, row.Release}]; known {
		row.Covered = rows[n].Covered
		return row, nil
	}
	if p.Distro == nil {
		return row, nil
	}
	systems, err := db.reader.GetOperatingSystems(specifier(p.Distro))
	if err != nil {
		return row, err
	}
	row.Covered = slices.ContainsFunc(systems, func(os v6.OperatingSystem) bool {
		return db.holds.systems[os.ID] && sameRelease(os, p.Distro)
	})
	if checker, ok := db.provider.(vulnerability.EOLChecker); ok {
		end, _, err := checker.GetOperatingSystemEOL(p.Distro)
		if err != nil {
			return row, err
		}
		if end != nil && end.Before(db.now) {
			row.EndOfLife = end.UTC().Format(time.DateOnly)
		}
	}
	return row, nil
}

// namedTypes are the package types with a matcher of their own, which by default looks for names alone. All others are
// looked for by CPE too.
var namedTypes = sync.OnceValue(func() map[syftpkg.Type]bool {
	types := map[syftpkg.Type]bool{}
	for _, m := range matchers() {
		for _, t := range m.PackageTypes() {
			types[t] = true
		}
	}
	return types
})

// release is the release as a database knows it: name and version without the parts that no advisory tells apart.
func release(d *distro.Distro) string {
	if d == nil {
		return unknownRelease
	}
	name := cmp.Or(d.ID(), d.Name())
	switch {
	case d.MajorVersion() == "":
		return name + ":" + cmp.Or(d.LabelVersion(), d.Version, unknownRelease)
	case d.MinorVersion() == "":
		return name + ":" + d.MajorVersion()
	}
	return name + ":" + d.MajorVersion() + "." + d.MinorVersion()
}

func specifier(d *distro.Distro) v6.OSSpecifier {
	return v6.OSSpecifier{
		Name: d.Name(), MajorVersion: d.MajorVersion(), MinorVersion: d.MinorVersion(),
		RemainingVersion: d.RemainingVersion(), LabelVersion: d.LabelVersion(),
	}
}

// sameRelease refuses what grype falls back to: any release with the same major number. For Alpine 3.20 that may be
// 3.10, whose records say nothing about it. A rolling release, and one that is known by its major number, are the same.
func sameRelease(os v6.OperatingSystem, d *distro.Distro) bool {
	trim := func(v string) string { return cmp.Or(strings.TrimLeft(v, "0"), v[:min(len(v), 1)]) }
	if os.MajorVersion == "" {
		return true
	}
	return trim(os.MajorVersion) == trim(d.MajorVersion()) &&
		(os.MinorVersion == "" || trim(os.MinorVersion) == trim(d.MinorVersion()))
}
