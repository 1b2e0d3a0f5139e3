package policy

import (
	"strings"
	"testing"
	"time"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/vex"
)

// image is one finding, in a package that everything is known of.
func image(f Finding) Found {
	return Found{Image: "registry.example.com/team/app@sha256:aa", Subject: vex.Image{Repository: "registry.example.com/team/app", Digests: []string{"sha256:aa"}}, Findings: []Finding{f}, Coverage: []Coverage{covered}, Packages: 3,
		BaseLayers: []string{"sha256:base"}}
}

func pattern(text string) Pattern {
	p, err := ParsePattern(text)
	if err != nil {
		panic(err)
	}
	return p
}

func denial(text string) Denial {
	d, err := ParseDenial(text)
	if err != nil {
		panic(err)
	}
	return d
}

func pointer[T any](v T) *T { return &v }

var (
	log4j   = Package{Name: "log4j-core", Version: "2.14.1", Type: "java-archive", PURL: "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1"}
	serious = Finding{ID: "GHSA-jfh8-c2jp-5v3q", Aliases: []string{"CVE-2021-44228"}, Severity: High, Fix: Fix{State: Fixed, Versions: []string{"2.15.0"}, Since: "2026-11-20"},
		Package: log4j, Locations: []Location{{Path: "/app/test/log4j-core-2.14.1.jar", Layer: "sha256:base"}}}
	waiver = Waiver{ID: "CVE-2021-44228", Package: pattern("log4j-core"), Reason: "lookups are off", Owner: "payments", Expires: today.Add(9)}
	says   = Statement{Statement: vex.Statement{IDs: []string{"CVE-2021-44228"}, Status: vex.NotAffected, Justification: "vulnerable_code_not_present", Time: time.Unix(1, 0),
		Products: []vex.Product{{PURL: "pkg:maven/org.apache.logging.log4j/log4j-core"}}}, Source: VEXSource{Document: "app.vex.json", Author: "the team"}}
)

// advisory is about two vulnerabilities at once.
var advisory = with(func(f *Finding) { f.ID, f.Aliases = "ELSA-2021-1", []string{"CVE-2021-44228", "CVE-2021-45046"} })

func with(change func(*Finding)) Finding {
	f := serious
	change(&f)
	return f
}

func component(licenses ...string) Found {
	c := Component{Package: log4j, Licenses: licenses}
	return Found{Coverage: []Coverage{covered}, Packages: 3, Components: []Component{c}, Versions: func(of Package, constraint string) (bool, error) {
		return of.Version < strings.TrimPrefix(constraint, "< "), nil
	}}
}

func is(reason outcome.Reason) func(Decision) bool {
	return func(d Decision) bool { return d.Reason == reason }
}
func accepted(d Decision) bool { return d.Ending == outcome.Accepted }
func status(want Status) func(Decision) bool {
	return func(d Decision) bool { return len(d.Judged) == 1 && d.Judged[0].Judgement.Status == want }
}
func not(check func(Decision) bool) func(Decision) bool {
	return func(d Decision) bool { return !check(d) }
}

