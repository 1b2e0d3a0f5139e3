package policy

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/anchore/packageurl-go"
)

// FullName is the name with its namespace: group:artifact of Maven, @scope/name of npm, debian/name of Debian.
func (p Package) FullName() string { return fullName(p) }

// CommonName is how people of the ecosystem write the name: FullName, but a distribution's package by its own name.
func (p Package) CommonName() string {
	if p.ofDistribution() {
		return p.Name
	}
	return fullName(p)
}

// Source is the name of what a distribution built the package from, as its package URL has it, and else CommonName. What
// was built from one source is upgraded together.
// https://github.com/package-url/purl-spec/blob/main/types-doc/deb-definition.md
func (p Package) Source() string {
	if !p.ofDistribution() {
		return fullName(p)
	}
	purl, err := packageurl.FromString(p.PURL)
	if err != nil {
		return p.Name
	}
	upstream := purl.Qualifiers.Map()["upstream"]
	if p.Type == "rpm" { // which names the file: openssl-3.0.7-6.el9.src.rpm
		if m := sourceRPM().FindStringSubmatch(upstream); m != nil {
			return m[1]
		}
		return p.Name
	}
	if name, _, _ := strings.Cut(upstream, "@"); name != "" {
		return name
	}
	return p.Name
}

var sourceRPM = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(.+)-[^-]+-[^-]+\.rpm$`) })

func (p Package) ofDistribution() bool {
	return slices.Contains([]string{"deb", "rpm", "apk", "alpm", "portage"}, p.Type)
}

// spelt is a name, or a pattern of names, in the one spelling of all that the package's ecosystem takes for the same.
func (p Package) spelt(name string) string {
	switch p.Type {
	case "python": // https://packaging.python.org/en/latest/specifications/name-normalization/
		return separators().ReplaceAllString(strings.ToLower(name), "-")
	case "dotnet", "php-composer", "github-action", "github-action-workflow":
		return strings.ToLower(name)
	}
	return name
}

var separators = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[-_.]+`) })

// isOf says whether that is the type of the package, or what its package URL calls the type: python, or pypi.
func (p Package) isOf(ecosystem string) bool {
	if strings.EqualFold(ecosystem, p.Type) {
		return true
	}
	purl, err := packageurl.FromString(p.PURL)
	return err == nil && strings.EqualFold(ecosystem, purl.Type)
}
