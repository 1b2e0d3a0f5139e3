package vex

import (
	"strings"

	"github.com/anchore/packageurl-go"
)

// component is what a document says to tell a product, or a part of one, from others.
type component struct {
	name   string   // for notes
	purls  []string // that mean the same
	hashes []string // SHA-256, hex
	some   bool     // versions alone are meant, which the purls need not tell
}

// identified is what of a component can be compared: its purls, and its digest where it is an image.
func (c *collector) identified(of component) (purls []string, digest string) {
	for _, text := range of.purls {
		purl, ok := usablePURL(text)
		if !ok {
			c.note("the product %.120q has a purl that cannot be read: it counts for nothing", shown(of.name, text))
			continue
		}
		known := false
		for _, other := range purls {
			known = known || other == purl
		}
		if !known {
			purls = append(purls, purl)
		}
	}
	for _, hash := range of.hashes {
		if d := "sha256:" + strings.ToLower(strings.TrimSpace(hash)); isDigest(d) {
			digest = d
		}
	}
	if len(purls) == 0 && digest == "" {
		c.note("the product %.120q has neither a purl nor a SHA-256: it counts for nothing", of.name)
	}
	return purls, digest
}

// productsOf makes products of a component and of the parts of it that are meant. Where parts are meant and none can be
// compared there is no product: without parts it would be the whole.
func (c *collector) productsOf(of component, parts []component) ([]Product, error) {
	var subcomponents []string
	for _, part := range parts {
		purls, _ := c.identified(part)
		subcomponents = append(subcomponents, purls...)
	}
	if len(parts) > 0 && len(subcomponents) == 0 {
		return nil, nil
	}
	purls, digest := c.identified(of)
	var list []Product
	for _, purl := range purls {
		p := Product{PURL: purl, Digest: digestIn(purl), Subcomponents: subcomponents}
		if p.Digest == "" {
			p.Digest = digest
		}
		list = append(list, p)
	}
	if len(list) == 0 && digest != "" {
		list = []Product{{Digest: digest, Subcomponents: subcomponents}}
	}
	return list, c.count(len(list) * (1 + len(subcomponents)))
}

// IsPURL says whether Write takes the text for a package.
func IsPURL(text string) bool {
	_, err := writtenPURL(text)
	return err == nil
}

// usablePURL is a purl as it is kept: without syft's id of the package, which no other document has.
func usablePURL(text string) (string, bool) {
	text = strings.TrimSpace(text)
	if len(text) > maxPURL || strings.ContainsFunc(text, breaks) {
		return "", false
	}
	purl, err := packageurl.FromString(text)
	if err != nil {
		return "", false
	}
	if !strings.Contains(text, "package-id=") {
		return text, true
	}
	kept := purl.Qualifiers[:0]
	for _, q := range purl.Qualifiers {
		if q.Key != "package-id" {
			kept = append(kept, q)
		}
	}
	purl.Qualifiers = kept
	return purl.ToString(), true
}

// digestIn is the digest that an image's purl has for a version.
func digestIn(text string) string {
	purl, err := packageurl.FromString(text)
	if err != nil || !isImage(purl) || !isDigest(purl.Version) {
		return ""
	}
	return purl.Version
}

func isImage(purl packageurl.PackageURL) bool {
	return purl.Type == packageurl.TypeOCI || purl.Type == packageurl.TypeDocker
}

// isDigest tells sha256:<64 lower-case hex digits>.
func isDigest(text string) bool {
	hexed, ok := strings.CutPrefix(text, "sha256:")
	return ok && len(hexed) == 64 && strings.Trim(hexed, "0123456789abcdef") == ""
}

func shown(name, otherwise string) string {
	if name != "" {
		return name
	}
	return otherwise
}