// TestRules has for each rule the cases that it decides, under its name: without the rule every one of them comes out
// otherwise, and no other. test/mutants/run takes each rule away in turn, and demands just that.
func TestRules(t *testing.T) {
	high, never := Rules{FailOn: LimitHigh}, Rules{FailOn: Never}
	rules := func(of Rules, change func(*Rules)) Rules { change(&of); return of }
	for name, c := range map[string]struct {
		found    Found
		policies []Policy
		want     func(Decision) bool
	}{
		"fail-on/at the limit":    {image(serious), []Policy{{Rules: high}}, status(Refuses)},
		"fail-on/above the limit": {image(with(func(f *Finding) { f.Severity = Critical })), []Policy{{Rules: high}}, is(outcome.Vulnerable)},
		"fail-on/no rules at all": {image(with(func(f *Finding) { f.Severity = Unknown })), nil, is(outcome.Vulnerable)},
		"fail-on-known-exploited/low and exploited": {image(with(func(f *Finding) { f.Severity, f.KnownExploited = Low, true })),
			[]Policy{{Rules: rules(high, func(r *Rules) { r.FailOnKnownExploited = true })}}, is(outcome.Vulnerable)},
		"fail-on-epss/low and likely": {image(with(func(f *Finding) { f.Severity, f.EPSS = Low, 0.5 })),
			[]Policy{{Rules: rules(high, func(r *Rules) { r.FailOnEPSS = 0.5 })}}, is(outcome.Vulnerable)},
		"ratings/asked for": {Found{Packages: 1, Coverage: []Coverage{covered}, Unrated: []string{EPSS}},
			[]Policy{{Rules: rules(high, func(r *Rules) { r.FailOnEPSS = 0.5 })}}, is(outcome.NotCovered)},
		"ratings/asked for by an exception": {Found{Packages: 1, Coverage: []Coverage{covered}, Unrated: []string{KnownExploited}},
			[]Policy{{Rules: rules(high, func(r *Rules) { r.Exceptions = []Exception{{Ecosystem: "npm", FailOnKnownExploited: pointer(true)}} })}}, is(outcome.NotCovered)},
		"ratings/asked for by the base, which does not allow it": {Found{Packages: 1, Coverage: []Coverage{covered}, Unrated: []string{KnownExploited}},
			[]Policy{{Rules: rules(high, func(r *Rules) { r.AllowUncovered = []string{Anything} })}, {Rules: rules(high, func(r *Rules) { r.FailOnKnownExploited = true })}}, is(outcome.NotCovered)},
		"only-fixed/no fix": {image(with(func(f *Finding) { f.Fix = Fix{State: NotFixed} })),
			[]Policy{{Rules: rules(high, func(r *Rules) { r.OnlyFixed = true })}}, accepted},
		"grace/a fix of four days ago":  {image(serious), []Policy{{Rules: rules(high, func(r *Rules) { r.Grace = Grace{High: 14} })}}, accepted},
		"grace/its last day":            {image(serious), []Policy{{Rules: rules(high, func(r *Rules) { r.Grace = Grace{High: 4} })}}, accepted},
		"scope/in the base image alone": {image(serious), []Policy{{Rules: rules(high, func(r *Rules) { r.Scope = OwnLayers })}}, accepted},
		"exceptions/by path": {image(serious), []Policy{{Rules: rules(high, func(r *Rules) {
			r.Exceptions = []Exception{{Path: "/app/test/*", FailOn: pointer(LimitCritical)}}
		})}}, accepted},
		"exceptions/by ecosystem": {image(serious), []Policy{{Rules: rules(high, func(r *Rules) {
			r.Exceptions = []Exception{{Ecosystem: "java-archive", FailOn: pointer(Never)}}
		})}}, accepted},
		"exceptions/by the type of the package URL": {image(serious), []Policy{{Rules: rules(high, func(r *Rules) {
			r.Exceptions = []Exception{{Ecosystem: "Maven", FailOn: pointer(Never)}}
		})}}, accepted},
		"exceptions/by package, the first counts": {image(serious), []Policy{{Rules: rules(high, func(r *Rules) {
			r.Exceptions = []Exception{{Package: pattern("pkg:maven/org.apache.logging.log4j/*"), FailOn: pointer(Never)}, {Package: pattern("log4j-core"), FailOn: pointer(LimitLow)}}
		})}}, accepted},
		"new-only/in the baseline": {image(serious), []Policy{{Rules: rules(high, func(r *Rules) { r.NewOnly = true }), Baseline: NewBaseline("last", []Finding{serious})}}, accepted},
		"new-only/in the baseline, upgraded without a fix": {image(serious), []Policy{{Rules: rules(high, func(r *Rules) { r.NewOnly = true }),
			Baseline: NewBaseline("last", []Finding{with(func(f *Finding) {
				f.Package.Version, f.Package.PURL, f.Locations = "2.14.0", "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.0", []Location{{Path: "/app/test/log4j-core-2.14.0.jar"}}
			})})}}, accepted},
		"waivers/by alias":                 {image(serious), []Policy{{Rules: high, Waivers: []Waiver{waiver}}}, status(Waived)},
		"waivers/on its last day":          {image(serious), []Policy{{Rules: high, Waivers: []Waiver{changed(waiver, func(w *Waiver) { w.Expires = today })}}}, status(Waived)},
		"waiver-expiry/the day after":      {image(serious), []Policy{{Rules: never, Waivers: []Waiver{changed(waiver, func(w *Waiver) { w.Expires = today.Add(-1) })}}}, not(status(Waived))},
		"waiver-package/of another":        {image(serious), []Policy{{Rules: never, Waivers: []Waiver{changed(waiver, func(w *Waiver) { w.Package = pattern("log4j-api") })}}}, not(status(Waived))},
		"waiver-image/of another":          {image(serious), []Policy{{Rules: never, Waivers: []Waiver{changed(waiver, func(w *Waiver) { w.Images = "registry.example.com/other/*" })}}}, not(status(Waived))},
		"waiver-path/elsewhere too":        {image(with(func(f *Finding) { f.Locations = append(f.Locations, Location{Path: "/app/log4j.jar"}) })), []Policy{{Rules: never, Waivers: []Waiver{changed(waiver, func(w *Waiver) { w.Path = "/app/test/*" })}}}, not(status(Waived))},
		"waiver-complete/without an owner": {image(serious), []Policy{{Rules: never, Waivers: []Waiver{changed(waiver, func(w *Waiver) { w.Owner = "" })}}}, not(status(Waived))},
		"vex/not affected":                 {image(serious), []Policy{{Rules: high, Statements: []Statement{says}}}, status(NotAffected)},
		"vex/by the image's digest": {image(serious), []Policy{{Rules: high, Statements: []Statement{stated(func(s *Statement) {
			s.Products = []vex.Product{{Digest: "sha256:aa", Subcomponents: []string{"pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1"}}}
		})}}}, status(NotAffected)},
		"vex-status/affected":   {image(serious), []Policy{{Rules: never, Statements: []Statement{stated(func(s *Statement) { s.Status = vex.Affected })}}}, not(status(NotAffected))},
		"vex-newest/taken back": {image(serious), []Policy{{Rules: never, Statements: []Statement{says, stated(func(s *Statement) { s.Status, s.Time = vex.UnderInvestigation, time.Unix(2, 0) })}}}, not(status(NotAffected))},
		"vex-product/another's": {image(serious), []Policy{{Rules: never, Statements: []Statement{stated(func(s *Statement) {
			s.Products = []vex.Product{{PURL: "pkg:maven/org.apache.logging.log4j/log4j-api"}, {Digest: "sha256:bb"}}
		})}}}, not(status(NotAffected))},
		"denied-packages/in range": {component(), []Policy{{Rules: rules(never, func(r *Rules) { r.DeniedPackages = []Denial{denial("log4j-core < 2.17.1")} })}}, is(outcome.DeniedPackage)},
		"denied-packages/by package URL, in any version": {component(), []Policy{{Rules: rules(never, func(r *Rules) {
			r.DeniedPackages = []Denial{denial("pkg:maven/org.apache.logging.log4j/log4j-core")}
		})}}, is(outcome.DeniedPackage)},
		"denied-licenses/the only choice":                 {component("AGPL-3.0-only"), []Policy{{Rules: rules(never, func(r *Rules) { r.DeniedLicenses = []string{"AGPL-3.0-*"} })}}, is(outcome.DeniedLicense)},
		"denied-licenses/beside one of nobody":            {component("AGPL-3.0-only AND Acme-EULA"), []Policy{{Rules: rules(never, func(r *Rules) { r.DeniedLicenses = []string{"AGPL-3.0-only"} })}}, is(outcome.DeniedLicense)},
		"denied-licenses/in a text that is no expression": {component("AGPL-3.0-only, see COPYING"), []Policy{{Rules: rules(never, func(r *Rules) { r.DeniedLicenses = []string{"AGPL-3.0-only"} })}}, is(outcome.DeniedLicense)},
		"required-licenses/another":                       {component("MIT"), []Policy{{Rules: rules(never, func(r *Rules) { r.RequiredLicenses = []string{"Apache-2.0"} })}}, is(outcome.DeniedLicense)},
		"required-licenses/none":                          {component(), []Policy{{Rules: rules(never, func(r *Rules) { r.RequiredLicenses = []string{"Apache-2.0"} })}}, is(outcome.DeniedLicense)},
		"minimum-elements/lacking":                        {Found{Coverage: []Coverage{covered}, Packages: 3, Lacking: map[string][]string{"ntia-2021": {"supplier"}}}, []Policy{{Rules: rules(never, func(r *Rules) { r.MinimumElements = "ntia-2021" })}}, is(outcome.SBOMIncomplete)},
		"minimum-elements/of the base's standard": {Found{Coverage: []Coverage{covered}, Packages: 3, Lacking: map[string][]string{"ntia-2021": nil, "cisa-2025": {"hash"}}}, []Policy{
			{Rules: rules(never, func(r *Rules) { r.MinimumElements = "ntia-2021" })}, {Rules: rules(never, func(r *Rules) { r.MinimumElements = "cisa-2025" })}}, is(outcome.SBOMIncomplete)},
		"coverage/an unknown release":       {Found{Coverage: []Coverage{gap}, Packages: 9}, []Policy{{Rules: never}}, is(outcome.NotCovered)},
		"allow-uncovered/by name":           {Found{Coverage: []Coverage{gap}, Packages: 9}, []Policy{{Rules: rules(never, func(r *Rules) { r.AllowUncovered = []string{"debian:12"} })}}, not(is(outcome.NotCovered))},
		"unreadable/a package database":     {Found{Coverage: []Coverage{covered}, Packages: 3, Unreadable: []Unreadable{{Path: "/x", Decisive: true}}}, []Policy{{Rules: never}}, is(outcome.NotCovered)},
		"empty-catalogue/nothing":           {Found{}, []Policy{{Rules: never}}, is(outcome.EmptyCatalogue)},
		"allow-empty/nothing":               {Found{}, []Policy{{Rules: rules(never, func(r *Rules) { r.AllowEmpty = true })}}, not(is(outcome.EmptyCatalogue))},
		"policy-base/stricter than the own": {image(with(func(f *Finding) { f.KnownExploited = true })), []Policy{{Rules: never}, {Name: "base", Rules: rules(high, func(r *Rules) { r.FailOnKnownExploited = true })}}, status(Refuses)},
	} {
		t.Run(name, func(t *testing.T) {
			if d := Decide(c.found, today, c.policies...); !c.want(d) {
				t.Errorf("decided %s (%s): %s; %+v %+v", d.Ending, d.Reason, d.Summary(), d.Judged, d.Violations)
			}
		})
	}
}

