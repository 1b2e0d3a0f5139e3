package scan

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/sbom"
)

const foreignDocuments = "../sbom/testdata/foreign"

// What every complete sample document says, in its own way, and what is known of it. Of Go's net and of OpenSSL, which
// have many, one is named.
var (
	inLodash = []string{"GHSA-35jh-r3h4-6jhm", "NSWG-ECO-516"}
	inJinja  = []string{"GHSA-462w-v97r-4m45", "GHSA-g3rq-g295-4j3m"}
	inLog4j  = []string{"GHSA-7rjr-3q55-vv33", "GHSA-jfh8-c2jp-5v3q"}
	inNet    = "GHSA-qppj-fm5r-hxr3"
	inSSL    = "CVE-2022-0778"
)

func row(kind, release string, packages int, covered bool) policy.Coverage {
	return policy.Coverage{Type: kind, Release: release, Packages: packages, Covered: covered}
}

// Each document of another tool gives the findings of what it lists, and says how much of it nobody could look up.
func TestDocumentsOfOtherTools(t *testing.T) {
	languages := []policy.Coverage{row("go-module", "", 1, true), row("java-archive", "", 1, true), row("npm", "", 1, true), row("python", "", 1, true)}
	withSSL := append([]policy.Coverage{row("deb", "debian:11.8", 1, true)}, languages...)
	twoNPM := slices.Clone(withSSL)
	twoNPM[3].Packages = 2 // syft lists the application itself
	alpine := []policy.Coverage{row("apk", "alpine:3.10", 3, true)}
	inAnImage := []policy.Coverage{row("deb", "debian:11.8", 1, true), row("go-module", "", 3, true), row("npm", "", 2, true), row("python", "", 1, true)}
	for name, c := range map[string]struct {
		from        sbom.Format
		packages    int
		unmatchable int
		coverage    []policy.Coverage
	}{
		"syft-cyclonedx-1.4.json":         {sbom.FromCycloneDX, 6, 0, twoNPM},
		"syft-cyclonedx-1.4.xml":          {sbom.FromCycloneDXXML, 6, 0, twoNPM},
		"syft-cyclonedx-1.6.xml":          {sbom.FromCycloneDXXML, 6, 0, twoNPM},
		"syft-cyclonedx-1.5.xml":          {sbom.FromCycloneDXXML, 6, 0, twoNPM},
		"syft-cyclonedx-1.6.json":         {sbom.FromCycloneDX, 6, 0, twoNPM},
		"syft-cyclonedx-1.7.xml":          {sbom.FromCycloneDXXML, 6, 0, twoNPM},
		"syft-spdx-2.2.json":              {sbom.FromSPDX, 6, 0, twoNPM},
		"syft-spdx-2.3.json":              {sbom.FromSPDX, 6, 0, twoNPM},
		"syft-spdx-2.3.spdx":              {sbom.FromSPDXTagValue, 6, 0, twoNPM},
		"syft.json":                       {sbom.FromSyftJSON, 6, 0, twoNPM},
		"trivy-java-cyclonedx-1.6.json":   {sbom.FromCycloneDX, 5, 0, withSSL},
		"trivy-java-spdx-2.3.json":        {sbom.FromSPDX, 5, 0, withSSL},
		"trivy-cyclonedx-1.6.json":        {sbom.FromCycloneDX, 8, 1, inAnImage},
		"trivy-spdx-2.3.json":             {sbom.FromSPDX, 8, 1, inAnImage},
		"trivy-spdx-2.3.spdx":             {sbom.FromSPDXTagValue, 8, 1, inAnImage},
		"trivy-alpine-cyclonedx-1.6.json": {sbom.FromCycloneDX, 3, 0, alpine},
		"trivy-alpine-spdx-2.3.json":      {sbom.FromSPDX, 3, 0, alpine},
		"cdxgen-cyclonedx-1.6.json":       {sbom.FromCycloneDX, 2, 0, []policy.Coverage{row("npm", "", 2, true)}},
		"cdxgen-cyclonedx-1.7.json":       {sbom.FromCycloneDX, 2, 0, []policy.Coverage{row("npm", "", 2, true)}},
		"github-api-spdx-2.3.json":        {sbom.FromSPDX, 6, 2, languages},
		"github-export-spdx-2.3.json":     {sbom.FromSPDX, 6, 2, languages},
		"sbom-tool-spdx-2.2.json":         {sbom.FromSPDX, 5, 1, languages},
		"scout-spdx-2.3.json": {sbom.FromSPDX, 7, 0, []policy.Coverage{row("deb", "debian:11", 2, true), row("go-module", "", 2, true),
			row("java-archive", "", 1, true), row("npm", "", 1, true), row("python", "", 1, true)}},
		"nested-cyclonedx-1.5.json": {sbom.FromCycloneDX, 7, 4, []policy.Coverage{row("deb", "debian:11", 1, true),
			row("java-archive", "", 1, true), row("npm", "", 1, true)}},
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := os.ReadFile(filepath.Join(foreignDocuments, name))
			if err != nil {
				t.Fatal(err)
			}
			of, err := sbom.Read(name, doc)
			if err != nil {
				t.Fatal(err)
			}
			found := mustMatch(t, of)
			if of.From() != c.from || found.Packages != c.packages || found.Unmatchable != c.unmatchable {
				t.Errorf("from %s, %d packages, %d unmatchable", of.From(), found.Packages, found.Unmatchable)
			}
			if diff := cmp.Diff(c.coverage, found.Coverage); diff != "" {
				t.Error(diff)
			}
			lists := func(kind string) bool {
				return slices.ContainsFunc(c.coverage, func(r policy.Coverage) bool { return r.Type == kind })
			}
			for kind, want := range map[string]struct {
				name string
				ids  []string
			}{"npm": {"lodash", inLodash}, "python": {"jinja2", inJinja}, "java-archive": {"log4j-core", inLog4j}} {
				got := idsNamed(found, want.name)
				if diff := cmp.Diff(want.ids, got); diff != "" && lists(kind) {
					t.Errorf("%s: %s", want.name, diff)
				}
			}
			if lists("go-module") && !slices.Contains(idsIn(found, "golang.org/x/net"), inNet) {
				t.Errorf("golang.org/x/net: %v", idsIn(found, "golang.org/x/net"))
			}
			if ids := idsIn(found, "libssl1.1"); lists("apk") && !slices.Equal(ids, []string{"CVE-2019-1547"}) {
				t.Errorf("libssl1.1: %v", ids)
			}
			if lists("deb") && !slices.Contains(idsIn(found, "libssl1.1"), inSSL) {
				t.Errorf("libssl1.1: %v", idsIn(found, "libssl1.1"))
			}
		})
	}
}

