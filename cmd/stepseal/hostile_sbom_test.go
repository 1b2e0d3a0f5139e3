//go:build unix && hostile

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/cmd/stepseal/internal/transcripts"
)

// listed is a package of a document. Its texts are JSON strings without their quotes: as hostile as they come.
type listed struct{ id, name, version, purl, licence string }

// log4j is what every document lists besides, so that one that was read is refused for it.
var log4j = listed{"log4j", "log4j-core", "2.14.1", "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1", "Apache-2.0"}

// written are documents by their format; edges are pairs of ids, of which the first needs the second.
var written = map[string]func(edges [][2]string, packages ...listed) string{
	"CycloneDX": func(edges [][2]string, packages ...listed) string {
		var components, dependencies []string
		for _, p := range packages {
			components = append(components, fmt.Sprintf(`{"type":"library","bom-ref":"%s","name":"%s","version":"%s","purl":"%s","licenses":[{"license":{"name":"%s"}}]}`, p.id, p.name, p.version, p.purl, p.licence))
		}
		for _, e := range edges {
			dependencies = append(dependencies, fmt.Sprintf(`{"ref":"%s","dependsOn":["%s"]}`, e[0], e[1]))
		}
		return `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"metadata":{"component":{"type":"application","bom-ref":"root","name":"shop"}},"components":[` +
			strings.Join(components, ",") + `],"dependencies":[` + strings.Join(dependencies, ",") + `]}`
	},
	"SPDX": func(edges [][2]string, packages ...listed) string {
		var all, relations []string
		for _, p := range packages {
			all = append(all, fmt.Sprintf(`{"SPDXID":"SPDXRef-%s","name":"%s","versionInfo":"%s","downloadLocation":"NOASSERTION","licenseDeclared":"%s","externalRefs":[{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"%s"}]}`, p.id, p.name, p.version, p.licence, p.purl))
		}
		for _, e := range edges {
			relations = append(relations, fmt.Sprintf(`{"spdxElementId":"SPDXRef-%s","relationshipType":"DEPENDS_ON","relatedSpdxElement":"SPDXRef-%s"}`, e[0], e[1]))
		}
		return `{"spdxVersion":"SPDX-2.3","dataLicense":"CC0-1.0","SPDXID":"SPDXRef-DOCUMENT","name":"shop","documentNamespace":"https://example.com/shop","creationInfo":{"created":"2026-01-01T00:00:00Z","creators":["Tool: x"]},"packages":[` +
			strings.Join(all, ",") + `],"relationships":[` + strings.Join(relations, ",") + `]}`
	},
	"syft JSON": func(edges [][2]string, packages ...listed) string {
		var all, relations []string
		for _, p := range packages {
			kind, language := "java-archive", "java"
			if !strings.HasPrefix(p.purl, "pkg:maven/") {
				kind, language = "npm", "javascript"
			}
			all = append(all, fmt.Sprintf(`{"id":"%s","name":"%s","version":"%s","type":"%s","foundBy":"x","locations":[],"licenses":[{"value":"%s","spdxExpression":"","type":"declared","urls":[],"locations":[]}],"language":"%s","cpes":[],"purl":"%s"}`, p.id, p.name, p.version, kind, p.licence, language, p.purl))
		}
		for _, e := range edges {
			relations = append(relations, fmt.Sprintf(`{"parent":"%s","child":"%s","type":"dependency-of"}`, e[1], e[0]))
		}
		return `{"artifacts":[` + strings.Join(all, ",") + `],"artifactRelationships":[` + strings.Join(relations, ",") +
			`],"source":{"id":"x","name":"shop","version":"1","type":"directory","metadata":{"path":"/"}},"distro":{},"descriptor":{"name":"syft","version":"1.54.1"},"schema":{"version":"16.1.0","url":"https://raw.githubusercontent.com/anchore/syft/main/schema/json/schema-16.1.0.json"}}`
	},
}

// Escapes a terminal, starts lines of its own, commands GitHub's runner, and turns the reading direction around.
const breaking = `\u001b[31m\r\n::error::x\n::set-output name=x::y\u0000\u0007\u009b2J\u202e\u2028`

type hostileSBOM struct {
	doc    func(write func([][2]string, ...listed) string) string
	code   int
	reason string
	says   string
}

