package scan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/anchore/grype/grype"
	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/anchore/grype/grype/distro"
	"github.com/anchore/grype/grype/pkg"
	"github.com/anchore/syft/syft/file"
	"github.com/anchore/syft/syft/format"
	"github.com/anchore/syft/syft/format/cyclonedxjson"
	"github.com/anchore/syft/syft/format/spdxjson"
	"github.com/anchore/syft/syft/format/syftjson"
	"github.com/anchore/syft/syft/linux"
	syftpkg "github.com/anchore/syft/syft/pkg"
	syftsbom "github.com/anchore/syft/syft/sbom"
	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/advisory/testset"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/sbom"
)

func mustMatch(t *testing.T, of *sbom.Catalogue) Result {
	t.Helper()
	result, err := Match(context.Background(), database(), of)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// ids of the findings in a package, sorted.
func idsIn(r Result, name string) []string {
	var out []string
	for _, f := range r.Findings {
		if f.Package.Name == name {
			out = append(out, f.ID)
		}
	}
	slices.Sort(out)
	return out
}

func TestKnownVulnerabilitiesAreFound(t *testing.T) {
	result := mustMatch(t, catalogue(debian11, vulnerable()...))
	for name, want := range map[string][]string{
		"log4j-core":   {"GHSA-7rjr-3q55-vv33", "GHSA-jfh8-c2jp-5v3q"},
		"spring-beans": {"GHSA-36p3-wjmg-h94x"},
		"libssl1.1":    {"CVE-2021-3711", "CVE-2021-3712", "CVE-2022-0778", "CVE-2022-1292", "CVE-2022-2068", "CVE-2023-0286"},
		"zlib1g":       {"CVE-2018-25032", "CVE-2022-37434"},
		"gzip":         {"CVE-2022-1271"},
	} {
		got := idsIn(result, name)
		for _, id := range want {
			if !slices.Contains(got, id) {
				t.Errorf("%s: %s is not among %v", name, id, got)
			}
		}
	}
	for _, name := range []string{"jackson-databind", "lodash", "minimist", "semver", "jquery", "jinja2", "requests", "stdlib", "golang.org/x/net", "golang.org/x/text", "github.com/gogo/protobuf"} {
		if len(idsIn(result, name)) == 0 {
			t.Errorf("nothing found in %s", name)
		}
	}
	if n := len(idsIn(result, "stdlib")); n < 24 {
		t.Errorf("%d findings in Go 1.17's standard library, want dozens", n)
	}
}

func TestAFindingSaysWhereItIsAndWhatToDo(t *testing.T) {
	result := mustMatch(t, catalogue(debian11, vulnerable()...))
	i := slices.IndexFunc(result.Findings, func(f policy.Finding) bool { return f.ID == "GHSA-jfh8-c2jp-5v3q" })
	if i < 0 || i > 1 { // the second vulnerability of log4j is exploited too
		t.Fatalf("log4shell is finding %d of %d, want it among the first two", i, len(result.Findings))
	}
	f := result.Findings[i]
	if f.Severity != policy.Critical || !f.KnownExploited || !slices.Contains(f.Aliases, "CVE-2021-44228") || f.Provider != "github" {
		t.Errorf("%+v", f)
	}
	if diff := cmp.Diff(policy.Fix{State: policy.Fixed, Versions: []string{"2.15.0"}}, f.Fix); diff != "" {
		t.Error(diff)
	}
	want := []policy.Location{{Path: "/srv/app.jar", AccessPath: "/srv/app.jar:BOOT-INF/lib/log4j-core-2.14.1.jar", Layer: layer}}
	if diff := cmp.Diff(want, f.Locations); diff != "" {
		t.Error(diff)
	}
}

func TestFixedPackagesAreNotFound(t *testing.T) {
	result := mustMatch(t, catalogue(debian11,
		jar("org.apache.logging.log4j", "log4j-core", "2.17.1", "/a.jar"), npm("lodash", "4.17.21"), npm("react", "18.2.0"),
		deb("libssl1.1", "1.1.1n-0+deb11u4", "openssl"), deb("sudo", "1.9.5p2-3+deb11u1", ""),
	))
	if len(result.Findings) > 0 {
		t.Errorf("found %v", result.Findings)
	}
}

// What is matched from memory is what grype itself makes of the same content as a document.
func TestTheCatalogueIsPreparedAsGrypeDoes(t *testing.T) {
	owned := binary("gzip", "1.10", "/usr/bin/gzip")
	owner := deb("gzip", "1.10-4", "")
	full := related(content(debian11, append(vulnerable(), owned)...), owner, owned)
	ubuntu := &linux.Release{ID: "ubuntu", VersionID: "22.04", ExtendedSupport: true}
	esm := content(ubuntu, npm("lodash", "4.17.15"))
	for name, c := range map[string]struct {
		content *syftsbom.SBOM
		encoder func() (syftsbom.FormatEncoder, error)
		from    sbom.Format
	}{
		"syft JSON": {full, func() (syftsbom.FormatEncoder, error) { return syftjson.NewFormatEncoder(), nil }, sbom.FromSyftJSON},
		"syft JSON without a distribution": {
			content(nil, vulnerable()...), func() (syftsbom.FormatEncoder, error) { return syftjson.NewFormatEncoder(), nil }, sbom.FromSyftJSON,
		},
		"CycloneDX": {full, func() (syftsbom.FormatEncoder, error) {
			return cyclonedxjson.NewFormatEncoderWithConfig(cyclonedxjson.DefaultEncoderConfig())
		}, sbom.FromCycloneDX},
		"SPDX": {full, func() (syftsbom.FormatEncoder, error) {
			return spdxjson.NewFormatEncoderWithConfig(spdxjson.DefaultEncoderConfig())
		}, sbom.FromSPDX},
		"extended support": {esm, func() (syftsbom.FormatEncoder, error) { return syftjson.NewFormatEncoder(), nil }, sbom.FromSyftJSON},
	} {
		t.Run(name, func(t *testing.T) {
			encoder, err := c.encoder()
			if err != nil {
				t.Fatal(err)
			}
			var doc bytes.Buffer
			if err := encoder.Encode(&doc, *c.content); err != nil {
				t.Fatal(err)
			}
			config := pkg.ProviderConfig{SynthesisConfig: pkg.SynthesisConfig{Distro: pkg.DistroConfig{FixChannels: distro.DefaultFixChannels()}}}
			theirs, theirContext, _, err := pkg.ProvideFromReader(bytes.NewReader(doc.Bytes()), config)
			if err != nil {
				t.Fatal(err)
			}
			decoded, _, _, err := format.Decode(bytes.NewReader(doc.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			ours, ourContext := prepare(decoded, c.from)
			if diff := cmp.Diff(describe(theirs), describe(ours)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(fmt.Sprint(theirContext.Distro, theirContext.DistroDetectionFailed), fmt.Sprint(ourContext.Distro, ourContext.DistroDetectionFailed)); diff != "" {
				t.Error(diff)
			}
			theirMatches, _, err := (&grype.VulnerabilityMatcher{
				VulnerabilityProvider: database().provider, Matchers: matchers(), IgnoreRules: kernelHeaders,
			}).FindMatches(theirs, theirContext)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for m := range theirMatches.Enumerate() {
				want = append(want, m.Vulnerability.ID+" "+m.Package.Name)
			}
			var got []string
			for _, f := range mustMatch(t, sbom.FromSyft(decoded, c.from, "")).Findings {
				got = append(got, f.ID+" "+f.Package.Name)
			}
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" || len(got) == 0 {
				t.Errorf("%d findings: %s", len(got), diff)
			}
		})
	}
}

func describe(packages []pkg.Package) []string {
	var lines []string
	for _, p := range packages {
		lines = append(lines, fmt.Sprintf("%s %s %s %v %v %v", p.Type, p.Name, p.Version, p.Upstreams, p.Distro, p.CPEs))
	}
	slices.Sort(lines)
	return lines
}

func TestTheSameScanGivesTheSameFindingsInTheSameOrder(t *testing.T) {
	first := mustMatch(t, catalogue(debian11, vulnerable()...))
	packages := vulnerable()
	slices.Reverse(packages)
	for range 3 {
		again := mustMatch(t, catalogue(debian11, packages...))
		if diff := cmp.Diff(first.Findings, again.Findings); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestMatchStopsWhenNobodyWaits(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Match(ctx, database(), catalogue(debian11, vulnerable()...)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// Grype itself logs a look-up that failed, and reports no findings.
func TestADatabaseThatCannotBeSearchedIsNoAnswer(t *testing.T) {
	db, err := Open(context.Background(), Source{Path: built().Output, CacheDir: t.TempDir()}, Limits{}, now)
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	_, err = Match(context.Background(), db, catalogue(nil, npm("lodash", "4.17.15")))
	if got := outcome.Of(err); got == nil || got.Reason != outcome.DatabaseDamaged {
		t.Errorf("error %v", err)
	}
}

func TestCoverage(t *testing.T) {
	noVersion := npm("unversioned", "")
	nameless := npm("anonymous", "1.0")
	nameless.PURL = ""
	for name, c := range map[string]struct {
		of          *sbom.Catalogue
		want        []policy.Coverage
		unmatchable int
	}{
		"a release that the database holds": {
			catalogue(debian11, deb("gzip", "1.10-4", "")),
			[]policy.Coverage{{Type: "deb", Release: "debian:11", Packages: 1, Covered: true}}, 0,
		},
		"a release that it does not hold": {
			catalogue(debian12, deb("gzip", "1.12-1", ""), deb("zlib1g", "1:1.2.13", "zlib")),
			[]policy.Coverage{{Type: "deb", Release: "debian:12", Packages: 2}}, 0,
		},
		"another release of the same major number, which grype would match against": {
			catalogue(alpine("3.20.1"), apk("musl", "1.2.5-r0")),
			[]policy.Coverage{{Type: "apk", Release: "alpine:3.20", Packages: 1}}, 0,
		},
		"a patch release": {
			catalogue(alpine("3.10.9"), apk("musl", "1.1.22-r0")),
			[]policy.Coverage{{Type: "apk", Release: "alpine:3.10", Packages: 1, Covered: true}}, 0,
		},
		"packages of a distribution that was not detected": {
			catalogue(nil, deb("gzip", "1.10-4", "")),
			[]policy.Coverage{{Type: "deb", Release: "unknown", Packages: 1}}, 0,
		},
		"packages of a distribution that nobody knows": {
			catalogue(&linux.Release{ID: "homemade", VersionID: "1"}, deb("gzip", "1.10-4", "")),
			[]policy.Coverage{{Type: "deb", Release: "unknown", Packages: 1}, {Type: "distribution", Release: "unknown"}}, 0,
		},
		"a distribution that nobody knows, without a package of its own": {
			catalogue(&linux.Release{ID: "homemade", VersionID: "1"}, npm("lodash", "4.17.21")),
			[]policy.Coverage{{Type: "npm", Packages: 1, Covered: true}, {Type: "distribution", Release: "unknown"}}, 0,
		},
		"versions that compare with none": {
			catalogue(debian11, deb("gzip", "not a version", ""), python("flask", "master"), goModule("golang.org/x/net", "(devel)"), mainModule("v0.0.0-20210405180319-a5a99cb37ef4"), mainModule("v1.2.3")),
			[]policy.Coverage{{Type: "go-module", Packages: 1, Covered: true}}, 4,
		},
		"ecosystems with and without records, and what cannot be looked up": {
			catalogue(nil, npm("lodash", "4.17.21"), python("flask", "3.0.0"), goModule("golang.org/x/net", "v0.40.0"), binary("node", "20.0.0", "/usr/bin/node"), noVersion, nameless),
			[]policy.Coverage{{Type: "binary", Packages: 1}, {Type: "go-module", Packages: 1, Covered: true}, {Type: "npm", Packages: 1, Covered: true}, {Type: "python", Packages: 1, Covered: true}}, 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := mustMatch(t, c.of)
			if diff := cmp.Diff(c.want, got.Coverage); diff != "" {
				t.Error(diff)
			}
			if got.Unmatchable != c.unmatchable {
				t.Errorf("%d unmatchable, want %d", got.Unmatchable, c.unmatchable)
			}
		})
	}
}

func TestWhatIsOnlyFoundByCPEIsCoveredByRecordsWithCPEs(t *testing.T) {
	db := *database()
	db.holds.cpes = true
	found, err := Match(context.Background(), &db, catalogue(nil, binary("node", "20.0.0", "/usr/bin/node"), rustCrate("time", "0.3.47")))
	if err != nil {
		t.Fatal(err)
	}
	want := []policy.Coverage{{Type: "binary", Packages: 1, Covered: true}, {Type: "rust-crate", Packages: 1, Covered: true}}
	if diff := cmp.Diff(want, found.Coverage); diff != "" {
		t.Error(diff)
	}
	noCPE := binary("redis", "7.0.0", "/usr/bin/redis")
	noCPE.CPEs = nil
	found, err = Match(context.Background(), &db, catalogue(nil, binary("node", "20.0.0", "/usr/bin/node"), noCPE))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]policy.Coverage{{Type: "binary", Packages: 2}}, found.Coverage); diff != "" {
		t.Error(diff)
	}
}

func TestGoSymbolsNarrowTheFindings(t *testing.T) {
	blind := goModule("stdlib", "go1.17")
	seeing := goModule("stdlib", "go1.17")
	seeing.Metadata = syftpkg.GolangBinaryBuildinfoEntry{
		GoCompiledVersion: "go1.17", Symbols: map[string][]string{"net/textproto": {"Reader.ReadMIMEHeader"}, "fmt": {"Println"}},
	}
	all, some := len(mustMatch(t, catalogue(nil, blind)).Findings), len(mustMatch(t, catalogue(nil, seeing)).Findings)
	if some == 0 || some >= all {
		t.Errorf("%d findings with symbols, %d without", some, all)
	}
}

func TestAReleaseAtItsEndOfLifeIsReported(t *testing.T) {
	dir := unpacked(t)
	end := time.Date(2026, 9, 14, 0, 0, 0, 0, time.UTC)
	raw, err := v6.NewLowLevelDB(filepath.Join(dir, databaseFile), false, true, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Exec("UPDATE operating_systems SET eol_date = ?", end).Error; err != nil {
		t.Fatal(err)
	}
	if connection, err := raw.DB(); err != nil || connection.Close() != nil {
		t.Fatal("the database cannot be closed")
	}
	if err := os.Remove(filepath.Join(dir, importFile)); err != nil {
		t.Fatal(err)
	}
	for today, want := range map[time.Time]string{now.AddDate(0, 0, 30): "2026-09-14", now: ""} {
		db, err := Open(context.Background(), Source{Path: dir, CacheDir: t.TempDir()}, Limits{MaxAge: 10000 * time.Hour}, today)
		if err != nil {
			t.Fatal(err)
		}
		found, err := Match(context.Background(), db, catalogue(debian11, deb("gzip", "1.10-4", "")))
		if err != nil || found.Coverage[0].EndOfLife != want {
			t.Errorf("on %s: %+v, %v, want %q", today, found.Coverage, err, want)
		}
		db.Close()
	}
}

// Garbage in the place of a package database is no image without packages.
func TestWhatCannotBeReadIsPartOfTheResult(t *testing.T) {
	broken := content(debian11, npm("lodash", "4.17.21"))
	at := func(path string) file.Coordinates { return file.Coordinates{RealPath: path, FileSystemID: layer} }
	broken.Artifacts.Unknowns = map[file.Coordinates][]string{
		at("/var/lib/rpm/rpmdb.sqlite"): {"rpm-db-cataloger: unexpected encryption algorithm: 108"},
		at("/app/a.jar"):                {"java-archive-cataloger: zip: not a valid zip file"},
		at("/usr/bin/x"):                {"unknowns-labeler: no package identified in executable file"},
	}
	found := mustMatch(t, sbom.FromSyft(broken, sbom.FromImage, ""))
	want := []policy.Unreadable{
		{Path: "/var/lib/rpm/rpmdb.sqlite", Cataloger: "rpm-db-cataloger", Error: "unexpected encryption algorithm: 108", Decisive: true},
		{Path: "/app/a.jar", Cataloger: "java-archive-cataloger", Error: "zip: not a valid zip file"},
	}
	if diff := cmp.Diff(want, found.Unreadable); diff != "" {
		t.Error(diff)
	}
	if notes := strings.Join(found.Notes, "\n"); !strings.Contains(notes, `these 2 files`) || !strings.Contains(notes, `"/app/a.jar"`) || !strings.Contains(notes, `"debian", and none`) {
		t.Errorf("notes %s", notes)
	}
	decided := policy.Decide(found.Found, "")
	if decided.Ending != outcome.Undecided || decided.Reason != outcome.NotCovered || !strings.Contains(decided.Summary(), "rpmdb.sqlite") {
		t.Errorf("%s: %s", decided.Ending, decided.Summary())
	}
	report := NewReport(Subject{}, "1", database().Info(), found, decided, policy.Policy{})
	if len(report.Unreadable) != 2 || report.Packages.Unreadable != 2 {
		t.Errorf("%+v", report)
	}
}

func TestNotes(t *testing.T) {
	odd := catalogue(nil, goModule("golang.org/x/net", "v0.40.0"))
	got := mustMatch(t, sbom.FromSyft(odd.Content(), sbom.FromCycloneDX, "")).Notes
	if len(got) != 2 || !strings.Contains(got[0], "symbols") || !strings.Contains(got[1], "cyclonedx-json") {
		t.Errorf("notes %q", got)
	}
}

func BenchmarkBuild(b *testing.B) {
	for b.Loop() {
		opt := BuildOptions{FS: testset.FS, Output: filepath.Join(b.TempDir(), "database.tar.zst"), WorkDir: b.TempDir(), Built: now}
		if _, err := Build(context.Background(), opt); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	_ = database()
	src := Source{Path: built().Output, CacheDir: filepath.Join(scratch(), "cache")}
	for b.Loop() {
		db, err := Open(context.Background(), src, Limits{}, now)
		if err != nil {
			b.Fatal(err)
		}
		db.Close()
	}
}

func BenchmarkMatch(b *testing.B) {
	of := catalogue(debian11, vulnerable()...)
	db := database()
	for b.Loop() {
		if _, err := Match(context.Background(), db, of); err != nil {
			b.Fatal(err)
		}
	}
}

func TestANameOfTenMegabytesIsCut(t *testing.T) {
	long := strings.Repeat("é", 5<<20)
	p := described(long, long, syftpkg.NpmPkg, "pkg:npm/x?a="+long)
	if len(p.Name) > maxName+3 || len(p.Version) > maxName+3 || len(p.PURL) > maxPURL+3 || !utf8.ValidString(p.Name) || !strings.HasSuffix(p.Version, "...") {
		t.Errorf("%d, %d and %d bytes", len(p.Name), len(p.Version), len(p.PURL))
	}
	at := location(file.NewLocation("/"+long), pkg.Package{})
	if len(at.Path) > maxPURL+3 {
		t.Errorf("a path of %d bytes", len(at.Path))
	}
}
