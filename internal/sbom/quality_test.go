package sbom_test

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/sbom"
)

// assessed is a document held against one standard.
func assessed(name string, doc []byte, standard sbom.Standard) (sbom.Quality, error) {
	c, err := sbom.ReadToAssess(name, doc)
	if err != nil {
		return sbom.Quality{}, err
	}
	all, err := c.Assess(time.Time{}, standard)
	if err != nil {
		return sbom.Quality{}, err
	}
	return all[0], nil
}

// counts are the elements in their order: 3/7 components, or 1/1 of the document.
func counts(q sbom.Quality) string {
	var parts []string
	for _, e := range q.Elements {
		parts = append(parts, fmt.Sprintf("%d/%d", e.Present, e.Total))
	}
	return strings.Join(parts, " ")
}

func TestQualityOfForeignDocuments(t *testing.T) {
	for name, want := range map[string][2]string{
		"cdxgen-cyclonedx-1.6.json":     {"0/2 2/2 2/2 2/2 2/2 1/1 1/1", "1/1 0/2 2/2 2/2 2/2 1/2 1/2 2/2 1/1 1/1 1/1"},
		"cdxgen-cyclonedx-1.7.json":     {"0/2 2/2 2/2 2/2 2/2 1/1 1/1", "1/1 0/2 2/2 2/2 2/2 1/2 1/2 2/2 1/1 1/1 1/1"},
		"github-api-spdx-2.3.json":      {"0/7 7/7 7/7 6/7 2/7 0/1 1/1", "0/1 0/7 7/7 7/7 6/7 0/7 7/7 2/7 1/1 1/1 0/1"},
		"github-export-spdx-2.3.json":   {"0/7 7/7 7/7 7/7 2/7 0/1 1/1", "0/1 0/7 7/7 7/7 7/7 0/7 7/7 2/7 1/1 1/1 0/1"},
		"nested-cyclonedx-1.5.json":     {"0/8 8/8 8/8 5/8 3/8 0/1 0/1", "0/1 0/8 8/8 8/8 5/8 0/8 0/8 3/8 0/1 0/1 0/1"},
		"sbom-tool-spdx-2.2.json":       {"1/6 6/6 5/6 5/6 6/6 1/1 1/1", "1/1 1/6 6/6 5/6 5/6 0/6 0/6 6/6 1/1 1/1 0/1"},
		"scout-spdx-2.3.json":           {"0/9 9/9 9/9 8/9 3/9 1/1 1/1", "1/1 0/9 9/9 9/9 8/9 0/9 0/9 3/9 1/1 1/1 0/1"},
		"syft-cyclonedx-1.4.json":       {"1/6 6/6 6/6 6/6 2/6 0/1 1/1", "0/1 1/6 6/6 6/6 6/6 0/6 2/6 2/6 1/1 1/1 0/1"},
		"syft-cyclonedx-1.4.xml":        {"1/6 6/6 6/6 6/6 2/6 0/1 1/1", "0/1 1/6 6/6 6/6 6/6 0/6 2/6 2/6 1/1 1/1 0/1"},
		"syft-cyclonedx-1.5.xml":        {"1/6 6/6 6/6 6/6 2/6 0/1 1/1", "0/1 1/6 6/6 6/6 6/6 0/6 2/6 2/6 1/1 1/1 0/1"},
		"syft-cyclonedx-1.6.json":       {"1/6 6/6 6/6 6/6 2/6 0/1 1/1", "0/1 1/6 6/6 6/6 6/6 0/6 2/6 2/6 1/1 1/1 0/1"},
		"syft-cyclonedx-1.6.xml":        {"1/6 6/6 6/6 6/6 2/6 0/1 1/1", "0/1 1/6 6/6 6/6 6/6 0/6 2/6 2/6 1/1 1/1 0/1"},
		"syft-cyclonedx-1.7.xml":        {"1/6 6/6 6/6 6/6 2/6 0/1 1/1", "0/1 1/6 6/6 6/6 6/6 0/6 2/6 2/6 1/1 1/1 0/1"},
		"syft-spdx-2.2.json":            {"0/7 7/7 7/7 6/7 7/7 1/1 1/1", "1/1 0/7 7/7 7/7 6/7 1/7 2/7 7/7 1/1 1/1 0/1"},
		"syft-spdx-2.3.json":            {"0/6 6/6 6/6 6/6 6/6 1/1 1/1", "1/1 0/6 6/6 6/6 6/6 1/6 2/6 6/6 1/1 1/1 0/1"},
		"syft-spdx-2.3.spdx":            {"0/6 6/6 6/6 6/6 6/6 1/1 1/1", "1/1 0/6 6/6 6/6 6/6 1/6 2/6 6/6 1/1 1/1 0/1"},
		"syft.json":                     {"1/6 6/6 6/6 6/6 2/6 0/1 0/1", "0/1 1/6 6/6 6/6 6/6 0/6 2/6 2/6 1/1 0/1 0/1"},
		"trivy-cyclonedx-1.6.json":      {"1/9 9/9 7/9 9/9 9/9 0/1 1/1", "0/1 1/9 9/9 7/9 9/9 3/9 2/9 9/9 1/1 1/1 0/1"},
		"trivy-java-cyclonedx-1.6.json": {"0/6 6/6 5/6 6/6 2/6 0/1 1/1", "0/1 0/6 6/6 5/6 6/6 0/6 0/6 2/6 1/1 1/1 0/1"},
		"trivy-java-spdx-2.3.json":      {"0/6 6/6 5/6 6/6 2/6 1/1 1/1", "1/1 0/6 6/6 5/6 6/6 0/6 0/6 2/6 1/1 1/1 0/1"},
		"trivy-spdx-2.3.json":           {"1/9 9/9 7/9 9/9 9/9 1/1 1/1", "1/1 1/9 9/9 7/9 9/9 0/9 2/9 9/9 1/1 1/1 0/1"},
		"trivy-spdx-2.3.spdx":           {"1/9 9/9 7/9 9/9 9/9 1/1 1/1", "1/1 1/9 9/9 7/9 9/9 0/9 2/9 9/9 1/1 1/1 0/1"},
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := os.ReadFile("testdata/foreign/" + name)
			if err != nil {
				t.Fatal(err)
			}
			for i, standard := range sbom.Standards() {
				q, err := assessed(name, doc, standard)
				if err != nil {
					t.Fatal(err)
				}
				if got := counts(q); got != want[i] {
					t.Errorf("%s: got %q, want %q", standard, got, want[i])
				}
			}
		})
	}
}

