package advisory

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/outcome"
)

func nvdRecord(id, modified, status string) string {
	return fmt.Sprintf(`{"cve":{"id":%q,"lastModified":%q,"published":"2021-12-10T10:15:09.143","vulnStatus":%q,"descriptions":[{"lang":"en","value":"x"}],`+
		`"metrics":{"cvssMetricV31":[{"source":"nvd@nist.gov","type":"Primary","cvssData":{"version":"3.1","vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H","baseScore":10.0,"baseSeverity":"CRITICAL"}}]}}}`, id, modified, status)
}

func nvdFile(records ...string) string {
	return `{"resultsPerPage":2,"startIndex":0,"totalResults":2,"format":"NVD_CVE","version":"2.0","timestamp":"2026-08-25T00:00:00.000","vulnerabilities":[` + strings.Join(records, ",") + `]}`
}

const scores = "#model_version:v2025.03.14,score_date:2026-08-20T12:55:00Z\ncve,epss,percentile\nCVE-2021-44228,0.94358,0.99957\nCVE-2020-8203,0.02,0.5\n"

// lines name each item by its source, its schema's kind and what is in it.
func lines(t *testing.T, set Set) []string {
	t.Helper()
	var out []string
	for _, p := range set.Providers {
		kind := strings.Split(string(p.Schema), "/schema-")[0]
		for _, raw := range p.Items {
			var item struct {
				ID       string `json:"id"`
				CVE      json.RawMessage
				Advisory struct {
					ID       string `json:"ghsaId"`
					Severity string
				}
				Vulnerability struct{ Name, NamespaceName, Severity string }
			}
			if err := json.Unmarshal(raw, &item); err != nil {
				t.Fatal(err)
			}
			what := strings.Join([]string{item.ID, item.Advisory.ID, item.Advisory.Severity, item.Vulnerability.Name, item.Vulnerability.NamespaceName, item.Vulnerability.Severity}, " ")
			out = append(out, strings.Join(strings.Fields(p.Name+" "+kind[strings.LastIndex(kind, "/")+1:]+" "+what), " "))
		}
	}
	return out
}

