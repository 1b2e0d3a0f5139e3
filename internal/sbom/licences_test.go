package sbom_test

import (
	"os"
	"strings"
	"testing"

	"github.com/anchore/syft/syft/pkg"
	syft "github.com/anchore/syft/syft/sbom"
	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/sbom"
)

func TestLicencesOfPackages(t *testing.T) {
	long := strings.Repeat("MIT AND ", 100) + "ISC"
	for name, test := range map[string]struct {
		licences []pkg.License
		want     []string
	}{
		"none":                      {nil, nil},
		"an expression":             {[]pkg.License{{Value: "mit", SPDXExpression: "MIT"}}, []string{"MIT"}},
		"what the package says":     {[]pkg.License{{Value: " BSD-like "}}, []string{"BSD-like"}},
		"two":                       {[]pkg.License{{Value: "ISC", SPDXExpression: "ISC"}, {Value: "Artistic"}}, []string{"Artistic", "ISC"}},
		"the same twice":            {[]pkg.License{{Value: "MIT", SPDXExpression: "MIT"}, {Value: "mit", SPDXExpression: "MIT"}}, []string{"MIT"}},
		"words for nothing":         {[]pkg.License{{Value: "NOASSERTION"}, {Value: "none"}, {Value: "UNKNOWN"}, {Value: " "}}, nil},
		"an address":                {[]pkg.License{{URLs: []string{"https://example.com/licence"}}}, []string{"https://example.com/licence"}},
		"a whole text":              {[]pkg.License{{Contents: "Do\nwhat\x1b you like" + strings.Repeat("!", 300)}}, []string{"Do what you like" + strings.Repeat("!", 184) + "…"}},
		"an expression of a length": {[]pkg.License{{SPDXExpression: long}}, []string{long}},
	} {
		t.Run(name, func(t *testing.T) {
			p := pkg.Package{Name: "a", Version: "1", Type: pkg.NpmPkg, PURL: "pkg:npm/a@1", Licenses: pkg.NewLicenseSet(test.licences...)}
			p.SetID()
			content := &syft.SBOM{Artifacts: syft.Artifacts{Packages: pkg.NewCollection(p)}}
			want := []sbom.Licensed{{Name: "a", Version: "1", Type: "npm", PURL: "pkg:npm/a@1", Licences: test.want}}
			if diff := cmp.Diff(want, sbom.FromSyft(content, sbom.FromImage, "").Licences()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLicencesOfForeignDocuments(t *testing.T) {
	for _, name := range []string{"cdxgen-cyclonedx-1.6.json", "trivy-cyclonedx-1.6.json", "trivy-spdx-2.3.json", "github-api-spdx-2.3.json", "syft.json"} {
		t.Run(name, func(t *testing.T) {
			doc, err := os.ReadFile("testdata/foreign/" + name)
			if err != nil {
				t.Fatal(err)
			}
			c, err := sbom.Read(name, doc)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range c.Licences() {
				if strings.HasSuffix(p.Name, "lodash") {
					if diff := cmp.Diff([]string{"MIT"}, p.Licences); diff != "" {
						t.Error(diff)
					}
					return
				}
			}
			t.Error("no lodash")
		})
	}
}