func changed(w Waiver, change func(*Waiver)) Waiver { change(&w); return w }
func stated(change func(*Statement)) Statement      { s := says; change(&s); return s }

// TestBounds has what the rules do not do.
func TestBounds(t *testing.T) {
	high := Rules{FailOn: LimitHigh}
	rules := func(change func(*Rules)) []Policy { r := high; change(&r); return []Policy{{Rules: r}} }
	for name, c := range map[string]struct {
		found    Found
		policies []Policy
		want     func(Decision) bool
	}{
		"an EPSS below the limit does not refuse":        {image(with(func(f *Finding) { f.Severity, f.EPSS = Low, 0.4 })), rules(func(r *Rules) { r.FailOnEPSS = 0.5 }), accepted},
		"the grace period ends":                          {image(serious), rules(func(r *Rules) { r.Grace = Grace{High: 3} }), status(Refuses)},
		"what is known to be exploited gets no grace":    {image(with(func(f *Finding) { f.KnownExploited = true })), rules(func(r *Rules) { r.Grace = Grace{High: 14} }), status(Refuses)},
		"a fix without a date gets no grace":             {image(with(func(f *Finding) { f.Fix.Since = "" })), rules(func(r *Rules) { r.Grace = Grace{High: 14} }), status(Refuses)},
		"another severity gets no grace":                 {image(serious), rules(func(r *Rules) { r.Grace = Grace{Medium: 14} }), status(Refuses)},
		"a place whose layer is not known is in scope":   {image(with(func(f *Finding) { f.Locations = []Location{{Path: "/x"}} })), rules(func(r *Rules) { r.Scope = OwnLayers }), status(Refuses)},
		"no place at all is in scope":                    {image(with(func(f *Finding) { f.Locations = nil })), rules(func(r *Rules) { r.Scope = OwnLayers }), status(Refuses)},
		"a place in both is in scope":                    {image(with(func(f *Finding) { f.Locations = append([]Location{{Path: "/y", Layer: "sha256:own"}}, f.Locations...) })), rules(func(r *Rules) { r.Scope = OwnLayers }), status(Refuses)},
		"an exception for another path changes nothing":  {image(serious), rules(func(r *Rules) { r.Exceptions = []Exception{{Path: "/srv/*", FailOn: pointer(Never)}} }), status(Refuses)},
		"an exception that fits in one place of two":     {image(with(func(f *Finding) { f.Locations = append([]Location{{Path: "/y"}}, f.Locations...) })), rules(func(r *Rules) { r.Exceptions = []Exception{{Path: "/app/*", FailOn: pointer(Never)}} }), status(Refuses)},
		"new-only without a baseline refuses":            {image(serious), rules(func(r *Rules) { r.NewOnly = true }), status(Refuses)},
		"what the baseline has is known, and told so":    {image(serious), []Policy{{Rules: Rules{FailOn: LimitHigh, NewOnly: true}, Baseline: NewBaseline("last", []Finding{serious})}}, status(Known)},
		"a second place is new":                          {image(with(func(f *Finding) { f.Locations = append([]Location{{Path: "/y"}}, f.Locations...) })), []Policy{{Rules: Rules{FailOn: LimitHigh, NewOnly: true}, Baseline: NewBaseline("last", []Finding{serious})}}, status(Refuses)},
		"the same in another package is new":             {image(with(func(f *Finding) { f.Package.Name, f.Package.PURL = "log4j-api", "" })), []Policy{{Rules: Rules{FailOn: LimitHigh, NewOnly: true}, Baseline: NewBaseline("last", []Finding{serious})}}, status(Refuses)},
		"a version out of range is not denied":           {component(), rules(func(r *Rules) { r.DeniedPackages = []Denial{denial("log4j-core < 2.0")} }), accepted},
		"a version that cannot be compared is denied":    {func() Found { f := component(); f.Versions = nil; return f }(), rules(func(r *Rules) { r.DeniedPackages = []Denial{denial("log4j-core < 2.0")} }), is(outcome.DeniedPackage)},
		"a choice of licenses is not denied by one":      {component("AGPL-3.0-only OR MIT"), rules(func(r *Rules) { r.DeniedLicenses = []string{"agpl-*"} }), accepted},
		"a path of all places that are listed":           {image(with(func(f *Finding) { f.Locations = []Location{{Path: "/app/test/a", More: 1}} })), []Policy{{Rules: high, Waivers: []Waiver{changed(waiver, func(w *Waiver) { w.Path = "/app/test/*" })}}}, status(Refuses)},
		"an exception for all places that are listed":    {image(with(func(f *Finding) { f.Locations = []Location{{Path: "/app/test/a", More: 1}} })), rules(func(r *Rules) { r.Exceptions = []Exception{{Path: "/app/*", FailOn: pointer(Never)}} }), status(Refuses)},
		"the base's layer of all places that are listed": {image(with(func(f *Finding) { f.Locations = []Location{{Path: "/a", Layer: "sha256:base", More: 1}} })), rules(func(r *Rules) { r.Scope = OwnLayers }), status(Refuses)},
		"a baseline with all places that are listed":     {image(with(func(f *Finding) { f.Locations = []Location{{Path: "/a", More: 1}} })), []Policy{{Rules: Rules{FailOn: LimitHigh, NewOnly: true}, Baseline: NewBaseline("last", []Finding{with(func(f *Finding) { f.Locations = []Location{{Path: "/a", More: 1}} })})}}, status(Refuses)},
		"a waiver of one CVE of an advisory about two":   {image(advisory), []Policy{{Rules: high, Waivers: []Waiver{waiver}}}, status(Refuses)},
		"a waiver of an advisory about two":              {image(advisory), []Policy{{Rules: high, Waivers: []Waiver{changed(waiver, func(w *Waiver) { w.ID = "elsa-2021-1" })}}}, status(Waived)},
		"a statement on one CVE of an advisory":          {image(advisory), []Policy{{Rules: high, Statements: []Statement{says}}}, status(Refuses)},
		"a baseline that has one CVE of an advisory":     {image(advisory), []Policy{{Rules: Rules{FailOn: LimitHigh, NewOnly: true}, Baseline: NewBaseline("last", []Finding{serious})}}, status(Refuses)},
		"a baseline that has the advisory":               {image(advisory), []Policy{{Rules: Rules{FailOn: LimitHigh, NewOnly: true}, Baseline: NewBaseline("last", []Finding{advisory})}}, status(Known)},
		"a choice with one of nobody is left":            {component("AGPL-3.0-only OR Acme-EULA"), rules(func(r *Rules) { r.DeniedLicenses = []string{"agpl-*"} }), accepted},
		"a text that names no denied license":            {component("GNU AGPL, see COPYING"), rules(func(r *Rules) { r.DeniedLicenses = []string{"MIT"} }), accepted},
		"a required one beside a choice of nobody's":     {component("MIT OR Acme-EULA"), rules(func(r *Rules) { r.RequiredLicenses = []string{"MIT"} }), accepted},
		"a required one and one of nobody":               {component("MIT AND Acme-EULA"), rules(func(r *Rules) { r.RequiredLicenses = []string{"MIT"} }), is(outcome.DeniedLicense)},
		"a choice of licenses meets a required one":      {component("MIT OR Apache-2.0"), rules(func(r *Rules) { r.RequiredLicenses = []string{"apache-2.0"} }), accepted},
		"of two licenses both must be required ones":     {component("MIT", "Apache-2.0"), rules(func(r *Rules) { r.RequiredLicenses = []string{"Apache-2.0"} }), is(outcome.DeniedLicense)},
		"a waiver accepts a denied package":              {component(), []Policy{{Rules: Rules{FailOn: Never, DeniedPackages: []Denial{denial("log4j-core")}}, Waivers: []Waiver{{ID: DeniedPackage, Package: pattern("log4j-*"), Reason: "r", Owner: "o", Expires: today}}}}, accepted},
		"a statement without a time is the oldest":       {image(serious), []Policy{{Rules: high, Statements: []Statement{stated(func(s *Statement) { s.Time = time.Time{} }), stated(func(s *Statement) { s.Status = vex.Affected })}}}, status(Refuses)},
		"of two at once the one that does not excuse":    {image(serious), []Policy{{Rules: high, Statements: []Statement{says, stated(func(s *Statement) { s.Status = vex.UnderInvestigation })}}}, status(Refuses)},
		"a waiver of the own rules does not pass a base": {image(serious), []Policy{{Rules: high, Waivers: []Waiver{waiver}}, {Name: "base", Rules: high}}, status(Refuses)},
	} {
		t.Run(name, func(t *testing.T) {
			if d := Decide(c.found, today, c.policies...); !c.want(d) {
				t.Errorf("decided %s (%s): %s; %+v %+v", d.Ending, d.Reason, d.Summary(), d.Judged, d.Violations)
			}
		})
	}
}

func TestAWaiverOfOneOfSeveralIsToldTheirAdvisory(t *testing.T) {
	other := changed(waiver, func(w *Waiver) { w.ID = "CVE-1999-0001" })
	d := Decide(image(advisory), today, Policy{Rules: Rules{FailOn: LimitHigh}, Waivers: []Waiver{waiver, other}})
	if len(d.Unused) != 2 || d.AdvisoryOf(waiver) != advisory.ID || d.AdvisoryOf(other) != "" {
		t.Errorf("of %d waivers in no use the advisories are %q and %q", len(d.Unused), d.AdvisoryOf(waiver), d.AdvisoryOf(other))
	}
}
