package policy

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/vex"
)

const today = Day("2026-11-24")

// world is a random image, with rules and all that may excuse its findings, in few enough words that they meet often.
type world struct {
	*rand.Rand
}

func newWorld(seed uint64) world { return world{rand.New(rand.NewPCG(seed, 1))} }

func (w world) pick(of ...string) string { return of[w.IntN(len(of))] }
func (w world) maybe() bool              { return w.IntN(2) == 0 }

func (w world) pkg() Package {
	name := w.pick("a", "b", "c")
	kind := w.pick("npm", "deb")
	return Package{Name: name, Version: w.pick("1", "2"), Type: kind, PURL: fmt.Sprintf("pkg:%s/%s@1", kind, name)}
}

func (w world) places() []Location {
	var all []Location
	for range w.IntN(3) {
		all = append(all, Location{Path: w.pick("/app/x-1.0.jar", "/app/x-2.0.jar", "/lib/y"), Layer: w.pick("sha256:base", "sha256:own", "")})
	}
	return all
}

func (w world) finding() Finding {
	f := Finding{ID: "CVE-" + w.pick("1", "2", "3"), Severity: Severity(w.IntN(6)), KnownExploited: w.IntN(4) == 0, EPSS: w.Float64(), Package: w.pkg(), Locations: w.places()}
	if w.maybe() {
		f.Aliases = []string{"GHSA-" + w.pick("1", "2", "3")}
	}
	if w.maybe() {
		f.Fix = Fix{State: Fixed, Versions: []string{"9"}}
		if w.maybe() {
			f.Fix.Since = today.Add(-w.IntN(40))
		}
	}
	return f
}

func (w world) findings(most int) []Finding {
	var all []Finding
	for range w.IntN(most) {
		all = append(all, w.finding())
	}
	return all
}

func (w world) waiver() Waiver {
	pattern, _ := ParsePattern(w.pick("a", "b", "*", "pkg:npm/a"))
	return Waiver{ID: w.pick("CVE-1", "CVE-2", "GHSA-1", DeniedPackage), Package: pattern, Path: w.pick("", "", "/app/*"), Images: w.pick("", "", "other"),
		Reason: "r", Owner: "o", Expires: today.Add(w.IntN(20) - 10)}
}

func (w world) statement(status vex.Status) Statement {
	s := Statement{Source: VEXSource{Document: w.pick("d1", "d2")}}
	s.IDs, s.Status, s.Time = []string{w.pick("CVE-1", "CVE-2", "GHSA-1")}, status, time.Unix(int64(w.IntN(5)), 0)
	s.Products = []vex.Product{{PURL: w.pick("pkg:npm/a", "pkg:deb/b", ""), Digest: w.pick("sha256:image", "")}}
	return s
}

func (w world) rules() Rules {
	r := Rules{FailOn: Limit(w.IntN(6)), FailOnKnownExploited: w.maybe(), OnlyFixed: w.IntN(3) == 0, NewOnly: w.IntN(3) == 0, AllowEmpty: w.maybe()}
	if w.IntN(3) == 0 {
		r.FailOnEPSS = w.Float64()
	}
	if w.IntN(3) == 0 {
		r.Grace = Grace{Severity(w.IntN(6)): w.IntN(30)}
	}
	if w.IntN(3) == 0 {
		r.Scope = OwnLayers
	}
	if w.IntN(3) == 0 {
		limit := Limit(w.IntN(6))
		r.Exceptions = []Exception{{Ecosystem: w.pick("npm", "deb", ""), Path: w.pick("", "/app/*"), FailOn: &limit}}
	}
	if w.IntN(3) == 0 {
		denial, _ := ParseDenial(w.pick("a", "pkg:npm/b", "c < 2"))
		r.DeniedPackages = []Denial{denial}
	}
	if w.IntN(4) == 0 {
		r.AllowUncovered = []string{w.pick("npm", "debian:12")}
	}
	return r
}

func (w world) policy() Policy {
	p := Policy{Rules: w.rules()}
	for range w.IntN(4) {
		p.Waivers = append(p.Waivers, w.waiver())
	}
	for range w.IntN(4) {
		p.Statements = append(p.Statements, w.statement(vex.Status(w.IntN(4))))
	}
	if w.maybe() {
		p.Baseline = NewBaseline("base", w.findings(4))
	}
	return p
}

func (w world) found() Found {
	f := Found{Image: "repo@sha256:image", Subject: vex.Image{Digests: []string{"sha256:image"}}, Findings: w.findings(6), BaseLayers: []string{"sha256:base"}, Packages: w.IntN(4)}
	f.Coverage = []Coverage{{Type: "npm", Packages: 3, Covered: w.IntN(4) > 0}}
	for range w.IntN(3) {
		f.Components = append(f.Components, Component{Package: w.pkg(), Locations: w.places()})
	}
	f.Versions = func(of Package, _ string) (bool, error) { return of.Version < "2", nil }
	return f
}