func hostileSBOMs() map[string]hostileSBOM {
	const refused, unreadable = 10, 12
	long := strings.Repeat("x", 10<<20)
	with := func(p listed) func(write func([][2]string, ...listed) string) string {
		return func(write func([][2]string, ...listed) string) string { return write(nil, log4j, p) }
	}
	edged := func(edges ...[2]string) func(write func([][2]string, ...listed) string) string {
		return func(write func([][2]string, ...listed) string) string {
			return write(edges, log4j, listed{"a", "lodash", "4.17.15", "pkg:npm/lodash@4.17.15", "MIT"})
		}
	}
	var circle [][2]string
	for i := range 50_000 {
		circle = append(circle, [2]string{fmt.Sprint("n", i), fmt.Sprint("n", (i+1)%50_000)})
	}
	raw := func(old, new string) func(write func([][2]string, ...listed) string) string {
		return func(write func([][2]string, ...listed) string) string {
			return strings.Replace(write(nil, log4j), old, new, 1)
		}
	}
	return map[string]hostileSBOM{
		"a depth bomb":             {raw(`"Apache-2.0"`, strings.Repeat("[", 1_000_000)+strings.Repeat("]", 1_000_000)), unreadable, "sbom-unreadable", "deeper than"},
		"a depth bomb in the open": {raw(`"Apache-2.0"`, strings.Repeat("[", 1_000_000)), unreadable, "sbom-unreadable", "nested deeper than"},
		"the same key twice":       {raw(`{`, `{"name":"a","name":"b",`), unreadable, "sbom-unreadable", "twice"},
		"bytes that are no UTF-8":  {raw("log4j-core", "log4j\xff\xfe-core"), unreadable, "sbom-unreadable", "not UTF-8"},
		"half a surrogate pair":    {with(listed{"a", `lod\ud800ash`, "1.0.0", "pkg:npm/lodash@1.0.0", "MIT"}), refused, "vulnerable", "log4j-core"},

		"an id twice":                 {with(listed{"log4j", "lodash", "4.17.15", "pkg:npm/lodash@4.17.15", "MIT"}), refused, "vulnerable", "log4j-core"},
		"a thousand same ids":         {func(write func([][2]string, ...listed) string) string { return write(nil, repeated(log4j, 1000)...) }, refused, "vulnerable", "log4j-core"},
		"a package that needs itself": {edged([2]string{"a", "a"}), refused, "vulnerable", "log4j-core"},
		"two that need each other":    {edged([2]string{"a", "log4j"}, [2]string{"log4j", "a"}), refused, "vulnerable", "log4j-core"},
		"a circle of 50,000": {func(write func([][2]string, ...listed) string) string {
			packages := []listed{log4j}
			for i := range 50_000 {
				packages = append(packages, listed{fmt.Sprint("n", i), fmt.Sprint("n", i), "1.0.0", fmt.Sprintf("pkg:npm/n%d@1.0.0", i), "MIT"})
			}
			return write(append(circle, [2]string{"n9", "log4j"}), packages...)
		}, refused, "vulnerable", "log4j-core"},

		"a name of 10 MB":     {with(listed{"a", long, "1.0.0", "pkg:npm/a@1.0.0", "MIT"}), unreadable, "sbom-unreadable", "a text of more than"},
		"a version of 10 MB":  {with(listed{"a", "lodash", "4.17.15-" + long, "pkg:npm/lodash@4.17.15", "MIT"}), unreadable, "sbom-unreadable", "a text of more than"},
		"a purl of 10 MB":     {with(listed{"a", "lodash", "4.17.15", "pkg:npm/lodash@4.17.15?x=" + long, "MIT"}), unreadable, "sbom-unreadable", "a text of more than"},
		"a licence of 10 MB":  {with(listed{"a", "lodash", "4.17.15", "pkg:npm/lodash@4.17.15", long}), unreadable, "sbom-unreadable", "a text of more than"},
		"a name of 100 kB":    {with(listed{"a", long[:100_000], "1.0.0", "pkg:npm/" + long[:100_000] + "@1.0.0", "MIT"}), unreadable, "sbom-unreadable", "bytes, more than"},
		"a version of 100 kB": {with(listed{"a", "lodash", long[:100_000], "pkg:npm/lodash@4.17.15", "MIT"}), unreadable, "sbom-unreadable", "has 100000 bytes, more than"},
		"a purl of 100 kB":    {with(listed{"a", "lodash", "4.17.15", "pkg:npm/lodash@4.17.15?x=" + long[:100_000], "MIT"}), unreadable, "sbom-unreadable", "bytes, more than"},
		"versions of 8 kB": {func(write func([][2]string, ...listed) string) string {
			return write(nil, repeated(listed{"log4j", "log4j-core", "2.14.1-" + long[:8000], log4j.purl, "MIT"}, 3)...)
		}, refused, "vulnerable", "log4j-core"},
		"a licence of brackets": {with(listed{"a", "lodash", "4.17.15", "pkg:npm/lodash@4.17.15", strings.Repeat("(", 1_000_000)}), refused, "vulnerable", "log4j-core"},

		"control characters in a name":    {with(listed{"a", "lodash" + breaking, "4.17.15", "pkg:npm/lodash@4.17.15", "MIT"}), refused, "vulnerable", "log4j-core"},
		"control characters in a version": {with(listed{"a", "lodash", "4.17.15" + breaking, "pkg:npm/lodash@4.17.15", "MIT"}), refused, "vulnerable", "log4j-core"},
		"control characters in a purl":    {with(listed{"a", "lodash", "4.17.15", "pkg:npm/lodash@4.17.15?x=" + breaking, "MIT"}), refused, "vulnerable", "log4j-core"},
		"control characters in a licence": {with(listed{"a", "lodash", "4.17.15", "pkg:npm/lodash@4.17.15", "MIT" + breaking}), refused, "vulnerable", "log4j-core"},
	}
}

