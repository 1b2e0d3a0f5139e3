package scan

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/anchore/grype/grype/distro"
	"github.com/anchore/grype/grype/pkg"
	"github.com/anchore/grype/grype/version"
	"github.com/anchore/packageurl-go"
	"github.com/anchore/syft/syft/artifact"
	"github.com/anchore/syft/syft/linux"
	syftpkg "github.com/anchore/syft/syft/pkg"
	syftsbom "github.com/anchore/syft/syft/sbom"

	"github.com/stepseal/stepseal/internal/sbom"
)

// prepare turns a catalogue into what grype matches, as its CLI does on the way from an image or a document. The steps
// are not exported there, so they are stated again here; a test compares the outcome with pkg.ProvideFromReader.
// https://github.com/anchore/grype/blob/v0.120.1/grype/pkg/provider.go
func prepare(content *syftsbom.SBOM, from sbom.Format) ([]pkg.Package, pkg.Context) {
	channels := distro.DefaultFixChannels()
	release := osRelease(content.Artifacts.LinuxDistribution, from)
	of := pkg.Context{Source: &content.Source, Distro: distro.FromRelease(release, channels)}
	restrictChannels(of.Distro, channels)
	of.DistroDetectionFailed = release != nil && of.Distro == nil

	var enhancers []pkg.Enhancer
	if !from.Lossless() {
		enhancers = []pkg.Enhancer{upstreamsFromPURL, distroFromPURL(channels)}
	}
	// FromCollection appends to the packages' slices of CPEs and sets fields of copies only.
	packages := pkg.FromCollection(content.Artifacts.Packages, content.Relationships, pkg.SynthesisConfig{}, enhancers...)
	if of.Distro == nil {
		of.Distro = onlyDistro(packages)
	}
	if of.Distro != nil {
		for _, p := range packages {
			if p.Distro == nil {
				p.Distro = of.Distro
			}
		}
	}
	packages = slices.DeleteFunc(packages, ownedByDistribution)
	return pkg.FromPtrs(packages), of
}

// restrictChannels leaves a release only the channels of extended support that grype's defaults know for it.
func restrictChannels(d *distro.Distro, known distro.FixChannels) {
	if d == nil {
		return
	}
	wanted := d.Channels
	d.Channels = nil
	for _, channel := range known {
		named := func(name string) bool { return strings.EqualFold(strings.TrimSpace(name), channel.Name) }
		if !slices.Contains(channel.IDs, strings.ToLower(d.ID())) || !slices.ContainsFunc(wanted, named) {
			continue
		}
		if v := version.New(d.Version, version.SemanticFormat); channel.Versions != nil && v != nil {
			if ok, err := channel.Versions.Satisfied(v); err == nil && !ok {
				continue
			}
		}
		d.Channels = append(d.Channels, channel.Name)
	}
}

// onlyDistro is the distribution that all packages with one agree on.
func onlyDistro(packages []*pkg.Package) *distro.Distro {
	var only *distro.Distro
	for _, p := range packages {
		switch {
		case p.Distro == nil:
		case only == nil:
			only = p.Distro
		case only.Type != p.Distro.Type || only.Version != p.Distro.Version || only.Codename != p.Distro.Codename:
			return nil
		}
	}
	return only
}

// ownedByDistribution says that the package is part of another one, of the distribution, that is matched in its place.
func ownedByDistribution(p *pkg.Package) bool {
	return slices.ContainsFunc(p.RelatedPackages[artifact.OwnershipByFileOverlapRelationship], func(owner *pkg.Package) bool {
		if owner == nil || owner.Distro == nil {
			return false
		}
		if !strings.HasPrefix(owner.Version, p.Version) && !strings.HasPrefix(p.Version, owner.Version) {
			return false
		}
		if tellsUnfixed(owner.Distro) && isOSPackage(owner.Type) && !isOSPackage(p.Type) {
			return true
		}
		return p.Type == syftpkg.BinaryPkg
	})
}

// comprehensive are the distributions that publish vulnerabilities without a fix too.
var comprehensive = []distro.Type{
	distro.ArchLinux, distro.Azure, distro.Debian, distro.Mariner, distro.RedHat, distro.SLES, distro.Ubuntu,
}

