package policy

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stepseal/stepseal/internal/vex"
)

// An image can be large and a company's list of exceptions long: what one says of the other is found by name.
func TestAHundredThousandFindingsAndThousandsOfExcuses(t *testing.T) {
	const findings, excuses, limit = 100_000, 2_000, 20 * time.Second
	found := Found{Image: "registry.example.com/shop", Packages: findings, Coverage: []Coverage{{Type: "npm", Packages: findings, Covered: true}}}
	for i := range findings {
		name := fmt.Sprintf("package-%d", i%1000)
		found.Findings = append(found.Findings, Finding{ID: fmt.Sprintf("GHSA-%d", i), Aliases: []string{fmt.Sprintf("CVE-2026-%d", i)}, Severity: High,
			Package: Package{Name: name, Version: "1.0.0", Type: "npm", PURL: "pkg:npm/" + name + "@1.0.0"}, Locations: []Location{{Path: "/srv/package-lock.json"}}})
	}
	p := Policy{Baseline: NewBaseline("the last release", found.Findings[:findings/2])}
	pattern, err := ParsePattern("package-*")
	if err != nil {
		t.Fatal(err)
	}
	for i := range excuses {
		p.Waivers = append(p.Waivers, Waiver{ID: fmt.Sprintf("cve-2026-%d", i), Package: pattern, Reason: "not reachable", Owner: "ann@example.com", Expires: "2026-12-31"})
		p.Statements = append(p.Statements, Statement{Statement: vex.Statement{IDs: []string{fmt.Sprintf("ghsa-%d", excuses+i)}, Status: vex.NotAffected,
			Products: []vex.Product{{PURL: fmt.Sprintf("pkg:npm/package-%d", (excuses+i)%1000)}}}})
	}
	p.Waivers[7].ID = "CVE-1999-1" // nobody's
	begun := time.Now()
	d := Decide(found, "2026-06-01", p)
	if took := time.Since(begun); took > limit {
		t.Errorf("it took %s, more than %s", took, limit)
	}
	n := d.Statuses()
	if n[Waived] != excuses-1 || n[NotAffected] != excuses || n[Refuses] != findings-2*excuses+1 {
		t.Errorf("%v", n)
	}
	if len(d.Unused) != 1 || d.Unused[0].ID != "CVE-1999-1" || len(d.Waivers()) != excuses-1 || d.New() != findings/2 {
		t.Errorf("%d unused, %d used, %d new", len(d.Unused), len(d.Waivers()), d.New())
	}
}

// The index may be no narrower than the comparison that it spares.
func TestNamesAreFoldedAsEqualFoldDoes(t *testing.T) {
	names := []string{"", "CVE-2026-1", "cve-2026-1", "Cve-2026-12", "k", "K", "\u212a", "s", "S", "\u017f", "ß", "ẞ", "i", "I", "İ", "ı",
		"θ", "ϑ", "ϴ", "Θ", "µ", "μ", "Μ", "ǅ", "ǆ", "Ǆ", "\xff", "\xfe", "\ufffd", "ꭰ", "Ꭰ"}
	for _, a := range names {
		for _, b := range names {
			if (folded(a) == folded(b)) != strings.EqualFold(a, b) {
				t.Errorf("%q and %q: folded %t, EqualFold %t", a, b, folded(a) == folded(b), strings.EqualFold(a, b))
			}
		}
	}
}

// Two findings that differ in anything have one order, or the same inputs in another order would give other bytes.
func TestEveryFieldOfAFindingOrdersIt(t *testing.T) {
	of := reflect.TypeFor[Finding]()
	for i := range of.NumField() {
		changed := Finding{}
		change(t, reflect.ValueOf(&changed).Elem().Field(i))
		for _, pair := range [][2]Finding{{{}, changed}, {changed, {}}} {
			if compare(pair[0], pair[1]) == 0 || compare(pair[0], pair[1]) != -compare(pair[1], pair[0]) {
				t.Errorf("findings that differ in %s compare as %d", of.Field(i).Name, compare(pair[0], pair[1]))
			}
		}
	}
	for _, pair := range [][2]Finding{
		{{CVSS: []CVSS{{Version: "3.1"}}}, {CVSS: []CVSS{{Version: "4.0"}}}},
		{{CVSS: []CVSS{{Vector: "AV:N"}}}, {CVSS: []CVSS{{Vector: "AV:L"}}}},
		{{CVSS: []CVSS{{Score: 1}}}, {CVSS: []CVSS{{Score: 2}}}},
		{{Fix: Fix{State: Fixed}}, {Fix: Fix{State: NotFixed}}},
		{{Fix: Fix{Versions: []string{"1"}}}, {Fix: Fix{Versions: []string{"2"}}}},
		{{Fix: Fix{Since: "2026-01-01"}}, {Fix: Fix{Since: "2026-01-02"}}},
		{{Package: Package{PURL: "pkg:npm/a"}}, {Package: Package{PURL: "pkg:npm/b"}}},
		{{Locations: []Location{{Layer: "sha256:a"}}}, {Locations: []Location{{Layer: "sha256:b"}}}},
	} {
		if compare(pair[0], pair[1]) == 0 {
			t.Errorf("%+v and %+v compare as equal", pair[0], pair[1])
		}
	}
}

// change gives a value that is zero another one.
func change(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Int:
		v.SetInt(1)
	case reflect.Float64:
		v.SetFloat(0.5)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case reflect.Struct:
		change(t, v.Field(0))
	default:
		t.Fatalf("no other value for a %s", v.Type())
	}
}
