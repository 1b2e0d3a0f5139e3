package advisory

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/advisory/testset"
	"github.com/stepseal/stepseal/internal/outcome"
)

func read(t *testing.T, files map[string]string) (Set, error) {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, content := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(content)}
	}
	var r Reader
	if err := r.FS(context.Background(), fsys, "in"); err != nil {
		return Set{}, err
	}
	return r.Set()
}

// fixedIn are the lines "ecosystem name [range] -> fix" of all items of the github shape.
func fixedIn(t *testing.T, set Set) []string {
	t.Helper()
	var lines []string
	for _, p := range set.Providers {
		if p.Schema != GitHub {
			continue
		}
		for _, raw := range p.Items {
			var item githubItem
			if err := json.Unmarshal(raw, &item); err != nil {
				t.Fatal(err)
			}
			for _, f := range item.Advisory.FixedIn {
				lines = append(lines, p.Name+" "+item.Advisory.ID+" "+f.Ecosystem+" "+f.Name+" ["+f.Range+"] -> "+f.Identifier)
			}
		}
	}
	return lines
}

func osv(id, fields, affected string) string {
	return `{"id":"` + id + `","modified":"2026-01-02T03:04:05Z",` + fields + `"affected":[` + affected + `]}`
}

func npm(name, events string) string {
	return `{"package":{"ecosystem":"npm","name":"` + name + `"},"ranges":[{"type":"SEMVER","events":[` + events + `]}]}`
}

