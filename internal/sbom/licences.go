package sbom

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/anchore/syft/syft/pkg"
)

// Licensed is a package with what is said of its licences. Each text holds: a package with two needs both to be allowed.
// With no text nothing is known.
type Licensed struct {
	Name, Version, Type, PURL string
	Path                      string   // where it was found, empty where that is not known
	Licences                  []string // SPDX expressions where syft knows one, else what the package says
}

// maxLicence bounds one text, which may be a whole licence instead of its name.
const maxLicence = 200

// Licences are the packages with their licences, in the order of the documents.
func (c *Catalogue) Licences() []Licensed {
	var list []Licensed
	for _, p := range c.All() {
		one := Licensed{Name: p.Name, Version: p.Version, Type: string(p.Type), PURL: p.PURL}
		if places := p.Locations.ToSlice(); len(places) > 0 {
			one.Path = places[0].RealPath
		}
		one.Licences = LicencesOf(p)
		list = append(list, one)
	}
	return list
}

// LicencesOf are the texts of one package, each once.
func LicencesOf(p pkg.Package) (texts []string) {
	for _, l := range p.Licenses.ToSlice() {
		if text := licenceText(l); text != "" && !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return texts
}

// licenceText is the best that is known of a licence: its expression, its name, where it is to be found, or its first
// words.
func licenceText(l pkg.License) string {
	text := cmp.Or(l.SPDXExpression, strings.TrimSpace(l.Value))
	if text == "" && len(l.URLs) > 0 {
		text = l.URLs[0]
	}
	text = licenceLine(cmp.Or(text, l.Contents))
	if asserts(text) {
		return text
	}
	return ""
}

// asserts tells a text from the words for nothing.
func asserts(text string) bool {
	text = strings.TrimSpace(text)
	return text != "" && !strings.EqualFold(text, "NOASSERTION") && !strings.EqualFold(text, "NONE") && !strings.EqualFold(text, "UNKNOWN")
}

// licenceLine is the text without control characters and runs of spaces, and shortened unless it is an expression's length.
func licenceLine(text string) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if len(text) <= maxLicence || len(text) <= maxExpression && !strings.ContainsFunc(text, func(r rune) bool { return !expressionRune(r) }) {
		return text
	}
	return strings.ToValidUTF8(text[:maxLicence], "") + "…"
}

// maxExpression is what the reader of expressions takes.
const maxExpression = 16 << 10

func expressionRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" ()+-.:", r)
}
