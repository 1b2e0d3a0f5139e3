package policy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/outcome"
)

var (
	covered  = Coverage{Type: "npm", Packages: 3, Covered: true}
	gap      = Coverage{Type: "deb", Release: "debian:12", Packages: 9}
	fixed    = Fix{State: Fixed, Versions: []string{"2.0"}}
	critical = Finding{ID: "GHSA-1", Aliases: []string{"CVE-2026-1"}, Severity: Critical, Fix: fixed, Package: Package{Name: "a"}}
	high     = Finding{ID: "CVE-2026-2", Severity: High, Package: Package{Name: "b"}}
	unknown  = Finding{ID: "CVE-2026-3", Package: Package{Name: "c"}}
	abused   = Finding{ID: "CVE-2026-4", KnownExploited: true, Package: Package{Name: "d"}}
)

func TestDecide(t *testing.T) {
	found := func(coverage Coverage, findings ...Finding) Found {
		return Found{Findings: findings, Coverage: []Coverage{coverage}, Packages: coverage.Packages}
	}
	limitHigh := Rules{FailOn: LimitHigh}
	unread := func(c Coverage, decisive ...bool) Found {
		f := found(c)
		for _, is := range decisive {
			f.Unreadable = append(f.Unreadable, Unreadable{Path: "/var/lib/rpm/rpmdb.sqlite", Cataloger: "rpm", Error: "garbage", Decisive: is})
		}
		return f
	}
	nobodys := Coverage{Type: Distribution, Release: "unknown"}
	for name, c := range map[string]struct {
		found   Found
		rules   Rules
		ending  outcome.Ending
		reason  outcome.Reason
		summary string
	}{
		"nothing found in covered packages is accepted":       {found(covered), limitHigh, outcome.Accepted, "", "no findings"},
		"a finding at the limit is refused":                   {found(covered, high), limitHigh, outcome.Refused, outcome.Vulnerable, "1 high, limit is high"},
		"a finding below the limit is accepted":               {found(covered, high), Rules{FailOn: LimitCritical}, outcome.Accepted, "", "1 high, none of them counts against the limit critical"},
		"the limit never accepts everything":                  {found(covered, critical, abused), Rules{FailOn: Never}, outcome.Accepted, "", "1 critical and 1 unknown, none of them counts against the limit never"},
		"rules that nobody set refuse everything":             {found(covered, unknown), Rules{}, outcome.Refused, outcome.Vulnerable, "1 unknown, limit is negligible"},
		"an unknown severity alone is accepted":               {found(covered, unknown), limitHigh, outcome.Accepted, "", "1 unknown, none of them counts against the limit high"},
		"an unrated but exploited one is refused":             {found(covered, abused), Rules{FailOn: LimitCritical}, outcome.Refused, outcome.Vulnerable, "1 unknown, limit is critical"},
		"without a fix it is accepted when only fixed count":  {found(covered, high), Rules{FailOn: LimitHigh, OnlyFixed: true}, outcome.Accepted, "", "1 high, none of them counts against the limit high"},
		"with a fix it is refused when only fixed count":      {found(covered, critical), Rules{FailOn: LimitHigh, OnlyFixed: true}, outcome.Refused, outcome.Vulnerable, "1 critical, limit is high"},
		"a gap is undecided":                                  {found(gap), limitHigh, outcome.Undecided, outcome.NotCovered, "the database holds no record for deb debian:12 (9 packages)"},
		"a gap is accepted by the release's name":             {found(gap), Rules{AllowUncovered: []string{"debian:12"}}, outcome.Accepted, "", "no findings"},
		"a gap is accepted by the type's name":                {found(gap), Rules{AllowUncovered: []string{"deb"}}, outcome.Accepted, "", "no findings"},
		"another name does not accept a gap":                  {found(gap), Rules{AllowUncovered: []string{"debian:11", ""}}, outcome.Undecided, outcome.NotCovered, "the database holds no record for deb debian:12 (9 packages)"},
		"a gap is undecided, whatever was found besides":      {found(gap, critical), limitHigh, outcome.Undecided, outcome.NotCovered, "the database holds no record for deb debian:12 (9 packages); besides, 1 critical, limit is high"},
		"no packages is undecided":                            {Found{}, limitHigh, outcome.Undecided, outcome.EmptyCatalogue, "no package was found"},
		"no packages is accepted when allowed":                {Found{}, Rules{AllowEmpty: true}, outcome.Accepted, "", "no findings"},
		"packages that cannot be looked up are undecided":     {Found{Packages: 4, Unmatchable: 4}, limitHigh, outcome.Undecided, outcome.NotCovered, "none of the packages could be looked up"},
		"a limit that is no limit is taken as the strictest":  {found(covered, unknown), Rules{FailOn: 99}, outcome.Refused, outcome.Vulnerable, "1 unknown, limit is negligible"},
		"a package database that cannot be read is undecided": {unread(covered, true, false), limitHigh, outcome.Undecided, outcome.NotCovered, "the package list \"/var/lib/rpm/rpmdb.sqlite\" cannot be read"},
		"so are two of them":                                  {unread(gap, true, true), limitHigh, outcome.Undecided, outcome.NotCovered, "the package list \"/var/lib/rpm/rpmdb.sqlite\" cannot be read (nor can 1 more); the database holds no record for deb debian:12 (9 packages)"},
		"it is undecided without packages too":                {Found{Unreadable: unread(covered, true).Unreadable}, Rules{AllowEmpty: true}, outcome.Undecided, outcome.NotCovered, "the package list \"/var/lib/rpm/rpmdb.sqlite\" cannot be read"},
		"it is accepted by name":                              {unread(covered, true), Rules{AllowUncovered: []string{"unreadable"}}, outcome.Accepted, "", "no findings"},
		"another file that cannot be read is accepted":        {unread(covered, false), limitHigh, outcome.Accepted, "", "no findings"},
		"a distribution that nobody knows is undecided":       {Found{Coverage: []Coverage{covered, nobodys}, Packages: 3}, limitHigh, outcome.Undecided, outcome.NotCovered, "the distribution of the image is not known"},
		"it is accepted by its name":                          {Found{Coverage: []Coverage{covered, nobodys}, Packages: 3}, Rules{AllowUncovered: []string{"distribution"}}, outcome.Accepted, "", "no findings"},
		"the worst of several comes first in the sentence":    {found(covered, high, unknown, critical), limitHigh, outcome.Refused, outcome.Vulnerable, "1 critical and 1 high, limit is high"},
	} {
		t.Run(name, func(t *testing.T) {
			d := Decide(c.found, "2026-11-24", Policy{Rules: c.rules})
			if d.Ending != c.ending || d.Reason != c.reason {
				t.Errorf("decided %s (%s), want %s (%s)", d.Ending, d.Reason, c.ending, c.reason)
			}
			if got := d.Summary(); got != c.summary {
				t.Errorf("summary %q, want %q", got, c.summary)
			}
		})
	}
}