// idsNamed are the ids of the findings in a package, however its name is written.
func idsNamed(r Result, name string) []string {
	var out []string
	for _, f := range r.Findings {
		if strings.EqualFold(f.Package.Name, name) {
			out = append(out, f.ID)
		}
	}
	slices.Sort(out)
	return out
}

// Every sample is in the table above or it proves nothing.
func TestEverySampleIsOfAKnownTool(t *testing.T) {
	files, err := os.ReadDir(foreignDocuments)
	if err != nil || len(files) != 25 { // with README.md
		t.Errorf("%d files, %v", len(files), err)
	}
}

// A release that nobody tells is not covered, and a document of which nothing can be looked up is not accepted.
func TestForeignDocumentsAreNotAcceptedForWhatTheyDoNotSay(t *testing.T) {
	for name, c := range map[string]struct{ doc, summary string }{
		"no distribution": {`{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[
			{"type":"library","bom-ref":"a","name":"libssl1.1","version":"1.1.1k-1","purl":"pkg:deb/debian/libssl1.1@1.1.1k-1?arch=amd64"}]}`, "the database holds no record for deb"},
		"nothing but containers": {`{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[
			{"type":"container","bom-ref":"a","name":"debian","version":"11"}]}`, "none of the packages could be looked up"},
		"nothing but a root":                  {`{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"metadata":{"component":{"type":"application","bom-ref":"r","name":"shop"}},"components":[]}`, "no package was found"},
		"a kind of package that nobody tells": {ofNoKind, "the database holds no record for UnknownPackage"},
		"nothing but ranges": {`{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"x","packages":[
			{"SPDXID":"SPDXRef-a","name":"lodash","versionInfo":"^4.17.0","externalRefs":[{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:npm/lodash"}]}]}`, "none of the packages could be looked up"},
	} {
		t.Run(name, func(t *testing.T) {
			of, err := sbom.Read(name, []byte(c.doc))
			if err != nil {
				t.Fatal(err)
			}
			decided := policy.Decide(mustMatch(t, of).Found, "")
			if decided.Ending != outcome.Undecided || !strings.HasPrefix(decided.Summary(), c.summary) {
				t.Errorf("%s: %s", decided.Ending, decided.Summary())
			}
		})
	}
}

// ofNoKind has a package that can only be looked for by its CPE, which is what SPDX keeps of a program that is in no package.
const ofNoKind = `{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"x","packages":[
	{"SPDXID":"SPDXRef-a","name":"viewer","versionInfo":"1.0","externalRefs":[
		{"referenceCategory":"SECURITY","referenceType":"cpe23Type","referenceLocator":"cpe:2.3:a:acme:viewer:1.0:*:*:*:*:*:*:*"}]}]}`

func TestPackagesOfNoKindAreAcceptedByTheNameThatTheGapHas(t *testing.T) {
	of, err := sbom.Read("sbom.spdx.json", []byte(ofNoKind))
	if err != nil {
		t.Fatal(err)
	}
	found := mustMatch(t, of).Found
	gaps := policy.Decide(found, "").Uncovered()
	if len(gaps) == 0 {
		t.Fatal("there is no gap")
	}
	rules := policy.Rules{AllowUncovered: []string{gaps[0].Name()}}
	if decided := policy.Decide(found, "", policy.Policy{Rules: rules}); decided.Ending != outcome.Accepted {
		t.Errorf("%s: %s", decided.Ending, decided.Summary())
	}
}

func TestTrivysNamesOfDistributions(t *testing.T) {
	for name, c := range map[string]struct{ os, distro, want string }{
		"from the component": {`{"type":"operating-system","bom-ref":"os","name":"redhat","version":"8.4"},`, "", "rhel:8.4"},
		"from the purl":      {"", "&distro=amazon-2", "amzn:2"},
		"as syft writes it":  {"", "&distro=rhel-9.2", "rhel:9.2"},
		"Docker Scout's":     {"", "&os_name=centos&os_version=7", "centos:7"},
		"a release alone":    {"", "&distro=8.4", "rhel:8.4"},
	} {
		t.Run(name, func(t *testing.T) {
			of, err := sbom.Read(name, []byte(`{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[`+c.os+`
				{"type":"library","bom-ref":"a","name":"bash","version":"4.4.20-1.el8","purl":"pkg:rpm/redhat/bash@4.4.20-1.el8?arch=x86_64`+c.distro+`"}]}`))
			if err != nil {
				t.Fatal(err)
			}
			if got := mustMatch(t, of).Coverage; len(got) != 1 || got[0].Release != c.want {
				t.Errorf("%+v", got)
			}
		})
	}
}