func TestQualityOfOwnDocuments(t *testing.T) {
	c := catalogue(t, shop(t, registrytest.AppOptions{Log4jVersion: "2.14.1", Distro: registrytest.Debian("11")}))
	missing := map[string][2]string{
		"cyclonedx": {"supplier name, author of SBOM data", "SBOM author, software producer, component hash, license"},
		"spdx":      {"supplier name, author of SBOM data", "SBOM author, software producer, component hash, license"},
		"syft":      {"supplier name, dependency relationship, author of SBOM data, timestamp", "SBOM author, software producer, software identifiers, component hash, license, dependency relationship, timestamp, generation context"},
	}
	for name, doc := range documents(t, c, time.Time{}) {
		for i, standard := range sbom.Standards() {
			q, err := assessed(name, doc, standard)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(q.Missing(), ", "); got != missing[name][i] {
				t.Errorf("%s, %s: missing %q, want %q (%s)", name, standard, got, missing[name][i], counts(q))
			}
			if q.Score <= 0.4 || q.Score >= 1 {
				t.Errorf("%s, %s: score %v", name, standard, q.Score)
			}
		}
	}
}

// TestAnImageIsAssessedAsItsDocumentIs: what is noted while the document is made is what a reader finds in it.
func TestAnImageIsAssessedAsItsDocumentIs(t *testing.T) {
	c := catalogue(t, shop(t, registrytest.AppOptions{Log4jVersion: "2.14.1", Distro: registrytest.Debian("11")}))
	doc, err := c.CycloneDX(time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	own, err := c.Assess(time.Time{}, sbom.Standards()...)
	if err != nil {
		t.Fatal(err)
	}
	for i, standard := range sbom.Standards() {
		read, err := assessed("x", doc, standard)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(read, own[i]); diff != "" {
			t.Errorf("%s: %s", standard, diff)
		}
	}
}

func TestADocumentThatWasNotReadForItIsNotAssessed(t *testing.T) {
	c, err := sbom.Read("x", []byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	if q, err := c.Assess(time.Time{}, sbom.NTIA2021); err == nil {
		t.Errorf("what stepseal would write of it is taken for the document: %v", q)
	}
}

// whole is a document that says everything, of one component.
const whole = `{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"timestamp":"2026-01-01T00:00:00Z","authors":[{"name":"Ada"}],
"lifecycles":[{"phase":"build"}],"tools":{"components":[{"type":"application","name":"maker"}]}},
"components":[{"bom-ref":"a","type":"library","supplier":{"name":"Acme"},"name":"a","version":"1","purl":"pkg:npm/a@1","hashes":[{"alg":"SHA-256","content":"` +
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" + `"}],"licenses":[{"license":{"id":"MIT"}}]}],"dependencies":[{"ref":"a"}]}`

func TestQualityNamesWhatIsMissing(t *testing.T) {
	for name, test := range map[string]struct{ from, to, ntia, cisa string }{
		"nothing":                    {"{", "{", "", ""},
		"an author without a name":   {`"Ada"`, `" "`, "author of SBOM data", "SBOM author"},
		"a day":                      {`2026-01-01T00:00:00Z`, `1 January`, "timestamp", "timestamp"},
		"no tool":                    {`"maker"`, `""`, "", "tool name"},
		"no phase":                   {`"phase":"build"`, `"description":"x"`, "", "generation context"},
		"nobody's":                   {`"Acme"`, `"NOASSERTION"`, "supplier name", "software producer"},
		"an author of the component": {`"supplier":{"name":"Acme"}`, `"authors":[{"name":"Acme"}]`, "supplier name", ""},
		"no name":                    {`"name":"a"`, `"name":""`, "component name", "component name"},
		"an unknown version":         {`"version":"1"`, `"version":"unknown"`, "component version", "component version"},
		"no identifier":              {`"purl":`, `"x":`, "", "software identifiers"},
		"another reference":          {`{"ref":"a"}`, `{"ref":"b"}`, "dependency relationship", "dependency relationship"},
		"an empty hash":              {`"content":"a`, `"content":"","x":"`, "", "component hash"},
		"no licence":                 {`"id":"MIT"`, `"name":"NONE"`, "", "license"},
		"only a file":                {`"type":"library"`, `"type":"file"`, "supplier name, component name, component version, dependency relationship", "software producer, component name, component version, software identifiers, component hash, license, dependency relationship"},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(whole, test.from) {
				t.Fatal("nothing to change")
			}
			doc := strings.Replace(whole, test.from, test.to, 1)
			for i, want := range []string{test.ntia, test.cisa} {
				q, err := assessed(name, []byte(doc), sbom.Standards()[i])
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, strings.Join(q.Missing(), ", ")); diff != "" {
					t.Errorf("%s: %s", q.Standard, diff)
				}
				if all := want == "" && (q.Standard != "ntia-2021" || name != "no identifier"); all != (math.Abs(q.Score-1) < 1e-9) {
					t.Errorf("%s: score %v, missing %q", q.Standard, q.Score, want)
				}
			}
		})
	}
}

func TestQualityOfWhatIsNoDocument(t *testing.T) {
	for _, doc := range []string{"", "{}", `{"bomFormat":"CycloneDX","components":[{"a":1,"a":2}]}`, `{"spdxVersion":"SPDX-2.3","packages":7}`, "[]"} {
		if q, err := assessed("x", []byte(doc), sbom.NTIA2021); outcome.Of(err) == nil || outcome.Of(err).Reason != outcome.SBOMUnreadable || len(q.Elements) > 0 {
			t.Errorf("%s: %v, %v", doc, q, err)
		}
	}
	if _, err := assessed("x", []byte(whole), "iso-1"); err == nil {
		t.Error("a standard that does not exist")
	}
}