func TestSources(t *testing.T) {
	for name, c := range map[string]struct {
		file, content string
		want          []string
	}{
		"NVD comes first, and of two copies the newer one": {"a.json",
			nvdFile(nvdRecord("CVE-2021-44228", "2024-01-01T00:00:00.123", "Analyzed"), nvdRecord("CVE-2021-44228", "2025-01-01T00:00:00.123", "Modified"), nvdRecord("CVE-2021-1", "2025-01-01T00:00:00", "Rejected")),
			nil}, // CVE-2021-1 is not an id
		"a table of scores": {"epss_scores-2026-08-20.csv", scores, []string{"epss epss", "epss epss"}},
		"Ubuntu": {"u.json", osv("UBUNTU-CVE-2024-1234", `"severity":[{"type":"Ubuntu","score":"medium"}],`,
			`{"package":{"ecosystem":"Ubuntu:22.04:LTS","name":"openssl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"3.0.2-0ubuntu1.15"}]}]}`),
			[]string{"ubuntu os CVE-2024-1234 ubuntu:22.04 Medium"}},
		"a notice of Ubuntu is about its CVEs": {"u.json", osv("USN-6663-1", `"upstream":["CVE-2024-1234","UBUNTU-CVE-2024-1235"],`,
			`{"package":{"ecosystem":"Ubuntu:24.04","name":"openssl"},"versions":["3.0.13-0ubuntu1"]}`),
			[]string{"ubuntu os CVE-2024-1234 ubuntu:24.04", "ubuntu os CVE-2024-1235 ubuntu:24.04"}},
		"SUSE": {"s.json", osv("SUSE-SU-2024:1-1", `"upstream":["CVE-2024-1234"],`,
			`{"package":{"ecosystem":"SUSE:Linux Enterprise Module for Basesystem 15 SP5","name":"openssl-3"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"3.0.8-150500.5.1"}]}]}`),
			[]string{"sles os CVE-2024-1234 sles:15.5"}},
		"Chainguard, as it is": {"c.json", osv("CGA-aaaa", "", `{"package":{"ecosystem":"Wolfi","name":"x","purl":"pkg:apk/wolfi/x"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1-r1"}]}]}`),
			[]string{"chainguard osv CGA-aaaa"}},
		"a malicious package is critical": {"m.json", osv("MAL-2025-1", "", npm("colrs", `{"introduced":"0"}`)), []string{"malicious-packages github-security-advisory MAL-2025-1 Critical"}},
		"a company's own, about a library and about a distribution": {"p.jsonl",
			osv("ACME-2026-0001", "", npm("react", `{"introduced":"0"}`)) + "\n" +
				osv("ACME-2026-0002", `"aliases":["CVE-2024-1234"],`, `{"package":{"ecosystem":"Debian:12","name":"openssl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"}]}],"ecosystem_specific":{"severity":"high"}}`),
			[]string{"acme github-security-advisory ACME-2026-0001", "acme os ACME-2026-0002 debian:12 High"}},
		"no id makes a record one of NVD's": {"n.json", osv("NVD-1", "", npm("x", `{"introduced":"0"}`)), []string{"osv github-security-advisory NVD-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := read(t, map[string]string{c.file: c.content})
			if c.want == nil {
				if err == nil || !strings.Contains(err.Error(), "entry 2 of the NVD file") {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, lines(t, set)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNVDIsFirstAndItsNewestRecordCounts(t *testing.T) {
	set, err := read(t, map[string]string{
		"a.json": nvdFile(nvdRecord("CVE-2021-44228", "2024-01-01T00:00:00.123", "Analyzed"), nvdRecord("CVE-2021-44228", "2025-01-01T00:00:00.123", "Modified"), nvdRecord("CVE-2021-0001", "2025-06-01T00:00:00", "Rejected")),
		"b.csv":  scores,
		"c.json": osv("ACME-2026-0001", "", npm("react", `{"introduced":"0"}`)),
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range set.Providers {
		got = append(got, fmt.Sprintf("%s %d %s", p.Name, len(p.Items), p.Captured.Format(time.DateOnly)))
	}
	if diff := cmp.Diff([]string{"nvd 1 2025-06-01", "acme 1 2026-01-02", "epss 2 2026-08-20"}, got); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(string(set.Providers[0].Items[0]), "Modified") {
		t.Errorf("%s", set.Providers[0].Items[0])
	}
	if set.Summary.Skipped["rejected by NVD"] != 1 {
		t.Errorf("%v", set.Summary.Skipped)
	}
}

func TestUnusableSourcesAreNamed(t *testing.T) {
	good := nvdRecord("CVE-2021-44228", "2024-01-01T00:00:00.123", "Analyzed")
	for name, c := range map[string]struct{ file, content, want string }{
		"NVD's old format":            {"a.json", strings.Replace(nvdFile(good), `"2.0"`, `"1.1"`, 1), "NVD_CVE 2.0 is read"},
		"NVD cut short":               {"a.json", strings.TrimSuffix(nvdFile(good), "]}"), "in/a.json"},
		"NVD and something after":     {"a.json", nvdFile(good) + "{}", "something follows"},
		"NVD with two lists":          {"a.json", strings.TrimSuffix(nvdFile(good), "}") + `,"vulnerabilities":[]}`, "with one list"},
		"NVD without a date":          {"a.json", nvdFile(nvdRecord("CVE-2021-44228", "yesterday", "")), "is not a time"},
		"a record with a key twice":   {"a.json", nvdFile(`{"cve":{"id":"CVE-2021-44228","id":"CVE-2021-44229"}}`), "stands twice"},
		"a score that is none":        {"a.csv", scores + "CVE-2021-44229,1.5,0.1\n", "line 5"},
		"a score that is not a":       {"a.csv", scores + "CVE-2021-44229,NaN,0.1\n", "line 5"},
		"a score of nothing":          {"a.csv", scores + "CVE-1,0.5,0.1\n", "line 5"},
		"a table with other columns":  {"a.csv", strings.Replace(scores, "cve,epss", "epss,cve", 1), "line 2"},
		"a table without a day":       {"a.csv", strings.Replace(scores, "2026-08-20T12:55:00Z", "today", 1), "line 1"},
		"a line longer than any":      {"a.csv", scores + strings.Repeat("x", 1<<17), "in/a.csv"},
		"a list that is not one":      {"a.json", strings.Replace(nvdFile(good), `"vulnerabilities":[`+good+`]`, `"vulnerabilities":{}`, 1), "stands where [ belongs"},
		"an entry that is no object":  {"a.json", nvdFile("3"), "entry 0"},
		"a CVE id with a tail":        {"a.json", nvdFile(nvdRecord("CVE-2021-44228 ", "2024-01-01T00:00:00", "")), "is not a CVE id"},
		"an NVD document in an array": {"a.json", `["NVD_CVE"]`, "stands where { belongs"},
	} {
		_, err := read(t, map[string]string{c.file: c.content})
		if err == nil || outcome.Of(err).Reason != outcome.AdvisoryUnusable || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestARecordOfNVDIsBounded(t *testing.T) {
	r := Reader{Bounds: Bounds{RecordBytes: 1 << 12}}
	r.convert()
	huge := strings.Replace(nvdFile(nvdRecord("CVE-2021-44228", "2024-01-01T00:00:00", "")), `"value":"x"`, `"value":"`+strings.Repeat("x", 4<<20)+`"`, 1)
	counted := &countingReader{from: strings.NewReader(huge)}
	if err := r.nvd(counted); err == nil || !strings.Contains(err.Error(), "larger than 4096 bytes") {
		t.Errorf("error %v", err)
	}
	if counted.n > 2<<20 {
		t.Errorf("%d bytes were read", counted.n)
	}
}

type countingReader struct {
	from *strings.Reader
	n    int
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += n
	return n, err
}

func FuzzNVD(f *testing.F) {
	f.Add([]byte(nvdFile(nvdRecord("CVE-2021-44228", "2024-01-01T00:00:00.123", "Analyzed"))))
	f.Fuzz(func(t *testing.T, doc []byte) {
		var r Reader
		r.convert()
		if err := r.nvd(strings.NewReader(string(doc))); err != nil {
			return
		}
		if len(r.into.nvd) > r.into.summary.Records {
			t.Error("more records than were read")
		}
	})
}

func FuzzEPSS(f *testing.F) {
	f.Add([]byte(scores))
	f.Fuzz(func(t *testing.T, doc []byte) {
		var r Reader
		r.convert()
		if err := r.epss(strings.NewReader(string(doc))); err != nil {
			return
		}
		for id, row := range r.into.scores {
			var item epssItem
			if err := json.Unmarshal(row.raw, &item); err != nil || item.CVE != id || !(item.EPSS >= 0 && item.EPSS <= 1) {
				t.Errorf("%s: %s", id, row.raw)
			}
		}
	})
}
