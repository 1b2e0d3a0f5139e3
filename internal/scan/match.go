package scan

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anchore/grype/grype"
	"github.com/anchore/grype/grype/match"
	"github.com/anchore/grype/grype/matcher"
	"github.com/anchore/grype/grype/matcher/dpkg"
	"github.com/anchore/grype/grype/matcher/java"
	"github.com/anchore/grype/grype/matcher/rpm"
	"github.com/anchore/grype/grype/matcher/stock"
	"github.com/anchore/grype/grype/pkg"
	"github.com/anchore/grype/grype/version"
	"github.com/anchore/grype/grype/vulnerability"
	"github.com/anchore/syft/syft/artifact"
	"github.com/anchore/syft/syft/file"
	syftpkg "github.com/anchore/syft/syft/pkg"
	syftsbom "github.com/anchore/syft/syft/sbom"
	"github.com/anchore/syft/syft/source"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/sbom"
)

// Match looks the catalogue up. It finds what the grype CLI finds with its defaults.
func Match(ctx context.Context, db *Database, catalogue *sbom.Catalogue) (Result, error) {
	content := catalogue.Content()
	packages, of := prepare(content, catalogue.From())
	result := Result{MatchedFrom: catalogue.From()}
	result.Unrated = db.holds.unrated
	result.Packages = content.Artifacts.Packages.PackageCount() + catalogue.Lost()
	for _, u := range catalogue.Unreadable() {
		result.Unreadable = append(result.Unreadable, policy.Unreadable(u))
	}
	result.Notes = append(notes(catalogue, packages, of), unreadableNotes(result.Unreadable)...)

	watched := newWatchedProvider(db)
	vulnerable := grype.VulnerabilityMatcher{
		VulnerabilityProvider: watched,
		IgnoreRules:           headersAmong(packages),
		Matchers:              matchers(),
	}
	matches, _, err := vulnerable.FindMatchesContext(ctx, packages, of)
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	// Grype logs what a matcher could not look up and goes on. Here that is no answer.
	if err = cmp.Or(err, watched.failed(), db.reader.failed()); err != nil {
		return Result{}, outcome.New(outcome.DatabaseDamaged, "the database could not be searched").Because(err)
	}
	ways := catalogue.Ways()
	for m := range matches.Enumerate() {
		f := finding(m)
		f.Via = ways.To(artifact.ID(m.Package.ID))
		result.Findings = append(result.Findings, f)
	}
	policy.Sort(result.Findings)
	if result.Coverage, result.Unmatchable, err = db.coverage(packages); err != nil {
		return Result{}, outcome.New(outcome.DatabaseDamaged, "the database could not be searched").Because(err)
	}
	result.Unmatchable += catalogue.Lost()
	if of.DistroDetectionFailed && of.Distro == nil {
		result.Coverage = append(result.Coverage, policy.Coverage{Type: policy.Distribution, Release: unknownRelease})
	}
	return result, nil
}

// matchers are those of the grype CLI with its defaults.
// https://github.com/anchore/grype/blob/v0.120.1/cmd/grype/cli/options/match.go
func matchers() []match.Matcher {
	return matcher.NewDefaultMatchers(matcher.Config{
		// Never used, for the search in Maven Central is off; the limiter wants a number.
		Java:  java.MatcherConfig{ExternalSearchConfig: java.ExternalSearchConfig{MavenRateLimit: 300 * time.Millisecond}},
		Stock: stock.MatcherConfig{UseCPEs: true},
		Dpkg:  dpkg.MatcherConfig{MissingEpochStrategy: version.MissingEpochStrategyZero},
		Rpm:   rpm.MatcherConfig{MissingEpochStrategy: version.MissingEpochStrategyAuto},
	})
}

// kernelHeaders are what the grype CLI leaves out: the kernel's vulnerabilities in packages that only hold its headers.
// https://github.com/anchore/grype/blob/v0.120.1/cmd/grype/cli/commands/root.go
var kernelHeaders = []match.IgnoreRule{
	headers("kernel-headers", "kernel", syftpkg.RpmPkg),
	headers("linux(-.*)?-headers-.*", "linux.*", syftpkg.DebPkg),
	headers("linux-libc-dev", "linux", syftpkg.DebPkg),
	headers("linux-kbuild-.*", "linux.*", syftpkg.DebPkg),
}

