package evidence

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	vulns "github.com/in-toto/attestation/go/predicates/vulns/v02"
)

const scanned = `{"schema":"stepseal.scan/v1","subject":{"digest":"` + oneDigest + `"},"verdict":"accepted","database":{"sha256":"` + oneHex + `","built":"2026-01-01T00:00:00Z","providers":[{"name":"nvd","captured":"2025-12-31T00:00:00Z"}]},"findings":[` +
	`{"id":"CVE-2021-44228","aliases":["GHSA-jfh8-c2jp-5v3q"],"severity":"critical","provider":"nvd","cvss":[{"version":"3.1","vector":"v","score":10},{"version":"2.0","vector":"v","score":9.3}],"package":{"name":"log4j-core","version":"2.14.1","purl":"pkg:maven/a/log4j-core@2.14.1"},"judgement":{"status":"waived"}},` +
	`{"id":"CVE-2021-44228","severity":"critical","provider":"nvd","cvss":[{"version":"3.1","vector":"v","score":10}],"package":{"name":"log4j-api","version":"2.14.1"},"judgement":{"status":"tolerated"}},` +
	`{"id":"CVE-2020-0001","severity":"high","provider":"debian","package":{"name":"ssl","version":"1"},"judgement":{"status":"not-affected"}},` +
	`{"id":"CVE-2020-0002","severity":"unknown","provider":"","package":{"name":"ssl","version":"1"},"judgement":{"status":"known"}}]}`

func TestAScanIsWrittenAsInTotoDefinesIt(t *testing.T) {
	scan := Scan{Report: []byte(scanned), Version: "1.0.0", Database: "sha256:" + oneHex, DataDate: "2025-12-31T00:00:00Z", Finished: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	got, err := scan.Vulnerabilities()
	if err != nil {
		t.Fatal(err)
	}
	judged(t, got, &vulns.Vulns{})
	want := `{"scanner":{"uri":"https://github.com/stepseal/stepseal","version":"1.0.0","db":{"version":"sha256:` + oneHex + `","lastUpdate":"2025-12-31T00:00:00Z"},"result":[` +
		`{"id":"CVE-2021-44228","severity":[{"method":"nvd","score":"critical"},{"method":"cvss_score","score":"10.0"}],` +
		`"annotations":[{"package":"pkg:maven/a/log4j-core@2.14.1","status":"waived","aliases":["GHSA-jfh8-c2jp-5v3q"]},{"package":"log4j-api 2.14.1","status":"tolerated"}]},` +
		`{"id":"CVE-2020-0002","severity":[{"method":"stepseal","score":"unknown"}],"annotations":[{"package":"ssl 1","status":"known"}]}]},` +
		`"metadata":{"scanStartedOn":"2026-01-02T03:04:05Z","scanFinishedOn":"2026-01-02T03:04:05Z"}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestAScanWithoutFindingsSaysSoWithAnEmptyList(t *testing.T) {
	scan := Scan{Report: []byte(scanned[:strings.Index(scanned, `"findings":[`)] + `"findings":[]}`), Finished: time.Unix(1, 0)}
	got, err := scan.Vulnerabilities()
	if err != nil || !strings.Contains(string(got), `"result":[]`) || !strings.Contains(string(got), `"lastUpdate":"2026-01-01T00:00:00Z"`) {
		t.Errorf("%s, %v", got, err)
	}
	judged(t, got, &vulns.Vulns{})
}

func TestAScanOfWhichNobodyKnowsHowOldItIsIsNotWritten(t *testing.T) {
	for name, scan := range map[string]Scan{
		"no time of the scan":   {Report: []byte(scanned)},
		"no date of the data":   {Report: []byte(`{"schema":"stepseal.scan/v1","findings":[]}`), Finished: time.Unix(1, 0)},
		"not a scan of ours":    {Report: []byte(`{"findings":[]}`), Finished: time.Unix(1, 0)},
		"findings of some kind": {Report: []byte(strings.Replace(scanned, `"severity":"high"`, `"severity":1`, 1)), Finished: time.Unix(1, 0)},
	} {
		if got, err := scan.Vulnerabilities(); err == nil {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestOnlySPDXThatVerifiersTakeIsAttested(t *testing.T) {
	const doc = `{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","documentNamespace":"https://example.com/1"}`
	if version, err := CheckSPDX([]byte(doc)); version != "2.3" || err != nil || SPDXVersionPredicate(version) != "https://spdx.dev/Document/v2.3" {
		t.Errorf("%q, %v", version, err)
	}
	for name, replace := range map[string][2]string{
		"no version":         {"SPDX-2.3", ""},
		"another version":    {"SPDX-2.3", "SPDX-3.0"},
		"no id":              {"SPDXRef-DOCUMENT", "SPDXRef-x"},
		"no namespace":       {"https://example.com/1", ""},
		"a version twice":    {`"SPDXID"`, `"spdxVersion":"SPDX-2.2","SPDXID"`},
		"two documents":      {`{"spdx`, `{}{"spdx`},
		"another kind":       {`"SPDX-2.3"`, `2.3`},
		"CycloneDX in short": {`"spdxVersion":"SPDX-2.3"`, `"bomFormat":"CycloneDX"`},
	} {
		if version, err := CheckSPDX([]byte(strings.Replace(doc, replace[0], replace[1], 1))); err == nil {
			t.Errorf("%s is SPDX %s", name, version)
		}
	}
}

func TestOnlyOpenVEXIsAttestedAsSuch(t *testing.T) {
	const doc = `{"@context":"https://openvex.dev/ns/v0.2.0","statements":[{}]}`
	if err := CheckOpenVEX([]byte(doc)); err != nil {
		t.Error(err)
	}
	for name, replace := range map[string][2]string{
		"another context": {"/ns/v0.2.0", "/nsx"},
		"no context":      {"@context", "context"},
		"no statements":   {"[{}]", "[]"},
		"a key twice":     {`"statements"`, `"Statements":[],"statements"`},
	} {
		if CheckOpenVEX([]byte(strings.Replace(doc, replace[0], replace[1], 1))) == nil {
			t.Errorf("%s is OpenVEX", name)
		}
	}
}