// always runs a property over many worlds; a failure names the seed.
func always(t *testing.T, property func(w world) error) {
	t.Helper()
	for seed := range uint64(3000) {
		if err := property(newWorld(seed)); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func TestAddingAFindingNeverTurnsRefusedIntoAccepted(t *testing.T) {
	refused := 0
	always(t, func(w world) error {
		found, p := w.found(), w.policy()
		before := Decide(found, today, p)
		if before.Ending != outcome.Refused {
			return nil
		}
		refused++
		found.Findings = append(slices.Clone(found.Findings), w.finding())
		if after := Decide(found, today, p); after.Ending != outcome.Refused {
			return fmt.Errorf("refused became %s", after.Ending)
		}
		return nil
	})
	if refused < 100 {
		t.Errorf("only %d worlds were refused", refused)
	}
}

func TestAddingAnExcuseNeverAddsAFinding(t *testing.T) {
	removed := 0
	always(t, func(w world) error {
		found, p := w.found(), w.policy()
		before := Decide(found, today, p)
		if w.maybe() {
			p.Waivers = append(slices.Clone(p.Waivers), w.waiver())
		} else {
			p.Statements = append(slices.Clone(p.Statements), w.statement(vex.NotAffected))
		}
		after := Decide(found, today, p)
		if len(after.Judged) != len(before.Judged) {
			return fmt.Errorf("%d findings became %d", len(before.Judged), len(after.Judged))
		}
		if len(after.Failing) > len(before.Failing) || len(after.Refusing()) > len(before.Refusing()) {
			return fmt.Errorf("%d refusing findings became %d", len(before.Failing), len(after.Failing))
		}
		removed += len(before.Failing) - len(after.Failing)
		return nil
	})
	if removed == 0 {
		t.Error("no excuse ever excused anything")
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	always(t, func(w world) error {
		found, p, base := w.found(), w.policy(), w.policy()
		want := written(Decide(found, today, p, base))
		digest := Digest(p, base)
		shuffle(w, found.Findings)
		shuffle(w, found.Components)
		shuffle(w, p.Waivers)
		shuffle(w, p.Statements)
		shuffle(w, base.Waivers)
		if got := written(Decide(found, today, p, base)); got != want {
			return fmt.Errorf("in another order:\n%s\n%s", want, got)
		}
		if Digest(base, p) != digest {
			return fmt.Errorf("the digest depends on the order")
		}
		return nil
	})
}

func shuffle[T any](w world, list []T) {
	w.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}

// written is a decision as bytes; what it is made of has no other state.
func written(d Decision) string {
	doc, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	return string(doc)
}

func TestEqualInputsGiveEqualBytes(t *testing.T) {
	always(t, func(w world) error {
		found, p := w.found(), w.policy()
		if first, again := written(Decide(found, today, p)), written(Decide(found, today, p)); first != again {
			return fmt.Errorf("the second time:\n%s\n%s", first, again)
		}
		return nil
	})
}

func TestAnExpiredWaiverEqualsNone(t *testing.T) {
	always(t, func(w world) error {
		found, p := w.found(), w.policy()
		p.Waivers = nil
		before := Decide(found, today, p)
		for range 3 {
			expired := w.waiver()
			expired.Expires = today.Add(-1 - w.IntN(9))
			p.Waivers = append(p.Waivers, expired)
		}
		after := Decide(found, today, p)
		if after.Ending != before.Ending || after.Reason != before.Reason || len(after.Failing) != len(before.Failing) || len(after.Refusing()) != len(before.Refusing()) {
			return fmt.Errorf("%s (%d) became %s (%d)", before.Ending, len(before.Failing), after.Ending, len(after.Failing))
		}
		for i := range after.Judged {
			if after.Judged[i].Judgement.Status != before.Judged[i].Judgement.Status {
				return fmt.Errorf("%s: %s became %s", after.Judged[i].ID, before.Judged[i].Judgement.Status, after.Judged[i].Judgement.Status)
			}
		}
		return nil
	})
}

func TestTheBasePolicyIsNeverLoosened(t *testing.T) {
	always(t, func(w world) error {
		found, base, own := w.found(), w.policy(), w.policy()
		alone, both := Decide(found, today, base), Decide(found, today, own, base)
		if alone.Ending != outcome.Accepted && both.Ending == outcome.Accepted {
			return fmt.Errorf("%s by the base alone, and accepted with rules beside it", alone.Ending)
		}
		if own := Decide(found, today, own); own.Ending != outcome.Accepted && both.Ending == outcome.Accepted {
			return fmt.Errorf("%s by the own rules, and accepted with a base", own.Ending)
		}
		if len(both.Failing) < len(alone.Failing) {
			return fmt.Errorf("%d refusing findings became %d", len(alone.Failing), len(both.Failing))
		}
		return nil
	})
}

func TestAnotherDayCanOnlyDecideOtherwiseWhereTheDecisionSaysSo(t *testing.T) {
	always(t, func(w world) error {
		found, p := w.found(), w.policy()
		now, later := Decide(found, today, p), Decide(found, today.Add(w.IntN(60)), p)
		if !now.TimeBound && (now.Ending != later.Ending || len(now.Failing) != len(later.Failing)) {
			return fmt.Errorf("%s became %s, and the decision is not bound to its day", now.Ending, later.Ending)
		}
		return nil
	})
}

func FuzzDecide(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, of, by uint64) {
		found, p, base := newWorld(of).found(), newWorld(by).policy(), newWorld(by+1).policy()
		both := Decide(found, today, p, base)
		if both.Ending != outcome.Accepted {
			return
		}
		if alone := Decide(found, today, base); alone.Ending != outcome.Accepted {
			t.Errorf("the base refuses alone, and accepts with more rules")
		}
		for _, j := range both.Judged {
			if j.Judgement.Status == Refuses || j.Judgement.Why == "" || j.Judgement.Rule == "" {
				t.Errorf("accepted with %+v", j)
			}
		}
	})
}