// headersAmong are the rules that can be about one of the packages: each is held against every match by regular
// expressions, which takes a tenth of the time where there are many.
func headersAmong(packages []pkg.Package) []match.IgnoreRule {
	return slices.DeleteFunc(slices.Clone(kernelHeaders), func(rule match.IgnoreRule) bool {
		return !slices.ContainsFunc(packages, func(p pkg.Package) bool { return string(p.Type) == rule.Package.Type })
	})
}

func headers(name, upstream string, of syftpkg.Type) match.IgnoreRule {
	return match.IgnoreRule{
		Package:   match.IgnoreRulePackage{Name: name, UpstreamName: upstream, Type: string(of)},
		MatchType: match.ExactIndirectMatch,
	}
}

func notes(catalogue *sbom.Catalogue, packages []pkg.Package, of pkg.Context) []string {
	var notes []string
	content, from := catalogue.Content(), catalogue.From()
	release := content.Artifacts.LinuxDistribution
	switch {
	case of.DistroDetectionFailed:
		notes = append(notes, fmt.Sprintf("the image has an os-release file, and the distribution in it (%.40q) is not known", release.ID))
	case release != nil && release.ID != "busybox" && !holdsOSPackages(catalogue): // which is a program, not a distribution
		notes = append(notes, fmt.Sprintf("the image says that it is %.40q, and none of that distribution's packages was found in it", release.ID))
	}
	binaries, symbols := 0, false
	for _, p := range packages {
		if m, ok := p.Metadata.(pkg.GolangBinMetadata); ok {
			binaries++
			symbols = symbols || len(m.Symbols) > 0
		}
	}
	if binaries > 0 && !symbols {
		notes = append(notes, fmt.Sprintf("%d Go packages come without their symbols, so vulnerable functions that are not called count too", binaries))
	}
	if n := foreignLayers(content); n > 0 {
		notes = append(notes, fmt.Sprintf("what %d of the layers hold is not known, for registries do not hand them on", n))
	}
	if !from.Lossless() {
		notes = append(notes, fmt.Sprintf("matched from %s, which says less than the image: findings are coarser", from))
	}
	return notes
}

func foreignLayers(content *syftsbom.SBOM) (n int) {
	meta, ok := content.Source.Metadata.(source.ImageMetadata)
	if !ok {
		return 0
	}
	for _, layer := range meta.Layers {
		if !types.MediaType(layer.MediaType).IsDistributable() {
			n++
		}
	}
	return n
}

func holdsOSPackages(catalogue *sbom.Catalogue) bool {
	return slices.ContainsFunc(catalogue.All(), func(p syftpkg.Package) bool { return isOSPackage(p.Type) })
}

// maxNamed bounds how many files a note names.
const maxNamed = 5

func unreadableNotes(files []policy.Unreadable) []string {
	if len(files) == 0 {
		return nil
	}
	var names []string
	for _, u := range files[:min(len(files), maxNamed)] {
		names = append(names, fmt.Sprintf("%.200q (%.200q)", u.Path, u.Error))
	}
	if more := len(files) - maxNamed; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return []string{fmt.Sprintf("what these %d files hold is not known, because they cannot be read: %s", len(files), strings.Join(names, ", "))}
}

// Bounds on what one finding carries, so that one record cannot blow up a report.
const (
	maxURLs        = 10
	maxLocations   = 20
	maxDescription = 500
	maxName        = 1024
	maxPURL        = 4096 // and a path
)

func finding(m match.Match) policy.Finding {
	v, p := m.Vulnerability, m.Package
	f := policy.Finding{
		ID:        v.ID,
		Aliases:   aliases(v),
		Fix:       fix(v.Fix),
		Package:   described(p.Name, p.Version, p.Type, p.PURL),
		Locations: locations(p),
		Matcher:   how(m.Details),
		Namespace: v.Namespace,
	}
	f.Provider, _, _ = strings.Cut(v.Namespace, ":")
	if v.Metadata != nil {
		rate(&f, v.Metadata)
	}
	return f
}

