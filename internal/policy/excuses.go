package policy

import (
	"cmp"
	"strings"
	"unicode"

	"github.com/stepseal/stepseal/internal/vex"
)

// indexed is a policy that finds what speaks for a finding by the names of the vulnerability. A policy may have thousands
// of waivers and statements, an image a hundred thousand findings, and nearly no pair of them belongs together.
type indexed struct {
	Policy
	waivers    map[string][]int // where in Policy.Waivers
	unusable   map[int]bool     // the waivers that do not pass their own check
	statements map[string][]int // where in Policy.Statements
}

func index(policies []Policy) []indexed {
	var all []indexed
	for _, p := range policies {
		of := indexed{Policy: p, waivers: map[string][]int{}, unusable: map[int]bool{}, statements: map[string][]int{}}
		for i, w := range p.Waivers {
			of.unusable[i] = w.Check() != nil
			of.waivers[folded(w.ID)] = append(of.waivers[folded(w.ID)], i)
		}
		for i, s := range p.Statements {
			for _, id := range s.IDs {
				of.statements[folded(id)] = append(of.statements[folded(id)], i)
			}
		}
		all = append(all, of)
	}
	return all
}

// folded is the same for all names that strings.EqualFold takes for the same, and for no others.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, name)
}

// under are the places that the index has for any of the names.
func under(index map[string][]int, names []string) []int {
	if len(index) == 0 {
		return nil
	}
	var all []int
	for _, name := range names {
		all = append(all, index[folded(name)]...)
	}
	return all
}

// waiver is the one that holds the longest; nil where none is about this.
func (p indexed) waiver(ids []string, image string, of Package, places []Location) *Waiver {
	var best *Waiver
	for _, i := range under(p.waivers, ids) {
		w := &p.Waivers[i]
		if p.isUsable(i) && w.about(image, ids, of, places) &&
			(best == nil || cmp.Or(cmp.Compare(w.Expires, best.Expires), -compareWaivers(*w, *best)) > 0) {
			best = w
		}
	}
	return best
}

// isUsable says whether the waiver passes its own check.
func (p indexed) isUsable(i int) bool { return !p.unusable[i] }

// unused are the waivers that are about nothing in the decision.
func (p indexed) unused(d *Decision, image string) []Waiver {
	used := map[int]bool{}
	mark := func(ids []string, of Package, places []Location) {
		for _, i := range under(p.waivers, ids) {
			used[i] = used[i] || p.Waivers[i].about(image, ids, of, places)
		}
	}
	for _, j := range d.Judged {
		mark(j.names(), j.Package, j.Locations)
	}
	for _, v := range d.Violations {
		mark([]string{v.ID}, v.Package, v.Locations)
	}
	var none []Waiver
	for i, w := range p.Waivers {
		if !used[i] {
			none = append(none, w)
		}
	}
	return none
}

// statement is the newest that is about the finding, if that excuses it. Of two of the same time the one that does not
// excuse counts.
func (p indexed) statement(f Finding, image vex.Image) (newest Statement, excuses bool) {
	none := true
	for _, i := range under(p.statements, f.names()) {
		s := p.Statements[i]
		if s.about(f, image) && (none || newer(s, newest)) {
			newest, none = s, false
		}
	}
	return newest, newest.excuses()
}
