package report_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/report"
)

const hostile = "evil\n| x |\n::error::<script>alert(1)</script>[a](javascript:b) ![c](http://d) www.e.f `e` @team \x1b[2J\u202e&amp;"

func TestGateSummaryKeepsItsShape(t *testing.T) {
	finding := policy.Finding{ID: hostile, Severity: policy.High, Package: policy.Package{Name: hostile, Version: hostile},
		Fix: policy.Fix{State: policy.Fixed, Versions: []string{hostile}}, Locations: []policy.Location{{Path: hostile}}}
	text := report.Gate(report.View{Image: hostile, Platform: hostile, Decision: policy.Decision{Ending: outcome.Refused, Reason: outcome.Vulnerable,
		Failing: []policy.Finding{finding}, Coverage: []policy.Coverage{{Type: hostile, Packages: 1}}, Baseline: hostile, Gone: []policy.Finding{finding},
		Violations: []policy.Violation{{ID: policy.DeniedPackage, Message: hostile, Judgement: policy.Judgement{Status: policy.Refuses, Why: hostile}}},
		Judged: []policy.Judged{{Finding: finding, Judgement: policy.Judgement{Status: policy.NotAffected, VEX: &policy.VEXSource{Document: hostile, Author: hostile, Justification: hostile}}},
			{Finding: finding, Judgement: policy.Judgement{Status: policy.Waived, Waiver: &policy.Waiver{ID: hostile, Owner: hostile, Reason: hostile}}}}},
		Settings: []report.Setting{{Name: hostile, Value: hostile, From: hostile}}})
	if strings.Contains(text, "<script") || strings.Contains(text, "\n::") || strings.Contains(text, "\x1b") {
		t.Error(text)
	}
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "| high") && strings.Count(line, "|") != 6 {
			t.Errorf("a row of %d cells: %s", strings.Count(line, "|")-1, line)
		}
	}
}

func TestALongListIsCutAndSaysSo(t *testing.T) {
	failing := make([]policy.Finding, 250)
	text := report.Gate(report.View{Decision: policy.Decision{Failing: failing}})
	if !strings.Contains(text, "And 150 more in scan.json.") {
		t.Error("nothing says that findings are left out")
	}
}

func TestUpgrades(t *testing.T) {
	finding := func(name, version string, fixes ...string) policy.Finding {
		f := policy.Finding{Package: policy.Package{Name: name, Version: version}}
		if len(fixes) > 0 {
			f.Fix = policy.Fix{State: policy.Fixed, Versions: fixes}
		}
		return f
	}
	got := report.Upgrades([]policy.Finding{
		finding("log4j-core", "2.14.1", "2.15.0"), finding("log4j-core", "2.14.1", "2.9.9", "2.17.1"), finding("log4j-core", "2.14.1"),
		finding("zlib", "1.2", "1:1.2.11.dfsg-2+deb11u1"), finding("lodash", "4.17.15", "4.17.21"),
	}, 2)
	for i := range got {
		got[i].IDs = nil
	}
	want := []report.Upgrade{{Name: "log4j-core", From: "2.14.1", To: "2.17.1", Removes: 2}, {Name: "lodash", From: "4.17.15", To: "4.17.21", Removes: 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPackagesOfOneSourceAreOneUpgrade(t *testing.T) {
	deb := func(name, version, purl string) policy.Finding {
		return policy.Finding{Package: policy.Package{Name: name, Version: version, Type: "deb", PURL: "pkg:deb/debian/" + name + "@" + version + purl}, Fix: policy.Fix{State: policy.Fixed, Versions: []string{"3.0.17-1"}}}
	}
	got := report.Upgrades([]policy.Finding{deb("openssl", "3.0.11-1", ""), deb("libssl3", "3.0.11-1", "?upstream=openssl"), deb("zlib1g", "1", "?upstream=zlib")}, 5)
	for i := range got {
		got[i].IDs = nil
	}
	want := []report.Upgrade{{Name: "libssl3, openssl", Type: "deb", From: "3.0.11-1", To: "3.0.17-1", Removes: 2}, {Name: "zlib1g", Type: "deb", From: "1", To: "3.0.17-1", Removes: 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