func TestLanguageRecords(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"every window becomes a constraint of its own": {
			map[string]string{"a.json": osv("GHSA-a", "", npm("x", `{"introduced":"0"},{"fixed":"1.2.3"},{"introduced":"2.0.0"},{"last_affected":"2.4.0"},{"introduced":"3.0.0"}`))},
			[]string{"github GHSA-a npm x [< 1.2.3] -> 1.2.3", "github GHSA-a npm x [>= 2.0.0, <= 2.4.0] -> None", "github GHSA-a npm x [>= 3.0.0] -> None"},
		},
		"listed versions count where there is no range": {
			map[string]string{"a.json": osv("GHSA-a", "", `{"package":{"ecosystem":"Maven","name":"g:a"},"versions":["1.0","1.1-RC1"]}`)},
			[]string{"github GHSA-a maven g:a [= 1.0] -> None", "github GHSA-a maven g:a [= 1.1-RC1] -> None"},
		},
		"an open window is closed by the last version known to be affected": {
			map[string]string{"a.json": osv("GHSA-a", "", `{"package":{"ecosystem":"npm","name":"x"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}],"database_specific":{"last_known_affected_version_range":"<= 4.17.20"}}`)},
			[]string{"github GHSA-a npm x [<= 4.17.20] -> None"},
		},
		"events that do not pair affect more, not less": {
			map[string]string{"a.json": osv("GHSA-a", "", npm("x", `{"fixed":"1.0.0"},{"introduced":"2.0.0"},{"introduced":"2.1.0"},{"fixed":"2.2.0"}`))},
			[]string{"github GHSA-a npm x [< 1.0.0] -> 1.0.0", "github GHSA-a npm x [>= 2.0.0, < 2.2.0] -> 2.2.0"},
		},
		"GitHub's record comes before another of the same CVE": {
			map[string]string{
				"0.json": osv("NSWG-ECO-1", `"aliases":["CVE-2020-1"],`, npm("x", `{"introduced":"0"},{"fixed":"1.0.0"}`)+","+npm("y", `{"introduced":"0"},{"fixed":"5.0.0"}`)),
				"1.json": osv("GHSA-a", `"aliases":["CVE-2020-1"],`, npm("x", `{"introduced":"0"},{"fixed":"1.1.0"}`)),
			},
			[]string{"github GHSA-a npm x [< 1.1.0] -> 1.1.0", "nodejs-security-wg NSWG-ECO-1 npm y [< 5.0.0] -> 5.0.0"},
		},
		"of two copies of a record the newer one counts": {
			map[string]string{
				"0.json": strings.Replace(osv("GHSA-a", "", npm("x", `{"introduced":"0"},{"fixed":"1.0.0"}`)), "2026-01", "2025-01", 1),
				"1.json": osv("GHSA-a", "", npm("x", `{"introduced":"0"},{"fixed":"1.1.0"}`)),
			},
			[]string{"github GHSA-a npm x [< 1.1.0] -> 1.1.0"},
		},
		"a record of another database goes by GitHub's id": {
			map[string]string{"a.json": osv("PYSEC-2024-1", `"aliases":["CVE-2024-1","GHSA-b"],`, `{"package":{"ecosystem":"PyPI","name":"x"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2"}]},{"type":"GIT","events":[{"introduced":"0"}]}]}`)},
			[]string{"pypa GHSA-b python x [< 2] -> 2"},
		},
		"a company's own records have their own provider": {
			map[string]string{"a.jsonl": osv("ACME-2026-0001", "", npm("react", `{"introduced":"0"}`)) + "\n\n"},
			[]string{"acme ACME-2026-0001 npm react [] -> None"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := read(t, c.files)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, fixedIn(t, set)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDistributionRecords(t *testing.T) {
	dsa := osv("DSA-1-1", `"upstream":["CVE-2021-3711","CVE-2021-3712"],"published":"2021-08-24T00:00:00Z",`,
		`{"package":{"ecosystem":"Debian:11","name":"openssl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.1.1k-1+deb11u1"}]}],"ecosystem_specific":{"urgency":"high"}}`)
	alpine := osv("ALPINE-CVE-2019-14697", "", `{"package":{"ecosystem":"Alpine:v3.10","name":"musl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.1.22-r3"}]}]}`)
	older := osv("DLA-2-1", `"related":["CVE-2020-0001"],`,
		`{"package":{"ecosystem":"Debian:9","name":"gzip"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"}]}]}`)
	set, err := read(t, map[string]string{"d.json": dsa, "d2.json": dsa, "a.json": alpine, "o.json": older})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range set.Providers {
		for _, raw := range p.Items {
			var item osItem
			if err := json.Unmarshal(raw, &item); err != nil {
				t.Fatal(err)
			}
			v := item.Vulnerability
			for _, f := range v.FixedIn {
				got = append(got, strings.Join([]string{p.Name, v.NamespaceName, v.Name, v.Severity, f.Name, f.Version, f.VersionFormat}, " "))
			}
		}
	}
	want := []string{
		"alpine alpine:3.10 CVE-2019-14697  musl 1.1.22-r3 apk",
		"debian debian:11 CVE-2021-3711 High openssl 1.1.1k-1+deb11u1 dpkg",
		"debian debian:11 CVE-2021-3712 High openssl 1.1.1k-1+deb11u1 dpkg",
		"debian debian:9 CVE-2020-0001  gzip None dpkg",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsLeftOutIsCounted(t *testing.T) {
	set, err := read(t, map[string]string{
		"README.md":     "hello",
		"manifest.json": `{"name":"something else"}`,
		"w.json":        osv("GHSA-w", `"withdrawn":"2026-02-02T00:00:00Z",`, npm("x", `{"introduced":"0"}`)),
		"g.json":        osv("GHSA-g", "", `{"ranges":[{"type":"GIT","events":[{"introduced":"0"}]}]}`),
		"u.json":        osv("RUSTSEC-1", "", `{"package":{"ecosystem":"crates.io","name":"x"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0.0.0-0"}]}],"database_specific":{"informational":"unmaintained"}}`),
		"o.json":        osv("RLSA-1", "", `{"package":{"ecosystem":"Rocky Linux:9","name":"x"},"versions":["1"]}`),
		"p.json":        osv("USN-1", "", `{"package":{"ecosystem":"Ubuntu:Pro:22.04:LTS","name":"x"},"versions":["1"]}`),
		"t.csv":         "a,b\n1,2\n",
		"k.json":        osv("GHSA-k", "", npm("x", `{"introduced":"0"}`)),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{
		"file is not JSON": 1, "JSON file is neither an OSV record, nor NVD's, nor the KEV catalogue": 1, "withdrawn": 1,
		"names no package, only commits": 1, "says that a package is unmaintained": 1, `ecosystem "Rocky Linux" is not read from OSV`: 1, `ubuntu release "Pro:22.04:LTS" is not one that is read`: 1,
		"CSV file is not a table of EPSS scores": 1,
	}
	if diff := cmp.Diff(want, set.Summary.Skipped); diff != "" {
		t.Error(diff)
	}
}

func TestTheDateOfAProviderIsThatOfItsNewestRecord(t *testing.T) {
	set, err := read(t, map[string]string{
		"kev.json": `{"title":"x","catalogVersion":"1","dateReleased":"2025-08-25T17:04:19.9796Z","count":1,"vulnerabilities":[{"cveID":"CVE-2021-44228"}]}`,
		"go.json":  strings.Replace(osv("GO-2020-0001", `"published":"2021-04-14T20:04:52Z",`, npm("x", "")), "2026-01-02T03:04:05Z", "0001-01-01T00:00:00Z", 1),
		"gh.json":  osv("GHSA-a", `"published":"2020-01-01T00:00:00Z",`, npm("x", `{"introduced":"0"}`)),
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, p := range set.Providers {
		got[p.Name] = p.Captured.Format(time.DateOnly)
	}
	if diff := cmp.Diff(map[string]string{"kev": "2025-08-25", "govulndb": "2021-04-14", "github": "2026-01-02"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestUnusableInputIsNamed(t *testing.T) {
	good := osv("GHSA-a", "", npm("x", `{"introduced":"0"}`))
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"a broken line":             {map[string]string{"a/b.jsonl": good + "\n{\"id\":"}, "in/a/b.jsonl:2"},
		"a key that stands twice":   {map[string]string{"a.json": `{"id":"GHSA-a","id":"GHSA-b"}`}, `"id" stands twice`},
		"a field of the wrong type": {map[string]string{"a.json": `{"id":"GHSA-a","aliases":3}`}, "GHSA-a"},
		"a version with operators":  {map[string]string{"a.json": osv("GHSA-a", "", npm("x", `{"introduced":"0"},{"fixed":"1 || > 0"}`))}, "GHSA-a: the version"},
		"a line that is no record":  {map[string]string{"a.jsonl": `{"name":"x"}`}, "in/a.jsonl:1"},
		"a catalogue without ids":   {map[string]string{"k.json": `{"catalogVersion":"1","vulnerabilities":[{}]}`}, "entry 0 of the KEV catalogue"},
		"nothing at all":            {map[string]string{"README": ""}, "no advisory"},
		"records without any date":  {map[string]string{"a.json": `{"id":"GHSA-a","affected":[` + npm("x", `{"introduced":"0"}`) + `]}`}, "no record of github carries a date"},
		"a broken zstd file":        {map[string]string{"a.json.zst": "nonsense"}, "in/a.json.zst"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(t, c.files)
			var known *outcome.Error
			if !errors.As(err, &known) || known.Reason != outcome.AdvisoryUnusable {
				t.Fatalf("error %v, want one of the reason %s", err, outcome.AdvisoryUnusable)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q does not say %q", err, c.want)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	line := osv("GHSA-a", "", npm("x", `{"introduced":"0"}`)) + "\n"
	for name, b := range map[string]Bounds{
		"bytes of a file":   {FileBytes: int64(len(line))},
		"bytes of a record": {RecordBytes: len(line) - 10},
		"records":           {Records: 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := Reader{Bounds: b}
			err := r.FS(context.Background(), fstest.MapFS{"a.jsonl": {Data: []byte(line + line)}}, "in")
			if outcome.Verdict(err) != outcome.Misused {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestAFileThatWasNamedMustBeAnAdvisory(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"other.json": "{}", "other.txt": "x"} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		var r Reader
		if err := r.Path(context.Background(), file); outcome.Verdict(err) != outcome.Misused {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestTheTestSetIsRead(t *testing.T) {
	var r Reader
	if err := r.FS(context.Background(), testset.FS, "testset"); err != nil {
		t.Fatal(err)
	}
	set, err := r.Set()
	if err != nil {
		t.Fatal(err)
	}
	t.Log(set.Summary)
	for _, name := range []string{"alpine", "debian", "github", "govulndb", "kev", "nodejs-security-wg", "pypa", "rustsec"} {
		if set.Summary.Items[name] == 0 {
			t.Errorf("no records of %s", name)
		}
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(osv("GHSA-a", `"aliases":["CVE-2020-1"],`, npm("x", `{"introduced":"0"},{"fixed":"1"}`))))
	f.Add([]byte(osv("DSA-1", `"upstream":["CVE-2020-1"],`, `{"package":{"ecosystem":"Debian:11","name":"x"},"versions":["1"]}`)))
	f.Add([]byte(`{"catalogVersion":"1","dateReleased":"2025-08-25T17:04:19Z","vulnerabilities":[{"cveID":"CVE-2021-44228"}]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		r := Reader{Bounds: Bounds{RecordBytes: 1 << 20}}
		r.convert()
		if r.record(doc) != nil {
			return
		}
		set := r.into.set()
		for _, p := range set.Providers {
			if p.Name == "nvd" || p.Schema == "" {
				t.Errorf("provider %q of schema %q", p.Name, p.Schema)
			}
			for _, item := range p.Items {
				if !json.Valid(item) {
					t.Errorf("item %q", item)
				}
			}
		}
	})
}
