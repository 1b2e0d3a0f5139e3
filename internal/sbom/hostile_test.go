package sbom_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/sbom"
)

// Nobody's document costs more than a few seconds and a few hundred megabytes to refuse.
func TestHostileDocuments(t *testing.T) {
	cyclone := func(rest string) string {
		return `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,` + rest + `}`
	}
	xml := func(rest string) string { return `<bom xmlns="http://cyclonedx.org/schema/bom/1.6">` + rest + `</bom>` }
	for name, c := range map[string]struct {
		doc  func() string
		want string
	}{
		"a billion laughs": {func() string {
			return `<!DOCTYPE bom [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>` + xml(`<components><component type="library"><name>&b;</name></component></components>`)
		}, "document type"},
		"an external entity": {func() string { return `<!DOCTYPE bom SYSTEM "file:///etc/passwd">` + xml("") }, "document type"},
		"XML a million deep": {func() string { return xml(strings.Repeat("<components>", 1_000_000)) }, "deeper than 100"},
		"an attribute of 60 MB": {func() string {
			return xml(`<components><component type="` + strings.Repeat("x", 60<<20) + `"/></components>`)
		}, "a tag of more than"},
		"XML of 200 MB":      {func() string { return xml(`<a b="` + strings.Repeat("x", 200<<20) + `"/>`) }, "more than the"},
		"XML in Latin-1":     {func() string { return `<?xml version="1.0" encoding="ISO-8859-1"?>` + xml("<!-- caf\xe9 -->") }, "not UTF-8"},
		"XML of another age": {func() string { return `<bom xmlns="http://cyclonedx.org/schema/bom/9.9"/>` }, "9.9"},
		"XML that is no SBOM": {func() string {
			return `<html><body>Not found</body></html>`
		}, "not CycloneDX"},
		"a line of 60 MB":           {func() string { return "SPDXVersion: SPDX-2.3\nDocumentName: " + strings.Repeat("x", 60<<20) }, "line 2 has more than"},
		"tag-value that ends early": {func() string { return "SPDXVersion: SPDX-2.3\nDocumentComment: <text>x" }, "does not end"},
		"tag-value of no version":   {func() string { return "SPDXVersion: SPDX-9.9\nDataLicense: CC0-1.0\n" }, "SPDX-9.9"},
		"tag-value out of order":    {func() string { return "SPDXVersion: SPDX-2.3\nPackageVersion: 1\n" }, "not SPDX"},
		"two million dependencies": {func() string {
			return cyclone(`"components":[],"dependencies":[` + strings.TrimSuffix(strings.Repeat(`{"ref":"a","dependsOn":[]},`, 1_000_000), ",") + `]`)
		}, "an array of more than 500000"},
		"components 5000 deep": {func() string {
			return cyclone(`"components":[` + strings.Repeat(`{"type":"library","name":"a","components":[`, 5000) + strings.Repeat(`]}`, 5000) + `]`)
		}, "deeper than 100"},
		"a million empty components": {func() string {
			return cyclone(`"components":[` + strings.TrimSuffix(strings.Repeat(`{},`, 1_000_000), ",") + `]`)
		}, "an array of more than 500000"},
		"a million empty packages": {func() string {
			return `{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","packages":[` + strings.TrimSuffix(strings.Repeat(`{},`, 1_000_000), ",") + `]}`
		}, "an array of more than 500000"},
		"UTF-16":      {func() string { return "\xff\xfe{\x00}\x00" }, "not UTF-8"},
		"a statement": {func() string { return `{"_type":"https://in-toto.io/Statement/v1","predicate":{}}` }, "an attestation around"},
		"an envelope": {func() string { return `{"payloadType":"application/vnd.in-toto+json","payload":"","signatures":[]}` }, "an attestation around"},
		"a bundle": {func() string {
			return `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","dsseEnvelope":{}}`
		}, "an attestation around"},
		"SPDX 3":           {func() string { return `{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[]}` }, "neither"},
		"wrapped ten deep": {func() string { return strings.Repeat(`{"sbom":`, 10) + `{}` + strings.Repeat(`}`, 10) }, "neither"},
	} {
		t.Run(name, func(t *testing.T) {
			doc := []byte(c.doc())
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err := sbom.Read(name, doc)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if err == nil || outcome.Of(err).Reason != outcome.SBOMUnreadable || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %.300v, want one with %q", err, c.want)
			}
			if spent := (after.TotalAlloc - before.TotalAlloc) >> 20; spent > 1500 || took > 20*time.Second {
				t.Errorf("%s and %d MB", took, spent)
			} else {
				t.Logf("%s and %d MB of allocations for %d bytes", took, spent, len(doc))
			}
		})
	}
}

// What is odd, and can be read all the same.
func TestOddDocumentsAreRead(t *testing.T) {
	spdx := func(rest string) string {
		return `{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"x",` + rest + `}`
	}
	pkg := func(id, name string) string {
		return fmt.Sprintf(`{"SPDXID":"SPDXRef-%s","name":%q,"versionInfo":"1"}`, id, name)
	}
	relation := func(a, kind, b string) string {
		return fmt.Sprintf(`{"spdxElementId":"SPDXRef-%s","relationshipType":%q,"relatedSpdxElement":"SPDXRef-%s"}`, a, kind, b)
	}
	for name, c := range map[string]struct {
		doc      string
		packages int
	}{
		"relationships in a circle": {spdx(`"packages":[` + pkg("a", "a") + `,` + pkg("b", "b") + `],"relationships":[` +
			relation("a", "DEPENDS_ON", "b") + `,` + relation("b", "DEPENDS_ON", "a") + `,` + relation("a", "CONTAINS", "a") + `]`), 2},
		"generated from each other": {spdx(`"packages":[` + pkg("a", "a") + `,` + pkg("b", "b") + `],"relationships":[` +
			relation("a", "GENERATED_FROM", "b") + `,` + relation("b", "GENERATED_FROM", "a") + `]`), 2},
		"an id that stands twice": {spdx(`"packages":[` + pkg("a", "a") + `,` + pkg("a", "b") + `]`), 2},
		"a byte order mark":       {"\ufeff" + spdx(`"packages":[`+pkg("a", "a")+`]`), 1},
		"no components":           {`{"bomFormat":"CycloneDX","specVersion":"1.6","version":1}`, 0},
		"tag-value after a comment": {"# made by hand\nSPDXVersion: SPDX-2.3\r\nDataLicense: CC0-1.0\r\nSPDXID: SPDXRef-DOCUMENT\r\nDocumentName: x\r\n" +
			"DocumentNamespace: https://example.com/x\r\nCreator: Tool: hand\r\nCreated: 2026-11-01T00:00:00Z\r\n" +
			"PackageName: a\r\nSPDXID: SPDXRef-a\r\nPackageVersion: 1\r\nPackageDownloadLocation: NONE\r\nFilesAnalyzed: false\r\n" +
			"PackageLicenseComments: <text>one\ntwo" + strings.Repeat("\nx", 3000) + "</text>\r\n", 1},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := sbom.Read(name, []byte(c.doc))
			if err != nil {
				t.Fatal(err)
			}
			if got.Packages() != c.packages {
				t.Errorf("%d packages, want %d", got.Packages(), c.packages)
			}
		})
	}
}
