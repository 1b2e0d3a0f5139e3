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
