package vex_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/vex"
)

func file(t testing.TB, name string) []byte {
	t.Helper()
	doc, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func digest(c string) string { return "sha256:" + strings.Repeat(c, 64) }

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

const (
	apiPURL    = "pkg:oci/api@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?repository_url=ghcr.io/acme/api"
	pythonPURL = "pkg:oci/python-311@sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd?arch=amd64&repository_url=registry.redhat.example/ubi9&tag=1-25"
	otherBOM   = "11111111-2222-3333-4444-555555555555"
)

var documents = map[string]vex.Document{
	"openvex-image.json": {
		Format: vex.OpenVEX, ID: "https://acme.example/vex/2026-001", Author: "Acme Product Security <psirt@acme.example>",
		Issued: at("2026-03-02T15:00:00.647787998Z"),
		Statements: []vex.Statement{
			{IDs: []string{"CVE-2021-44228", "GHSA-jfh8-c2jp-5v3q"}, Status: vex.NotAffected, Justification: "vulnerable_code_not_in_execute_path",
				Impact: "JNDI lookups are compiled out.\nSee the build file.", Time: at("2026-03-05T09:00:00Z"),
				Products: []vex.Product{{Digest: digest("a"),
					PURL:          "pkg:oci/api@sha256%3Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?repository_url=ghcr.io%2Facme%2Fapi&arch=amd64",
					Subcomponents: []string{"pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1", "pkg:maven/org.apache.logging.log4j/log4j-api@2.14.1"}}}},
			{IDs: []string{"CVE-2023-4911"}, Status: vex.Fixed, Time: at("2026-03-03T23:00:00Z"),
				Products: []vex.Product{{PURL: "pkg:deb/debian/libc6@2.36-9%2Bdeb12u3?distro=debian-12"}, {Digest: digest("b")}}},
			{IDs: []string{"CVE-2024-2000"}, Status: vex.Affected, Action: "Update to 1.0.1.", Time: at("2026-03-05T09:00:00Z"),
				Products: []vex.Product{{PURL: "pkg:npm/%40acme/left@1.0.0"}}},
			{IDs: []string{"CVE-2024-3000"}, Time: at("2026-03-05T09:00:00Z"),
				Products: []vex.Product{{PURL: "pkg:apk/wolfi/trivy@0.50.0-r0?arch=x86_64"}}},
		},
		Notes: []string{
			`the product "acme-mainframe" has neither a purl nor a SHA-256: it counts for nothing`,
			`the product "https://acme.example/parts/18" has neither a purl nor a SHA-256: it counts for nothing`,
			`what is said of CVE-2024-1000 counts for nothing: it names no product that can be compared`,
		},
	},
	"openvex-0.0.1.json": {
		Format: vex.OpenVEX, ID: "https://acme.example/vex/2023-001", Author: "wolfi@acme.example", Issued: at("2023-01-17T01:07:16.853479631Z"),
		Statements: []vex.Statement{
			{IDs: []string{"CVE-2023-0464"}, Status: vex.NotAffected, Impact: "policies are never checked", Time: at("2023-01-17T01:07:16.853479631Z"),
				Products: []vex.Product{{PURL: "pkg:oci/web@" + digest("c"), Digest: digest("c"), Subcomponents: []string{"pkg:apk/wolfi/openssl@3.0.8-r0?arch=x86_64"}}}},
			{IDs: []string{"CVE-2023-0465"}, Status: vex.Fixed, Time: at("2023-02-01T00:00:00Z"), Products: []vex.Product{{PURL: "pkg:apk/wolfi/openssl@3.0.8-r1"}}},
		},
		Notes: []string{
			`the product "" has neither a purl nor a SHA-256: it counts for nothing`,
			`the product "web 1.0" has neither a purl nor a SHA-256: it counts for nothing`,
		},
	},
	"cyclonedx-1.6.json": {
		Format: vex.CycloneDX, ID: "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79/3", Author: "Erika Mustermann, Acme", Issued: at("2026-02-01T10:00:00Z"),
		Statements: []vex.Statement{
			{IDs: []string{"CVE-2020-25649", "GHSA-288c-cq4h-88gq"}, Status: vex.NotAffected, Justification: "code_not_reachable",
				Impact: "External entities are off.", Action: "will_not_fix, update", Time: at("2026-01-02T00:00:00Z"),
				Products: []vex.Product{
					{PURL: apiPURL, Digest: digest("a"), Subcomponents: []string{"pkg:maven/com.fasterxml.jackson.core/jackson-databind@2.10.0?type=jar"}},
					{PURL: apiPURL, Digest: digest("a"), Subcomponents: []string{"pkg:maven/acme/shaded@1.0"}}}},
			{IDs: []string{"CVE-2021-0001"}, Status: vex.NotAffected, Time: at("2026-02-01T10:00:00Z"), Products: []vex.Product{{PURL: apiPURL, Digest: digest("a")}}},
			{IDs: []string{"CVE-2021-0002"}, Status: vex.Affected, Action: "update", Time: at("2026-02-01T10:00:00Z"),
				Products: []vex.Product{{PURL: apiPURL, Digest: digest("a"), Subcomponents: []string{"pkg:maven/com.fasterxml.jackson.core/jackson-databind?type=jar"}}}},
			{IDs: []string{"CVE-2021-0003"}, Status: vex.Fixed, Time: at("2026-02-01T10:00:00Z"),
				Products: []vex.Product{{PURL: "pkg:npm/%40acme/ui@2.0.0", BOM: otherBOM}, {BOM: otherBOM}}},
			{IDs: []string{"CVE-2021-0004"}, Status: vex.NotAffected, Time: at("2026-02-01T10:00:00Z"), Products: []vex.Product{{PURL: "pkg:npm/lodash@4.17.20"}}},
			{IDs: []string{"CVE-2021-0005"}, Impact: "we look", Time: at("2026-02-01T10:00:00Z"), Products: []vex.Product{{PURL: "pkg:npm/lodash"}}},
			{IDs: []string{"CVE-2021-0006"}, Time: at("2026-02-01T10:00:00Z"), Products: []vex.Product{{PURL: "pkg:npm/lodash@4.17.20"}}},
		},
		Notes: []string{
			`"pkg:npm/lodash@4.17.20" is not-affected, and its version "4.17.18" is not called unaffected: it counts for nothing`,
			`"pkg:npm/lodash@4.17.20" is not-affected, and its version "4.17.19" is not called unaffected: it counts for nothing`,
			`a range of versions of "pkg:npm/lodash@4.17.20" is not read: it counts for nothing`,
			`the product "boot" has neither a purl nor a SHA-256: it counts for nothing`,
			`the reference "twin" means no component that is known: it counts for nothing`,
			`the reference "urn:cdx:` + otherBOM + `/1#component-7" means no component that is known: it counts for nothing`,
		},
	},
	"cyclonedx-1.4-unidentified.json": {
		Format: vex.CycloneDX, Author: "Acme, Inc.", Issued: at("2022-03-03T00:00:00Z"),
		Statements: []vex.Statement{{IDs: []string{"SNYK-1", "CVE-2022-1"}, Status: vex.NotAffected, Justification: "requires_environment",
			Time: at("2022-03-03T00:00:00Z"), Products: []vex.Product{{PURL: "pkg:pypi/acme_lib@2"}}}},
		Notes: []string{
			`the document is about "portal@1.0", which has neither a purl nor a SHA-256: what it says of its components counts in any image`,
			`the product "portal@1.0" has neither a purl nor a SHA-256: it counts for nothing`,
			`what is said of CVE-2022-2 counts for nothing: it names no product that can be compared`,
		},
	},
	"csaf-redhat.json": {
		Format: vex.CSAF, ID: "CVE-2023-5678", Author: "Example Linux Product Security", Issued: at("2026-01-20T11:12:13Z"),
		Statements: []vex.Statement{
			{IDs: []string{"CVE-2023-5678", "2248616"}, Status: vex.NotAffected, Justification: "vulnerable_code_not_in_execute_path", Time: at("2026-01-20T11:12:13Z"),
				Products: []vex.Product{{PURL: pythonPURL, Digest: digest("d"), Subcomponents: []string{"pkg:rpm/redhat/openssl?arch=src"}}}},
			{IDs: []string{"CVE-2023-5678", "2248616"}, Status: vex.NotAffected, Impact: "The installer checks no keys.", Time: at("2026-01-20T11:12:13Z"),
				Products: []vex.Product{{Digest: digest("e")}}},
			{IDs: []string{"CVE-2023-5678", "2248616"}, Status: vex.Fixed, Time: at("2026-01-20T11:12:13Z"),
				Products: []vex.Product{{PURL: "pkg:rpm/redhat/openssl-libs@3.0.7-27.el9?arch=x86_64&epoch=1"}}},
			{IDs: []string{"CVE-2023-5678", "2248616"}, Status: vex.Affected, Action: "Will not be fixed.", Time: at("2026-01-20T11:12:13Z"),
				Products: []vex.Product{{PURL: pythonPURL, Digest: digest("d")}}},
			{IDs: []string{"CVE-2023-9999"}, Time: at("2026-01-20T11:12:13Z"), Products: []vex.Product{{Digest: digest("e")}}},
		},
		Notes: []string{
			`"el_6:openssl" is not-affected on a platform that cannot be compared, in no version that is named: it counts for nothing`,
			`"openssl" is not affected by CVE-2023-5678, and neither a flag nor an impact says why: it counts for nothing`,
			`the product "edk2" has neither a purl nor a SHA-256: it counts for nothing`,
		},
	},
}

func TestDocumentsAreReadWhole(t *testing.T) {
	for name, want := range documents {
		t.Run(name, func(t *testing.T) {
			doc := file(t, name)
			got, err := vex.Read(name, doc)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Digest) != 71 {
				t.Errorf("digest %q", got.Digest)
			}
			got.Digest = ""
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// edited is a document with one text in the place of another, which must be there.
func edited(t *testing.T, name, from, to string) string {
	t.Helper()
	doc := string(file(t, name))
	if !strings.Contains(doc, from) {
		t.Fatalf("%s does not hold %q", name, from)
	}
	return strings.Replace(doc, from, to, 1)
}

func TestWhatIsNotADocumentIsAnError(t *testing.T) {
	openvex, cdx, csaf := "openvex-image.json", "cyclonedx-1.6.json", "csaf-redhat.json"
	for name, test := range map[string]struct{ doc, want string }{
		"nothing":                       {" \n", "empty"},
		"a cut document":                {string(file(t, openvex)[:900]), "ends too early"},
		"an array":                      {`[]`, "not a JSON object"},
		"another JSON document":         {`{"a": 1}`, "neither OpenVEX"},
		"an attestation":                {`{"payloadType": "application/vnd.in-toto+json", "payload": "", "signatures": []}`, "an attestation around"},
		"two formats at once":           {edited(t, openvex, `"@context"`, `"bomFormat": "CycloneDX", "@context"`), "two formats"},
		"a key twice":                   {edited(t, openvex, `"status": "fixed"`, `"status": "affected", "status": "fixed"`), "stands twice"},
		"a key twice in another case":   {edited(t, openvex, `"status": "fixed"`, `"Status": "affected", "status": "fixed"`), "stands twice"},
		"nesting without end":           {`{"@context":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`, "deeper than 100"},
		"an OpenVEX to come":            {edited(t, openvex, "v0.2.0", "v0.3.0"), "no OpenVEX version"},
		"another context":               {edited(t, openvex, "openvex.dev", "other.example"), "is not OpenVEX's"},
		"a list of contexts":            {edited(t, openvex, `"https://openvex.dev/ns/v0.2.0"`, `["https://openvex.dev/ns/v0.2.0"]`), "not one text"},
		"no author":                     {edited(t, openvex, `"author"`, `"x"`), "no author"},
		"an author with a line end":     {edited(t, openvex, "Acme Product", `Acme\nProduct`), "control character"},
		"no statements":                 {edited(t, openvex, `"statements"`, `"x"`), "no statements"},
		"no reason":                     {edited(t, openvex, `"justification": "component_not_present"`, `"x": ""`), `statement 3 ("CVE-2024-1000"): not_affected without a justification`},
		"a reason nobody knows":         {edited(t, openvex, `"component_not_present"`, `"because"`), `justification "because" is none of`},
		"a status nobody knows":         {edited(t, openvex, `"fixed"`, `"not-affected"`), `statement 2 ("CVE-2023-4911"): status "not-affected" is none of`},
		"no products":                   {edited(t, openvex, `"products": [{"@id": "pkg:npm/`, `"x": [{"@id": "pkg:npm/`), "no products"},
		"no vulnerability":              {edited(t, openvex, `"name": "CVE-2024-2000"`, `"x": ""`), "no name of the vulnerability"},
		"a vulnerability of a new kind": {edited(t, openvex, `{"name": "CVE-2024-2000"}`, `"CVE-2024-2000"`), "not OpenVEX"},
		"a time that is none":           {edited(t, openvex, `2026-03-04T00:00:00+01:00`, `yesterday`), `the time "yesterday" is no RFC 3339 time`},
		"a long name":                   {edited(t, openvex, "CVE-2024-2000", strings.Repeat("C", 300)), "more than the 256"},
		"an old one without a reason":   {edited(t, "openvex-0.0.1.json", `"impact_statement"`, `"x"`), "not_affected without"},
		"a CycloneDX without VEX":       {edited(t, cdx, `"1.6"`, `"1.3"`), "no CycloneDX that has VEX"},
		"a state nobody knows":          {edited(t, cdx, `"false_positive"`, `"fine"`), `vulnerability 2 ("CVE-2021-0001"): state "fine"`},
		"a reason of another format":    {edited(t, cdx, `"code_not_reachable"`, `"component_not_present"`), "is none of code_not_present"},
		"an SBOM with findings":         {`{"bomFormat":"CycloneDX","specVersion":"1.6","vulnerabilities":[{"id":"CVE-1"}]}`, "of its 1 vulnerabilities none"},
		"an analysis of nothing":        {edited(t, cdx, `"id": "CVE-2021-0001"`, `"x": ""`), "no name of the vulnerability"},
		"a security advisory":           {edited(t, csaf, `"csaf_vex"`, `"csaf_security_advisory"`), "and not csaf_vex"},
		"a CSAF to come":                {edited(t, csaf, `"2.0"`, `"2.1"`), "is not 2.0"},
		"no date":                       {edited(t, csaf, `"current_release_date"`, `"x"`), "no current_release_date"},
		"a status of the document":      {edited(t, csaf, `"final"`, `"withdrawn"`), "tracking status"},
		"a flag nobody knows":           {edited(t, csaf, `"vulnerable_code_not_present"`, `"trust_us"`), `the flag "trust_us"`},
		"a product from nowhere":        {edited(t, csaf, `"under_investigation": ["installer"]`, `"under_investigation": ["other"]`), `the product "other" is not in the product tree`},
		"a product with two statuses":   {edited(t, csaf, `"known_affected": [`, `"known_affected": ["installer", `), `"installer" is not-affected and affected`},
		"a product defined twice":       {edited(t, csaf, `"product_id": "edk2"`, `"product_id": "openssl"`), "is defined twice"},
		"a group from nowhere":          {edited(t, csaf, `["old"]}`, `["new"]}`), `the product group "new"`},
		"a circle of products":          {edited(t, csaf, `"product_reference": "edk2"`, `"product_reference": "el_6:edk2"`), "in a circle"},
		"a CSAF without a status":       {`{"document":{"category":"csaf_vex","csaf_version":"2.0","publisher":{"name":"x"},"tracking":{"id":"x","status":"final","current_release_date":"2026-01-01T00:00:00Z"}},"vulnerabilities":[{"cve":"CVE-1"}]}`, "no product has a status"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := vex.Read("some.json", []byte(test.doc))
			var bad *outcome.Error
			if !errors.As(err, &bad) || bad.Reason != outcome.VEXUnreadable || !strings.HasPrefix(err.Error(), "VEX document some.json: ") || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if len(d.Statements) > 0 {
				t.Error("statements beside an error")
			}
		})
	}
}

func TestWhatIsMultipliedIsBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"@context":"https://openvex.dev/ns","@id":"x","author":"x","timestamp":"2026-01-01T00:00:00Z","statements":[{"vulnerability":"CVE-1","status":"fixed","products":[`)
	for i := range 3000 {
		fmt.Fprintf(&b, `"pkg:npm/a%d",`, i)
	}
	b.WriteString(`"pkg:npm/z"],"subcomponents":[`)
	for i := range 3000 {
		fmt.Fprintf(&b, `"pkg:npm/a%d",`, i)
	}
	b.WriteString(`"pkg:npm/z"]}]}`)
	if _, err := vex.Read("x", []byte(b.String())); err == nil || !strings.Contains(err.Error(), "more than 500000 products") {
		t.Errorf("got %v", err)
	}
}

func TestAPURLThatCouldBreakALineCountsForNothing(t *testing.T) {
	d, err := vex.Read("x", []byte(edited(t, "openvex-image.json", "pkg:npm/%40acme/left@1.0.0", "pkg:npm/%40acme/left@1.0.0\u0092\u2028")))
	if err != nil || len(d.Statements) != 3 {
		t.Errorf("%d statements, %v", len(d.Statements), err)
	}
}

func TestTheZeroStatusSuppressesNothing(t *testing.T) {
	var zero vex.Status
	if zero.Suppresses() || vex.Affected.Suppresses() || !vex.NotAffected.Suppresses() || !vex.Fixed.Suppresses() {
		t.Error("a status suppresses what it should not, or does not what it should")
	}
}
