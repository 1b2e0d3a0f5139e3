package policy

import (
	"regexp"
	"strings"
	"testing"

	"github.com/anchore/packageurl-go"
)

// FuzzPatterns holds patterns against regular expressions, and that what is read is read the same again.
func FuzzPatterns(f *testing.F) {
	for _, seed := range [][3]string{{"log4j-*", "log4j-core", "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1"}, {"pkg:npm/%40a*/b@1", "b", "pkg:npm/%40a/b@1"}, {"*a*b", "ab", ""},
		{"log4j-core < 2.17.1", "x", "pkg:deb/debian/x@1?upstream=y%401"}, {"a", "a", "pkg:rpm/a@1?upstream=a-1-2.src.rpm"}, {"", "", "pkg:"}} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, text, name, purl string) {
		for _, kind := range []string{"npm", "deb", "rpm"} {
			of := Package{Name: name, Type: kind, PURL: purl}
			if name != "" && (of.CommonName() == "" || of.FullName() == "" || of.Source() == "") {
				t.Errorf("%q, %q has an empty name", name, purl)
			}
		}
		if d, err := ParseDenial(text); err == nil {
			if again, err := ParseDenial(d.String()); err != nil || again.String() != d.String() || again.Constraint != d.Constraint {
				t.Errorf("%q is read as %q, and that as %q (%v)", text, d, again, err)
			}
		}
		p, err := ParsePattern(text)
		if err != nil {
			return
		}
		var again Pattern
		of := Package{Name: name, PURL: purl}
		if err := again.UnmarshalText([]byte(p.String())); err != nil || again.Matches(of) != p.Matches(of) {
			t.Errorf("%q is not read again: %v", text, err)
		}
		if strings.HasPrefix(p.String(), "pkg:") {
			return
		}
		form, err := regexp.Compile(`(?s)^` + strings.ReplaceAll(regexp.QuoteMeta(p.String()), `\*`, `.*`) + `$`)
		if err != nil {
			return // it is not UTF-8
		}
		inPURL := ""
		if read, err := packageurl.FromString(purl); err == nil {
			inPURL = read.Name
		}
		want := form.MatchString(name) || form.MatchString(of.FullName()) || form.MatchString(inPURL)
		if p.Matches(of) != want && validText(name, of.FullName(), inPURL) {
			t.Errorf("%q matches %q: %v, want %v", p, name, !want, want)
		}
	})
}

func validText(texts ...string) bool {
	return strings.ToValidUTF8(strings.Join(texts, ""), "") == strings.Join(texts, "")
}
