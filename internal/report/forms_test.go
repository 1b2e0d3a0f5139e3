package report_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/report"
	"github.com/stepseal/stepseal/internal/report/reporttest"
	"github.com/stepseal/stepseal/internal/vex"
)

func written(t *testing.T, form func(report.View) ([]byte, error), v report.View) []byte {
	t.Helper()
	doc, err := form(v)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// parse reads a form as others do.
func parse(form string, doc []byte) error {
	switch form {
	case "junit":
		dec := xml.NewDecoder(bytes.NewReader(doc))
		dec.Strict = true
		for {
			if _, err := dec.Token(); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
		}
	case "sarif", "gitlab", "cyclonedx":
		var value any
		return json.Unmarshal(doc, &value)
	case "openvex":
		if len(doc) == 0 {
			return nil
		}
		_, err := vex.Read("waivers", doc)
		return err
	}
	return nil
}

func TestEveryFormOfEveryScanIsReadByOthers(t *testing.T) {
	for name, view := range map[string]func() report.View{"empty": reporttest.Empty, "one": reporttest.One, "storefront": reporttest.Storefront, "hostile": reporttest.Hostile, "many": func() report.View { return reporttest.Many(2000) }} {
		for _, form := range report.Forms() {
			t.Run(name+"/"+form.Name, func(t *testing.T) {
				doc := written(t, form.Write, view())
				if !utf8.Valid(doc) {
					t.Error("it is not UTF-8")
				}
				if err := parse(form.Name, doc); err != nil {
					t.Errorf("%v in %.2000s", err, doc)
				}
				for _, r := range string(doc) {
					if form.Name == "cyclonedx" {
						break // which says what packages are called, whatever that is; its JSON escapes what JSON must
					}
					if r != '\n' && r != '\t' && (unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069) {
						t.Fatalf("it holds %U", r)
					}
				}
				if again := written(t, form.Write, view()); !bytes.Equal(doc, again) {
					t.Error("the second time it has other bytes")
				}
			})
		}
	}
}

type sarifFile struct {
	Runs []struct {
		AutomationDetails struct{ ID string }
		Tool              struct {
			Driver struct {
				Rules []struct {
					ID         string
					Properties map[string]any
				}
			}
		}
		Invocations []struct {
			ToolExecutionNotifications []struct{ Message struct{ Text string } }
		}
		Results []struct {
			RuleID              string
			RuleIndex           int
			Message             struct{ Text string }
			PartialFingerprints map[string]string
			Locations           []struct {
				PhysicalLocation struct {
					ArtifactLocation struct{ URI string }
				}
			}
			Suppressions []struct{ Kind, Justification string }
		}
	}
}

func sarif(t *testing.T, v report.View) (f sarifFile) {
	t.Helper()
	if err := json.Unmarshal(written(t, report.SARIF, v), &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestSARIFIsWhatGitHubTakes has the demands that the Multitool does not know.
// https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
func TestSARIFIsWhatGitHubTakes(t *testing.T) {
	for name, view := range map[string]report.View{"empty": reporttest.Empty(), "storefront": reporttest.Storefront(), "hostile": reporttest.Hostile(), "many": reporttest.Many(6000)} {
		t.Run(name, func(t *testing.T) {
			f := sarif(t, view)
			if len(f.Runs) != 1 || f.Runs[0].Results == nil {
				t.Fatal("no run, or no results")
			}
			run := f.Runs[0]
			if len(run.Results) > 5000 || len(run.Tool.Driver.Rules) > 25_000 || !strings.HasSuffix(run.AutomationDetails.ID, "/") {
				t.Errorf("%d results, %d rules, id %q", len(run.Results), len(run.Tool.Driver.Rules), run.AutomationDetails.ID)
			}
			seen := map[string]bool{}
			for _, rule := range run.Tool.Driver.Rules {
				score, err := strconv.ParseFloat(rule.Properties["security-severity"].(string), 64)
				tags, _ := rule.Properties["tags"].([]any)
				if err != nil || score < 0 || score > 10 || len(tags) > 20 || seen[rule.ID] || rule.ID == "" {
					t.Errorf("rule %.200q: %v %v", rule.ID, rule.Properties, err)
				}
				seen[rule.ID] = true
			}
			prints := map[string]bool{}
			for _, r := range run.Results {
				uri := ""
				if len(r.Locations) > 0 {
					uri = r.Locations[0].PhysicalLocation.ArtifactLocation.URI
				}
				u, err := url.Parse(uri)
				if err != nil || uri == "" || u.IsAbs() || u.Host != "" || strings.HasPrefix(uri, "/") || strings.Contains("/"+u.Path+"/", "/../") {
					t.Errorf("the location %.200q: %v", uri, err)
				}
				if len(r.PartialFingerprints) == 0 || r.Message.Text == "" || run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID {
					t.Errorf("a result without fingerprint, message or rule: %+v", r)
				}
				for key, print := range r.PartialFingerprints {
					print = key + print
					if prints[print] && name != "hostile" {
						t.Errorf("two results have the fingerprint %s", print)
					}
					prints[print] = true
				}
			}
			if name == "many" && (len(run.Results) != 5000 || len(run.Invocations[0].ToolExecutionNotifications) == 0) {
				t.Errorf("%d results, and nothing says that some are left out", len(run.Results))
			}
		})
	}
}

type gitlabFile struct {
	Version string
	Scan    struct {
		Analyzer, Scanner gitlabTool
		Type, Status      string
		StartTime         string `json:"start_time"`
		EndTime           string `json:"end_time"`
		Messages          []struct{ Level, Value string }
	}
	Vulnerabilities []gitlabVulnerability
}

type gitlabTool struct {
	ID, Name, Version, URL string
	Vendor                 struct{ Name string }
}

type gitlabVulnerability struct {
	ID, Name, Description, Severity, Solution string
	Identifiers                               []struct{ Type, Name, Value, URL string }
	Links                                     []struct{ URL string }
	Flags                                     []struct{ Type, Origin, Description string }
	Location                                  struct {
		Dependency *struct {
			Package *struct{ Name *string }
			Version *string
		}
		OperatingSystem string `json:"operating_system"`
		Image           string
	}
}

// TestGitLabTakesTheReport has the demands of GitLab's schema, version 15.2.4: a report that breaks one is not taken in
// at all.
// https://gitlab.com/gitlab-org/security-products/security-report-schemas
func TestGitLabTakesTheReport(t *testing.T) {
	when, url := regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$`), regexp.MustCompile(`^(https?|ftp)://.+`)
	for name, view := range map[string]report.View{"empty": reporttest.Empty(), "one": reporttest.One(), "storefront": reporttest.Storefront(), "hostile": reporttest.Hostile(), "nothing at all": {}} {
		t.Run(name, func(t *testing.T) {
			var f gitlabFile
			if err := json.Unmarshal(written(t, report.GitLab, view), &f); err != nil {
				t.Fatal(err)
			}
			if f.Version != "15.2.4" || f.Scan.Type != "container_scanning" || !slices.Contains([]string{"success", "failure"}, f.Scan.Status) ||
				!when.MatchString(f.Scan.StartTime) || !when.MatchString(f.Scan.EndTime) || f.Vulnerabilities == nil {
				t.Errorf("%s %+v", f.Version, f.Scan)
			}
			for _, tool := range []gitlabTool{f.Scan.Analyzer, f.Scan.Scanner} {
				if tool.ID == "" || tool.Name == "" || tool.Version == "" || tool.Vendor.Name == "" || !url.MatchString(tool.URL) {
					t.Errorf("the tool %+v", tool)
				}
			}
			for _, m := range f.Scan.Messages {
				if !slices.Contains([]string{"info", "warn", "fatal"}, m.Level) || m.Value == "" {
					t.Errorf("the message %+v", m)
				}
			}
			ids := map[string]bool{}
			for _, v := range f.Vulnerabilities {
				for _, bad := range v.breaks(url) {
					t.Errorf("%s: %.500v", bad, v)
				}
				if ids[v.ID] {
					t.Errorf("the id %s is there twice", v.ID)
				}
				ids[v.ID] = true
			}
		})
	}
}

// breaks are the demands that a vulnerability does not meet.
func (v gitlabVulnerability) breaks(url *regexp.Regexp) (bad []string) {
	demand := func(met bool, what string) {
		if !met {
			bad = append(bad, what)
		}
	}
	demand(v.ID != "", "no id")
	demand(utf8.RuneCountInString(v.Name) <= 255 && len(v.Description) <= 1<<20 && utf8.RuneCountInString(v.Solution) <= 7000, "a text is too long")
	demand(slices.Contains([]string{"Info", "Unknown", "Low", "Medium", "High", "Critical"}, v.Severity), "the severity")
	demand(len(v.Identifiers) > 0, "no identifier")
	for _, id := range v.Identifiers {
		demand(id.Type != "" && id.Name != "" && id.Value != "" && (id.URL == "" || url.MatchString(id.URL)), "an identifier")
	}
	for _, link := range v.Links {
		demand(url.MatchString(link.URL), "a link")
	}
	for _, flag := range v.Flags {
		demand(flag.Type == "flagged-as-likely-false-positive" && flag.Origin != "" && flag.Description != "", "a flag")
	}
	at := v.Location
	demand(at.OperatingSystem != "" && at.Image != "", "no system or image")
	demand(at.Dependency != nil && at.Dependency.Version != nil && at.Dependency.Package != nil && at.Dependency.Package.Name != nil, "no package")
	return bad
}

// TestCycloneDXFitsItsSchema has what the schema of 1.6 demands of what stepseal adds to an SBOM.
// https://cyclonedx.org/docs/1.6/json/
func TestCycloneDXFitsItsSchema(t *testing.T) {
	for name, view := range map[string]report.View{"empty": reporttest.Empty(), "one": reporttest.One(), "storefront": reporttest.Storefront(), "hostile": reporttest.Hostile(), "nothing at all": {}} {
		t.Run(name, func(t *testing.T) {
			var f struct {
				BOMFormat, SpecVersion, SerialNumber string
				Components                           []struct {
					Ref                 string `json:"bom-ref"`
					Type, Name, Version string
				}
				Vulnerabilities []struct {
					Ref      string `json:"bom-ref"`
					Ratings  []struct{ Severity, Method string }
					Analysis struct {
						State, Justification string
						Response             []string
					}
					Affects []struct {
						Ref      string
						Versions []struct{ Version, Status string }
					}
				}
			}
			if err := json.Unmarshal(written(t, report.CycloneDX, view), &f); err != nil {
				t.Fatal(err)
			}
			if f.BOMFormat != "CycloneDX" || f.SpecVersion != "1.6" || !regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(f.SerialNumber) || f.Vulnerabilities == nil {
				t.Errorf("%s %s %s", f.BOMFormat, f.SpecVersion, f.SerialNumber)
			}
			refs := map[string]bool{"image": true}
			once := func(ref string) {
				if ref == "" || refs[ref] {
					t.Errorf("the reference %q is there twice, or empty", ref)
				}
				refs[ref] = true
			}
			for _, c := range f.Components {
				if once(c.Ref); c.Type == "" || c.Name == "" || utf8.RuneCountInString(c.Version) > 1024 {
					t.Errorf("the component %.200v", c)
				}
			}
			for _, v := range f.Vulnerabilities {
				once(v.Ref)
				for _, r := range v.Ratings {
					if !slices.Contains([]string{"", "critical", "high", "medium", "low", "info", "none", "unknown"}, r.Severity) || !slices.Contains([]string{"", "CVSSv2", "CVSSv3", "CVSSv31", "CVSSv4", "other"}, r.Method) {
						t.Errorf("the rating %v", r)
					}
				}
				if !slices.Contains([]string{"", "resolved", "exploitable", "not_affected"}, v.Analysis.State) || slices.ContainsFunc(v.Analysis.Response, func(r string) bool { return r != "will_not_fix" }) {
					t.Errorf("the analysis %v", v.Analysis)
				}
				for _, at := range v.Affects {
					if !refs[at.Ref] {
						t.Errorf("nothing is called %q", at.Ref)
					}
					for _, version := range at.Versions {
						if utf8.RuneCountInString(version.Version) > 1024 || version.Version == "" || !slices.Contains([]string{"affected", "unaffected", "unknown"}, version.Status) {
							t.Errorf("the version %.200v", version)
						}
					}
				}
			}
		})
	}
}

func TestAScanOfAHundredThousandFindingsFitsGitHub(t *testing.T) {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	if _, err := zip.Write(written(t, report.SARIF, reporttest.Many(100_000))); err != nil || zip.Close() != nil || packed.Len() > 10<<20 {
		t.Errorf("%d bytes packed: %v", packed.Len(), err)
	}
}

func TestFingerprintsOutliveARebuildAndAnUpgradeThatDoesNotFix(t *testing.T) {
	before := reporttest.One()
	after := reporttest.One()
	for i := range after.Decision.Judged {
		f := &after.Decision.Judged[i].Finding
		f.Package.PURL = strings.ReplaceAll(f.Package.PURL, f.Package.Version, "2.14.99")
		f.Locations = append([]policy.Location{}, f.Locations...)
		for j := range f.Locations {
			f.Locations[j].Path = strings.ReplaceAll(f.Locations[j].Path, f.Package.Version, "2.14.99")
			f.Locations[j].AccessPath = strings.ReplaceAll(f.Locations[j].AccessPath, f.Package.Version, "2.14.99")
			f.Locations[j].Layer = "sha256:" + strings.Repeat("9", 64)
		}
		f.Package.Version = "2.14.99"
	}
	after.Digest = "sha256:" + strings.Repeat("8", 64)
	after.Image = after.Repository + "@" + after.Digest
	a, b := sarif(t, before).Runs[0], sarif(t, after).Runs[0]
	if a.AutomationDetails.ID != b.AutomationDetails.ID {
		t.Errorf("%s became %s", a.AutomationDetails.ID, b.AutomationDetails.ID)
	}
	for key, print := range a.Results[0].PartialFingerprints {
		if b.Results[0].PartialFingerprints[key] != print {
			t.Errorf("%s: %s became %s", key, print, b.Results[0].PartialFingerprints[key])
		}
	}
	other := reporttest.One()
	other.Platform = "linux/arm64"
	if sarif(t, other).Runs[0].AutomationDetails.ID == a.AutomationDetails.ID {
		t.Error("another platform has the same id, and its alerts would take the place of these")
	}
}

func TestTheSummaryOfAnyScanKeepsItsShape(t *testing.T) {
	link := regexp.MustCompile(`\]\(|<script|<img|\n::`)
	for _, text := range []string{report.Gate(reporttest.Hostile()), string(written(t, report.Markdown, reporttest.Hostile()))} {
		if found := link.FindString(text); found != "" {
			at := strings.Index(text, found)
			t.Errorf("%q in %.300q", found, text[max(0, at-100):])
		}
		if len(text) > 900<<10 {
			t.Errorf("%d bytes", len(text))
		}
	}
}

func BenchmarkForms(b *testing.B) {
	view := reporttest.Many(100_000)
	for _, form := range report.Forms() {
		b.Run(form.Name, func(b *testing.B) {
			for b.Loop() {
				if _, err := form.Write(view); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// waivedView is one finding that a waiver accepts.
func waivedView(f policy.Finding, w policy.Waiver) report.View {
	return reporttest.Decided(policy.Found{Findings: []policy.Finding{f}}, policy.Policy{Rules: policy.Rules{FailOn: policy.LimitHigh}, Waivers: []policy.Waiver{w}})
}

func logWaiver(reason string) policy.Waiver {
	name, err := policy.ParsePattern("log4j-core")
	if err != nil {
		panic(err) // which it is not
	}
	return policy.Waiver{ID: "CVE-2021-44228", Package: name, Reason: reason, Owner: "payments@example.com", Expires: reporttest.Today.Add(9)}
}

func TestAWaiverIsWrittenAsOpenVEXWhateverItsPackageIsCalled(t *testing.T) {
	for name, change := range map[string]func(*policy.Finding){
		"a purl that is none": func(f *policy.Finding) { f.Package.PURL = "maven/log4j-core" },
		"a purl of two lines": func(f *policy.Finding) { f.Package.PURL += "\n" },
		"a purl that is cut":  func(f *policy.Finding) { f.Package.PURL += "?a=" + strings.Repeat("b", 4000) + "..." },
		"more aliases than it has": func(f *policy.Finding) {
			f.Aliases = append(f.Aliases, make([]string, 300)...)
			for i := range f.Aliases {
				f.Aliases[i] = "ALIAS-" + strings.Repeat("1", i)
			}
			f.Aliases[0] = "CVE-2021-44228"
		},
		"an alias of two lines": func(f *policy.Finding) { f.Aliases = append(f.Aliases, "A\nB") },
	} {
		f := reporttest.Log4Shell()
		change(&f)
		doc, err := report.OpenVEX(waivedView(f, logWaiver("the parser is behind the gateway")))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		read, err := vex.Read("waivers", doc)
		if err != nil || len(read.Statements) != 1 {
			t.Errorf("%s: %d statements, %v", name, len(read.Statements), err)
		}
	}
}

func TestTwoOpenVEXDocumentsOfOneImageAreTold(t *testing.T) {
	id := func(reason string) string {
		var doc struct {
			ID string `json:"@id"`
		}
		if err := json.Unmarshal(written(t, report.OpenVEX, waivedView(reporttest.Log4Shell(), logWaiver(reason))), &doc); err != nil {
			t.Fatal(err)
		}
		return doc.ID
	}
	if id("one") == id("another") {
		t.Errorf("documents that say different things have the id %s", id("one"))
	}
	if first, again := id("one"), id("one"); first != again {
		t.Errorf("the same document has the ids %s and %s", first, again)
	}
}

func TestWhatAReportLeavesOutIsTold(t *testing.T) {
	v := reporttest.One()
	for i := range 3000 {
		message := strconv.Itoa(i) + " " + strings.Repeat("long ", 90)
		v.Decision.Violations = append(v.Decision.Violations, policy.Violation{ID: policy.DeniedPackage, Message: message, Judgement: policy.Judgement{Status: policy.Refuses, Rule: "deny", Why: message}})
	}
	text := string(written(t, report.Markdown, v))
	if listed := strings.Count(text, "\n- **refuses**"); !strings.Contains(text, "and "+strconv.Itoa(3000-listed)+" more in scan.json") {
		t.Errorf("%d of 3000 broken rules are listed, and nothing is said of the others", listed)
	}

	v = reporttest.Empty()
	v.Decision.Coverage = nil
	for i := range 150 {
		v.Decision.Coverage = append(v.Decision.Coverage, policy.Coverage{Type: "deb", Release: "distribution:" + strconv.Itoa(i), Packages: 1, Covered: i != 149})
	}
	for form, doc := range map[string]string{"html": string(written(t, report.HTML, v)), "markdown": string(written(t, report.Markdown, v)), "summary": report.Gate(v)} {
		if !strings.Contains(doc, "distribution:149") && !strings.Contains(doc, "distribution&#58;149") {
			t.Errorf("%s does not name what is not covered", form)
		}
		if strings.Contains(doc, "distribution:148") || strings.Contains(doc, "distribution&#58;148") || !strings.Contains(strings.ToLower(doc), "and 50 more") {
			t.Errorf("%s does not say that it leaves out 50 of the 150", form)
		}
	}
}

// TestARuleIsOfOneKindOfPackage holds that what GitHub shows beside an alert, and how severe it calls it, is about that
// package: a distribution's perl and a program that was found as perl are rated, and mended, apart.
func TestARuleIsOfOneKindOfPackage(t *testing.T) {
	long := strings.Repeat("very-long/", 12)
	findings := []policy.Finding{
		{ID: "CVE-2024-1", Severity: policy.Critical, Package: policy.Package{Name: "perl", Version: "5.36.0", Type: "binary"}},
		{ID: "CVE-2024-1", Severity: policy.Low, Package: policy.Package{Name: "perl", Version: "5.36.0-7", Type: "deb"}},
		{ID: "CVE-2024-2", Severity: policy.Critical, Package: policy.Package{Name: long + "a", Version: "1", Type: "go-module"}},
		{ID: "CVE-2024-2", Severity: policy.Low, Package: policy.Package{Name: long + "b", Version: "1", Type: "go-module"}},
	}
	run := sarif(t, reporttest.Decided(policy.Found{Findings: findings}, policy.Policy{Rules: policy.Rules{FailOn: policy.LimitHigh}})).Runs[0]
	if len(run.Results) != 4 || len(run.Tool.Driver.Rules) != 4 {
		t.Fatalf("%d rules for %d results", len(run.Tool.Driver.Rules), len(run.Results))
	}
	for _, r := range run.Results {
		severity := run.Tool.Driver.Rules[r.RuleIndex].Properties["severity"]
		if !strings.Contains(r.Message.Text, severity.(string)) {
			t.Errorf("the rule %s is of severity %s, and its result says: %s", r.RuleID, severity, r.Message.Text)
		}
	}
}

// TestGitLabIsToldOfBrokenRules holds that a refused image without a vulnerability does not come to GitLab as a clean one.
func TestGitLabIsToldOfBrokenRules(t *testing.T) {
	v := reporttest.Empty()
	for i := range 150 {
		judged := policy.Judgement{Status: policy.Refuses, Rule: "deny", Why: "left-pad " + strconv.Itoa(i) + " is denied"}
		if i == 149 {
			judged.Status = policy.Waived
		}
		v.Decision.Violations = append(v.Decision.Violations, policy.Violation{ID: policy.DeniedPackage, Judgement: judged})
	}
	var f gitlabFile
	if err := json.Unmarshal(written(t, report.GitLab, v), &f); err != nil {
		t.Fatal(err)
	}
	if n := len(f.Scan.Messages); n != 101 || f.Scan.Messages[0].Level != "warn" || f.Scan.Messages[0].Value != "denied-package: left-pad 0 is denied" || f.Scan.Messages[100].Value != "and 49 broken rules more; scan.json has them" {
		t.Errorf("%d messages: %.300v", n, f.Scan.Messages)
	}
}

func TestJUnitStaysBelowWhatGitLabReads(t *testing.T) {
	v := reporttest.Many(12_000)
	for i := range v.Decision.Judged {
		v.Decision.Judged[i].Via = slices.Repeat([]string{"@company/<component>"}, 60)
		v.Decision.Judged[i].URLs = slices.Repeat([]string{"https://example.com/" + strings.Repeat("a&", 400)}, 3)
	}
	doc := written(t, report.JUnit, v)
	var read struct {
		Suites []struct {
			Tests  int        `xml:"tests,attr"`
			Output string     `xml:"system-out"`
			Cases  []struct{} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(doc, &read); err != nil {
		t.Fatal(err)
	}
	suite := read.Suites[0]
	if left := 12_000 + 1 - suite.Tests; len(doc) > 30_000_000 || len(doc) < 20_000_000 || suite.Tests != len(suite.Cases) || !strings.HasPrefix(suite.Output, strconv.Itoa(left)+" more results are left out") {
		t.Errorf("%d bytes, %d cases of %d, and %q", len(doc), len(suite.Cases), suite.Tests, suite.Output)
	}
}

func TestALocationInSARIFIsText(t *testing.T) {
	for _, name := range []string{"/a b/\x00\x1b[2J/c", "/x" + strings.Repeat("é", 9999), "/a\xff\u202eb", strings.Repeat("/..", 400) + "/e"} {
		v := reporttest.One()
		v.Decision.Judged[0].Locations = []policy.Location{{Path: name}}
		uri := sarif(t, v).Runs[0].Results[0].Locations[0].PhysicalLocation.ArtifactLocation.URI
		text, err := url.PathUnescape(uri)
		if err != nil || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) || strings.Contains(text, "\u202e") || text == "" {
			t.Errorf("%.40q becomes %.80q, %v", name, text, err)
		}
	}
}
