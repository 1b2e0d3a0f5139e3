package vex

import (
	"slices"
	"strings"

	"github.com/anchore/packageurl-go"
)

// Image is what is known of an image when statements are compared with it.
type Image struct {
	Repository string   // ghcr.io/acme/api; empty where it has no registry
	Tag        string   // empty where it was named by digest
	Digests    []string // sha256:<hex>: of the manifest, of the index that it belongs to, and its id
	Arch       string   // amd64
	OS         string   // linux
	BOMs       []string // serial numbers (UUIDs) of CycloneDX documents about it
}

// Covers says whether the product is, or holds, the package in the image. The package's own purl counts as well as the
// image's: a statement about lodash covers it wherever it is.
func (p Product) Covers(image Image, packagePURL string) bool {
	if p.BOM != "" && !image.listedIn(p.BOM) {
		return false
	}
	if p.whole(image) {
		return len(p.Subcomponents) == 0 || slices.ContainsFunc(p.Subcomponents, func(part string) bool { return MatchPURL(part, packagePURL) })
	}
	// What is in a package is not known of a package.
	return p.PURL != "" && len(p.Subcomponents) == 0 && MatchPURL(p.PURL, packagePURL)
}

// Is says whether the product is the image itself.
func (p Product) Is(image Image) bool {
	return (p.BOM == "" || image.listedIn(p.BOM)) && p.whole(image)
}

func (p Product) whole(image Image) bool {
	if p.PURL == "" {
		return p.Digest == "" && p.BOM != "" || p.Digest != "" && slices.Contains(image.Digests, p.Digest)
	}
	purl, err := packageurl.FromString(p.PURL)
	if err != nil || !isImage(purl) {
		return false
	}
	if p.Digest != "" {
		return slices.Contains(image.Digests, p.Digest) && image.mayRunOn(purl.Qualifiers.Map())
	}
	return image.named(purl)
}

// mayRunOn compares the platform that is named beside a digest: that of an index is the same for all of them.
func (i Image) mayRunOn(named map[string]string) bool {
	differs := func(named, known string) bool { return named != "" && known != "" && named != known }
	return !differs(named["arch"], i.Arch) && !differs(named["os"], i.OS)
}

func (i Image) listedIn(bom string) bool {
	return slices.ContainsFunc(i.BOMs, func(serial string) bool {
		return strings.EqualFold(strings.TrimPrefix(serial, "urn:uuid:"), bom)
	})
}

// named compares the names where the purl has no digest. What the purl says and nobody knows of the image is no match.
// https://github.com/package-url/purl-spec/blob/main/types-doc/oci-definition.md
// https://github.com/package-url/purl-spec/blob/main/types-doc/docker-definition.md
func (i Image) named(purl packageurl.PackageURL) bool {
	repository := canonicalRepository(i.Repository)
	name, host := strings.ToLower(purl.Name), ""
	if purl.Namespace != "" {
		name = strings.ToLower(purl.Namespace) + "/" + name
	}
	for _, q := range purl.Qualifiers {
		switch q.Key {
		case "repository_url":
			host = strings.ToLower(strings.TrimRight(q.Value, "/"))
		case "tag":
			if q.Value != i.Tag {
				return false
			}
		case "arch":
			if q.Value != i.Arch {
				return false
			}
		case "os":
			if q.Value != i.OS {
				return false
			}
		default:
			return false
		}
	}
	if purl.Version != "" && purl.Version != i.Tag || repository == "" {
		return false
	}
	return repositoryIs(repository, purl.Type, host, name)
}

func repositoryIs(repository, kind, host, name string) bool {
	switch {
	case host != "":
		// The qualifier is the whole repository, or what the name completes.
		host = strings.TrimPrefix(strings.TrimPrefix(host, "https://"), "http://")
		whole := canonicalRepository(host)
		return whole == repository && lastPart(repository) == lastPart(name) || canonicalRepository(host+"/"+name) == repository
	case kind == packageurl.TypeDocker:
		return canonicalRepository("docker.io/"+name) == repository
	}
	return lastPart(repository) == name // pkg:oci/api names no registry: any api
}

func lastPart(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// canonicalRepository gives Docker Hub one name.
func canonicalRepository(repository string) string {
	repository = strings.ToLower(repository)
	host, path, ok := strings.Cut(repository, "/")
	if !ok {
		return repository
	}
	switch host {
	case "docker.io", "index.docker.io", "registry-1.docker.io", "hub.docker.com":
		if !strings.Contains(path, "/") {
			path = "library/" + path
		}
		return "docker.io/" + path
	}
	return repository
}

// MatchPURL says whether the purl is one of those that the pattern means: type, namespace and name are the same, and so
// are version, qualifiers and subpath as far as the pattern gives them. What cannot be read matches nothing.
// https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md#product
func MatchPURL(pattern, purl string) bool {
	if len(pattern) > maxPURL || len(purl) > maxPURL {
		return false
	}
	want, err := packageurl.FromString(pattern)
	if err != nil {
		return false
	}
	got, err := packageurl.FromString(purl)
	if err != nil {
		return false
	}
	if want.Type != got.Type || want.Namespace != got.Namespace || want.Name != got.Name {
		return false
	}
	if want.Version != "" && want.Version != got.Version || want.Subpath != "" && want.Subpath != got.Subpath {
		return false
	}
	has := got.Qualifiers.Map()
	for _, q := range want.Qualifiers {
		if value, ok := has[q.Key]; !ok || value != q.Value {
			return false
		}
	}
	return true
}
