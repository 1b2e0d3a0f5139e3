package policy

import (
	"strings"
	"testing"
)

func TestPatterns(t *testing.T) {
	openssl := Package{Name: "openssl", Version: "3.0.11-1~deb12u2", Type: "deb", PURL: "pkg:deb/debian/openssl@3.0.11-1~deb12u2?arch=amd64&distro=debian-12"}
	cors := Package{Name: "Flask_Cors", Version: "4.0.0", Type: "python", PURL: "pkg:pypi/flask-cors@4.0.0"}
	zope := Package{Name: "zope.interface", Version: "6.0", Type: "python", PURL: "pkg:pypi/zope.interface@6.0"}
	json := Package{Name: "Newtonsoft.Json", Version: "12.0.1", Type: "dotnet", PURL: "pkg:nuget/Newtonsoft.Json@12.0.1"}
	stream := Package{Name: "JSONStream", Version: "1.3.5", Type: "npm", PURL: "pkg:npm/JSONStream@1.3.5"}
	renamed := Package{Name: "harmless", Version: "2.14.1", Type: "java-archive", PURL: log4j.PURL}
	sub := Package{Name: "example.com/m", Version: "v1.0.0", Type: "go-module", PURL: "pkg:golang/example.com/m@v1.0.0#cmd/a"}
	for _, c := range []struct {
		pattern string
		of      Package
		want    bool
	}{
		{"openssl", openssl, true},
		{"debian/openssl", openssl, true},
		{"OpenSSL", openssl, false},
		{"pkg:deb/debian/openssl", openssl, true},
		{"PKG:deb/debian/openssl", openssl, true},
		{openssl.PURL, openssl, true},
		{"pkg:deb/debian/openssl@3.0.11-1%7Edeb12u2", openssl, true},
		{"pkg:deb/debian/openssl@3.0.*", openssl, true},
		{"pkg:deb/debian/openssl@3.1.*", openssl, false},
		{"pkg:deb/debian/openssl?distro=debian-*", openssl, true},
		{"pkg:deb/debian/openssl?distro=debian-11", openssl, false},
		{"pkg:deb/debian/openssl?arch=arm64", openssl, false},
		{"pkg:deb/debian/openssl?epoch=1", openssl, false},
		{"pkg:deb/ubuntu/openssl", openssl, false},
		{"flask-cors", cors, true},
		{"Flask.CORS", cors, true},
		{"flask_*", cors, true},
		{"pkg:pypi/Flask.Cors", cors, true},
		{"zope_interface", zope, true},
		{"newtonsoft.json", json, true},
		{"pkg:nuget/newtonsoft.json", json, true},
		{"JSONStream", stream, true},
		{"log4j-core", renamed, true},
		{"pkg:golang/example.com/m#cmd/b", sub, false},
		{"pkg:golang/example.com/m#cmd/a", sub, true},
		{"*", Package{Name: "x"}, true},
		{"pkg:npm/x", Package{Name: "x", Type: "npm"}, false},
	} {
		if got := pattern(c.pattern).Matches(c.of); got != c.want {
			t.Errorf("%s of %s: %v", c.pattern, c.of.PURL, got)
		}
	}
}

func TestDenials(t *testing.T) {
	for text, want := range map[string]string{
		"log4j-core<2.17.1":                     "log4j-core|<2.17.1",
		"c++":                                   "c++|",
		"gtk+ = 3.0":                            "gtk+|= 3.0",
		"@scope/x >= 1.0, < 1.4":                "@scope/x|>= 1.0, < 1.4",
		"pkg:deb/debian/openssl?arch=amd64":     "pkg:deb/debian/openssl?arch=amd64|",
		"pkg:deb/debian/openssl?arch=amd64 < 3": "pkg:deb/debian/openssl?arch=amd64|< 3",
		"pkg:deb/debian/foo@1.0~rc1":            "pkg:deb/debian/foo@1.0~rc1|",
		"pkg:npm/%40scope/x<1.0":                "pkg:npm/%40scope/x|<1.0",
	} {
		d, err := ParseDenial(text)
		if got := d.Package.String() + "|" + d.Constraint; err != nil || got != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"openssl != 3.0.11":     "its signs are <, <=, >, >= and =",
		"lodash ^4.17":          "its signs are",
		"lodash ~4.17":          "its signs are",
		"lodash < latest":       "its signs are",
		"< 2.0":                 "names no package",
		"lodash@4.17.15":        "names a version where a name should end",
		"pkg:npm/lodash=4.17.5": "names a version where a name should end",
	} {
		if d, err := ParseDenial(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v", text, d, err)
		}
	}
}