func tellsUnfixed(d *distro.Distro) bool {
	if d.Type == distro.AmazonLinux { // says that it is like rhel, and is not in this
		return false
	}
	return slices.ContainsFunc(comprehensive, func(t distro.Type) bool {
		same := func(name string) bool { return strings.EqualFold(name, string(t)) }
		return same(d.Name()) || slices.ContainsFunc(d.IDLike, same)
	})
}

func isOSPackage(t syftpkg.Type) bool {
	switch t {
	case syftpkg.DebPkg, syftpkg.RpmPkg, syftpkg.PortagePkg, syftpkg.AlpmPkg, syftpkg.ApkPkg:
		return true
	}
	return false
}

// upstreamsFromPURL reads the source package that syft does not read from a document.
func upstreamsFromPURL(out *pkg.Package, purl packageurl.PackageURL, _ syftpkg.Package) {
	if len(out.Upstreams) > 0 && out.PURL != "" {
		return
	}
	out.Upstreams = nil
	for _, q := range purl.Qualifiers {
		if q.Key != syftpkg.PURLQualifierUpstream {
			continue
		}
		up, ok := upstream(q.Value, out.Type)
		if ok && up.Name != purl.Name && !slices.Contains(out.Upstreams, up) {
			out.Upstreams = append(out.Upstreams, up)
		}
	}
}

var sourceRPM = regexp.MustCompile(`^(.*)-(.*)-(.*)\.([a-zA-Z][^.]+)(\.rpm)$`)

func upstream(value string, of syftpkg.Type) (pkg.UpstreamPackage, bool) {
	if of == syftpkg.RpmPkg {
		m := sourceRPM.FindStringSubmatch(value)
		if m == nil || m[1] == "" {
			return pkg.UpstreamPackage{}, false
		}
		return pkg.UpstreamPackage{Name: m[1], Version: m[2] + "-" + m[3]}, true
	}
	name, version, _ := strings.Cut(value, "@")
	return pkg.UpstreamPackage{Name: name, Version: version}, !strings.Contains(version, "@")
}

// families are the distributions that Trivy calls by other names than their os-release files do.
// https://github.com/aquasecurity/trivy/blob/v0.70.0/pkg/fanal/types/const.go
var families = map[string]string{
	"redhat": "rhel", "amazon": "amzn", "oracle": "ol", "alma": "almalinux", "opensuse.leap": "opensuse-leap",
	"suse linux enterprise server": "sles", "cbl-mariner": "mariner",
}

// osRelease is the release that a document tells, under the name that a database knows.
func osRelease(told *linux.Release, from sbom.Format) *linux.Release {
	if told == nil || from.Lossless() || families[told.ID] == "" {
		return told
	}
	release := *told
	release.ID = families[told.ID]
	release.IDLike = []string{release.ID}
	return &release
}

// distroFromPURL reads the distribution that syft does not read from a document.
func distroFromPURL(channels distro.FixChannels) pkg.Enhancer {
	return func(out *pkg.Package, purl packageurl.PackageURL, _ syftpkg.Package) {
		if out.Distro != nil {
			return
		}
		name, release := toldDistro(purl)
		if name == "" {
			return
		}
		out.Distro = distro.NewFromNameVersion(cmp.Or(families[name], name), release)
		restrictChannels(out.Distro, channels)
	}
}

// toldDistro is the distribution that a purl names. Docker Scout writes its name and its version apart, and Trivy writes
// of Alpine's packages the version alone.
// https://github.com/aquasecurity/trivy/blob/v0.70.0/pkg/purl/purl.go
func toldDistro(purl packageurl.PackageURL) (name, release string) {
	told := purl.Qualifiers.Map()
	distribution := strings.TrimSpace(told[syftpkg.PURLQualifierDistro])
	switch {
	case distribution == "":
		return told["os_name"], told["os_version"]
	case distribution[0] >= '0' && distribution[0] <= '9':
		return purl.Namespace, distribution
	}
	return distro.ParseDistroString(distribution)
}