func repeated(p listed, n int) (all []listed) {
	for range n {
		all = append(all, p)
	}
	return all
}

// What one document may take, and what may be said about it.
const (
	largeMemory = 2 << 30
	mostLog     = 64 << 10
	mostReport  = 1 << 20 // of scan.json, a thousand packages with two findings aside
)

// TestHostileSBOMs runs the gate, as a process of its own, on documents of nobody's making.
func TestHostileSBOMs(t *testing.T) {
	s := transcripts.NewShared(t)
	for name, c := range hostileSBOMs() {
		for format, write := range written {
			t.Run(name+", in "+format, func(t *testing.T) {
				c := c
				if name == "an id twice" && format == "CycloneDX" { // syft looks at the first alone
					c.code, c.reason = 11, "not-covered"
				}
				file := filepath.Join(t.TempDir(), "shop.json")
				must(t, os.WriteFile(file, []byte(c.doc(write)), 0o600))
				run := launchWith(t, []string{"XDG_CACHE_HOME=" + s.Cache, "STEPSEAL_MAX_DATABASE_AGE=0"},
					"scan-gate", "--sbom", file, "--database", s.Database, "--denied-licenses", "GPL-*")
				if run.code != c.code || !strings.Contains(run.said, "["+c.reason+"]") || !strings.Contains(run.said, c.says) {
					t.Errorf("exit code %d, want %d, %s and %q:\n%.2000s", run.code, c.code, c.reason, c.says, run.said)
				}
				run.clean(t)
				if run.memory > largeMemory {
					t.Errorf("it took %d MiB of memory", run.memory>>20)
				}
				if len(run.said) > mostLog {
					t.Errorf("it said %d bytes: %.300q", len(run.said), run.said)
				}
				report, err := os.ReadFile(filepath.Join(run.dir, "out", "scan.json"))
				if (err == nil) != (c.reason != "sbom-unreadable") {
					t.Errorf("scan.json: %v", err)
				}
				if len(report) > mostReport && name != "a thousand same ids" {
					t.Errorf("scan.json has %d bytes", len(report))
				}
				if err == nil && (!json.Valid(report) || control.Match(report)) {
					t.Errorf("scan.json: %.300q", report)
				}
			})
		}
	}
}

// TestLargeSBOMs is the other side: what is large and harmless is decided on, in a minute and 2 GB of memory.
func TestLargeSBOMs(t *testing.T) {
	s := transcripts.NewShared(t)
	many := func(write func([][2]string, ...listed) string) string {
		var packages []listed
		for i := range 1_700 {
			version := fmt.Sprintf("2.9.%d", i%9) // with some sixty findings
			packages = append(packages, listed{fmt.Sprint("j", i), "jackson-databind", version, fmt.Sprintf("pkg:maven/com.fasterxml.jackson.core/jackson-databind@%s?n=%d", version, i), "Apache-2.0"})
		}
		return write(nil, packages...)
	}
	wide := func(write func([][2]string, ...listed) string) string {
		packages, edges := []listed{log4j}, [][2]string(nil)
		for i := range 85_000 {
			name := fmt.Sprintf("package-number-%d", i)
			packages = append(packages, listed{name, name, "1.0.0", fmt.Sprintf("pkg:npm/%s@1.0.0?from=%s", name, strings.Repeat("x", 350)), "MIT"})
			edges = append(edges, [2]string{fmt.Sprintf("package-number-%d", i/2), name})
		}
		return write(edges, packages...)
	}
	for name, c := range map[string]struct {
		doc             func(write func([][2]string, ...listed) string) string
		bytes, findings int // at least
	}{
		"a hundred thousand findings": {many, 0, 100_000},
		"50 MB":                       {wide, 50_000_000, 2},
	} {
		for format, write := range written {
			t.Run(name+", in "+format, func(t *testing.T) {
				doc := []byte(c.doc(write))
				if len(doc) < c.bytes {
					t.Fatalf("the document has %d bytes", len(doc))
				}
				file := filepath.Join(t.TempDir(), "shop.json")
				must(t, os.WriteFile(file, doc, 0o600))
				run := launchWith(t, []string{"XDG_CACHE_HOME=" + s.Cache, "STEPSEAL_MAX_DATABASE_AGE=0"}, "scan-gate", "--sbom", file, "--database", s.Database)
				if run.code != 10 || !strings.Contains(run.said, "[vulnerable]") {
					t.Errorf("exit code %d:\n%.2000s", run.code, run.said)
				}
				run.clean(t)
				if run.memory > largeMemory || len(run.said) > mostLog {
					t.Errorf("it took %d MiB of memory and said %d bytes", run.memory>>20, len(run.said))
				}
				var report struct{ Counts struct{ Total int } }
				must(t, json.Unmarshal(second2(os.ReadFile(filepath.Join(run.dir, "out", "scan.json"))), &report))
				if report.Counts.Total < c.findings {
					t.Errorf("%d findings", report.Counts.Total)
				}
			})
		}
	}
}