func rate(f *policy.Finding, m *vulnerability.Metadata) {
	f.Severity, _ = policy.ParseSeverity(m.Severity) // what it does not know is unknown
	for _, c := range m.Cvss {
		f.CVSS = append(f.CVSS, policy.CVSS{Version: c.Version, Vector: c.Vector, Score: c.Metrics.BaseScore})
	}
	if f.Severity == policy.Unknown {
		f.Severity = scored(f.CVSS)
	}
	f.KnownExploited = len(m.KnownExploited) > 0
	for _, e := range m.EPSS { // one for each CVE that the record is about
		f.EPSS = max(f.EPSS, e.EPSS)
	}
	f.Risk = m.RiskScore()
	for _, url := range append([]string{m.DataSource}, m.URLs...) {
		if url != "" && !slices.Contains(f.URLs, url) && len(f.URLs) < maxURLs {
			f.URLs = append(f.URLs, url)
		}
	}
	f.Description = short(m.Description)
}

// scored is the severity of the worst rating, for a record of which grype could not read the first.
// https://www.first.org/cvss/v4-0/specification-document#Qualitative-Severity-Rating-Scale
func scored(ratings []policy.CVSS) policy.Severity {
	worst := 0.0
	for _, rating := range ratings {
		worst = max(worst, rating.Score)
	}
	switch {
	case worst >= 9:
		return policy.Critical
	case worst >= 7:
		return policy.High
	case worst >= 4:
		return policy.Medium
	case worst > 0:
		return policy.Low
	}
	return policy.Unknown
}

func short(text string) string {
	return clipped(strings.Join(strings.Fields(text), " "), maxDescription)
}

func clipped(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}

// described is a package as reports name it: nobody's name is longer than maxName.
func described(name, version string, kind syftpkg.Type, purl string) policy.Package {
	return policy.Package{Name: clipped(name, maxName), Version: clipped(version, maxName), Type: string(kind), PURL: clipped(purl, maxPURL)}
}

func aliases(v vulnerability.Vulnerability) []string {
	var names []string
	for _, related := range v.RelatedVulnerabilities {
		if related.ID != v.ID && !slices.Contains(names, related.ID) {
			names = append(names, related.ID)
		}
	}
	slices.Sort(names)
	return names
}

func fix(f vulnerability.Fix) policy.Fix {
	out := policy.Fix{State: policy.FixUnknown, Versions: slices.Clone(f.Versions)}
	switch f.State {
	case vulnerability.FixStateFixed:
		out.State = policy.Fixed
	case vulnerability.FixStateNotFixed:
		out.State = policy.NotFixed
	case vulnerability.FixStateWontFix:
		out.State = policy.WontFix
	}
	for _, a := range f.Available {
		if day := policy.DayOf(a.Date); !a.Date.IsZero() && (out.Since == "" || day < out.Since) {
			out.Since = day
		}
	}
	slices.Sort(out.Versions)
	out.Versions = slices.DeleteFunc(slices.Compact(out.Versions), func(v string) bool { return v == "" })
	return out
}

// how names the best way in which the match was made: "exact-direct-match dpkg-matcher".
func how(details match.Details) string {
	if len(details) == 0 {
		return ""
	}
	return string(details[0].Type) + " " + string(details[0].Matcher)
}

// locations are where the package itself lies; the files that only support the claim (lists, copyright notices) are
// left out where there are others.
func locations(p pkg.Package) []policy.Location {
	var primary, rest []policy.Location
	for _, l := range p.Locations.ToSlice() {
		at := location(l, p)
		if l.Annotations["evidence"] == "supporting" {
			rest = append(rest, at)
		} else {
			primary = append(primary, at)
		}
	}
	if len(primary) == 0 {
		primary = rest
	}
	slices.SortFunc(primary, func(a, b policy.Location) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.AccessPath, b.AccessPath), cmp.Compare(a.Layer, b.Layer))
	})
	if more := len(primary) - maxLocations; more > 0 {
		primary = primary[:maxLocations]
		primary[maxLocations-1].More = more
	}
	return primary
}

func location(l file.Location, p pkg.Package) policy.Location {
	at := policy.Location{Path: clipped(l.RealPath, maxPURL), AccessPath: clipped(l.AccessPath, maxPURL)}
	if m, ok := p.Metadata.(pkg.JavaMetadata); ok && strings.HasPrefix(m.VirtualPath, l.RealPath+":") {
		at.AccessPath = clipped(m.VirtualPath, maxPURL) // through every archive on the way
	}
	if at.AccessPath == at.Path {
		at.AccessPath = ""
	}
	if strings.HasPrefix(l.FileSystemID, "sha256:") {
		at.Layer = l.FileSystemID
	}
	return at
}