func TestFindingsAreSortedTheSameWhateverTheirOrder(t *testing.T) {
	want := []string{"GHSA-1", "CVE-2026-4", "CVE-2026-2", "CVE-2026-3"}
	for _, in := range [][]Finding{{critical, high, unknown, abused}, {abused, unknown, high, critical}, {high, abused, critical, unknown}} {
		Sort(in)
		var got []string
		for _, f := range in {
			got = append(got, f.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestTheDigestNamesWhatTheRulesMean(t *testing.T) {
	a := Rules{FailOn: LimitHigh, AllowUncovered: []string{"npm", "deb"}}
	b := Rules{FailOn: LimitHigh, AllowUncovered: []string{"deb", "npm", "npm"}}
	a.DeniedPackages = []Denial{denial("a < 2"), denial("b")}
	b.DeniedPackages = []Denial{denial("b"), denial("a < 2"), denial("b")}
	if Digest(Policy{Rules: a}) != Digest(Policy{Rules: b}) {
		t.Error("the order of a list changes the digest")
	}
	b.OnlyFixed = true
	if Digest(Policy{Rules: a}) == Digest(Policy{Rules: b}) {
		t.Error("other rules have the same digest")
	}
	// Changing this breaks trust in accepted policy digests: an old digest no longer names the rules.
	const want = "sha256:"
	if got := Digest(Policy{Rules: a}); !strings.HasPrefix(got, want) || len(got) != len(want)+64 {
		t.Errorf("digest %q", got)
	}
}

func FuzzWords(f *testing.F) {
	for _, word := range append(Limits(), "unknown", "Moderate", "IMPORTANT", " high ", "") {
		f.Add(word)
	}
	f.Fuzz(func(t *testing.T, word string) {
		if s, err := ParseSeverity(word); err == nil {
			if again, err := ParseSeverity(s.String()); err != nil || again != s {
				t.Errorf("%q is read as %s, and that as %s (%v)", word, s, again, err)
			}
		} else if s != Unknown {
			t.Errorf("%q is an error and %s", word, s)
		}
		if l, err := ParseLimit(word); err == nil {
			if again, err := ParseLimit(l.String()); err != nil || again != l {
				t.Errorf("%q is read as %s, and that as %s (%v)", word, l, again, err)
			}
		} else if l != LimitNegligible {
			t.Errorf("%q is an error and %s", word, l)
		}
	})
}

func TestRatingsThatTheDatabaseLacks(t *testing.T) {
	found := Found{Packages: 1, Coverage: []Coverage{covered}, Unrated: []string{EPSS, KnownExploited}}
	for name, c := range map[string]struct {
		rules    []Rules
		accepted bool
		says     string
	}{
		"nobody asks":                       {[]Rules{{}}, true, "no findings"},
		"asked for":                         {[]Rules{{FailOnEPSS: 0.1}}, false, "fail-on-epss cannot hold, for the database holds nothing of epss"},
		"both asked for":                    {[]Rules{{FailOnEPSS: 0.1, FailOnKnownExploited: true}}, false, "fail-on-known-exploited cannot hold"},
		"asked for and allowed":             {[]Rules{{FailOnEPSS: 0.1, AllowUncovered: []string{"EPSS"}}}, true, "no findings"},
		"asked for, and the other allowed":  {[]Rules{{FailOnEPSS: 0.1, AllowUncovered: []string{KnownExploited}}}, false, "epss"},
		"allowed by who asks, among others": {[]Rules{{}, {FailOnEPSS: 0.1, AllowUncovered: []string{EPSS}}}, true, "no findings"},
	} {
		t.Run(name, func(t *testing.T) {
			var policies []Policy
			for _, r := range c.rules {
				policies = append(policies, Policy{Rules: r})
			}
			d := Decide(found, today, policies...)
			if (d.Ending == outcome.Accepted) != c.accepted || !strings.Contains(d.Summary(), c.says) {
				t.Errorf("%s, %s", d.Ending, d.Summary())
			}
		})
	}
}
