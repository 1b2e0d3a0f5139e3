package report

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"strings"

	"github.com/stepseal/stepseal/internal/policy"
)

// Upgrade is one package whose upgrade removes findings, or those that a distribution built from one source, which are
// upgraded together.
type Upgrade struct {
	Name, Type string // Name names several packages where there are
	From, To   string // From names several versions where the image has them
	Removes    int    // findings that no upgrade before it in the list removes
	IDs        []string
}

// maxTargets bounds the versions of one package that are weighed; those that most findings name are.
const maxTargets = 32

// Upgrades names up to most upgrades that together remove the most findings: the greedy cover, which takes the upgrade
// that removes the most of what is left, the lowest version that does, and goes on. No other way that is fast to compute
// needs substantially fewer.
// https://en.wikipedia.org/wiki/Set_cover_problem#Greedy_algorithm
func Upgrades(findings []policy.Finding, most int) []Upgrade {
	candidates := upgradeTargets(findings)
	heap.Init(&candidates)
	removed := make([]bool, len(findings))
	var chosen []Upgrade
	for len(candidates) > 0 && len(chosen) < most {
		best := candidates[0]
		left := slices.DeleteFunc(slices.Clone(best.removes), func(i int) bool { return removed[i] })
		switch {
		case len(left) == 0:
			heap.Pop(&candidates)
			continue
		case len(left) < len(best.removes): // what it removes has shrunk since it was ordered
			candidates[0].weigh(left, findings)
			heap.Fix(&candidates, 0)
			continue
		}
		for _, i := range left {
			removed[i] = true
		}
		chosen = append(chosen, best.upgrade(findings))
		heap.Pop(&candidates)
	}
	return chosen
}

// target is one version to which one package can go, or all packages of one source.
type target struct {
	name, kind, to string
	removes        []int // places in the list of findings
	weight         int   // of their severities
}

func (t *target) weigh(removes []int, findings []policy.Finding) {
	t.removes, t.weight = removes, 0
	for _, i := range removes {
		t.weight += int(findings[i].Weight())
	}
}

func (t target) upgrade(findings []policy.Finding) Upgrade {
	up := Upgrade{Type: t.kind, To: t.to, Removes: len(t.removes)}
	var from, names []string
	for _, i := range t.removes {
		if name := findings[i].Package.CommonName(); !slices.Contains(names, name) && len(names) < maxTargets {
			names = append(names, name)
		}
		if v := findings[i].Package.Version; !slices.Contains(from, v) && len(from) < maxTargets {
			from = append(from, v)
		}
		if len(up.IDs) < maxTargets && !slices.Contains(up.IDs, findings[i].ID) {
			up.IDs = append(up.IDs, findings[i].ID)
		}
	}
	slices.SortFunc(from, versionOrder(t.kind))
	slices.Sort(names)
	up.From, up.Name = few(from), few(names)
	return up
}

func few(all []string) string {
	if len(all) > 3 {
		all = append(all[:3:3], fmt.Sprintf("%d more", len(all)-3))
	}
	return strings.Join(all, ", ")
}

// targets are ordered the most useful first: the most findings, the worst, the lowest version.
type targets []target

func (t targets) Len() int { return len(t) }
func (t targets) Less(a, b int) bool {
	return cmp.Or(cmp.Compare(len(t[b].removes), len(t[a].removes)), cmp.Compare(t[b].weight, t[a].weight), cmp.Compare(t[a].name, t[b].name),
		cmp.Compare(t[a].kind, t[b].kind), versionOrder(t[a].kind)(t[a].to, t[b].to), cmp.Compare(t[a].to, t[b].to)) < 0
}
func (t targets) Swap(a, b int) { t[a], t[b] = t[b], t[a] }
func (t *targets) Push(x any)   { *t = append(*t, x.(target)) }
func (t *targets) Pop() any {
	last := (*t)[len(*t)-1]
	*t = (*t)[:len(*t)-1]
	return last
}

func upgradeTargets(findings []policy.Finding) targets {
	type key struct{ kind, name string }
	packages := map[key][]int{}
	var order []key
	for i, f := range findings {
		if !f.Fix.Available() {
			continue
		}
		k := key{f.Package.Type, f.Package.Source()}
		if packages[k] == nil {
			order = append(order, k)
		}
		packages[k] = append(packages[k], i)
	}
	var all targets
	for _, k := range order {
		for _, version := range fixVersions(findings, packages[k], k.kind) {
			t := target{name: k.name, kind: k.kind, to: version}
			var removes []int
			for _, i := range packages[k] {
				if removedBy(findings[i], version) {
					removes = append(removes, i)
				}
			}
			if t.weigh(removes, findings); len(removes) > 0 {
				all = append(all, t)
			}
		}
	}
	return all
}

// fixVersions are the versions that fix something, those that most findings name first, at most maxTargets, and always
// the highest, which most others lead up to.
func fixVersions(findings []policy.Finding, of []int, kind string) []string {
	named := map[string]int{}
	for _, i := range of {
		for _, v := range findings[i].Fix.Versions {
			named[v]++
		}
	}
	order := versionOrder(kind)
	var versions []string
	for v := range named {
		versions = append(versions, v)
	}
	slices.SortFunc(versions, func(a, b string) int { return cmp.Or(-order(a, b), cmp.Compare(a, b)) })
	if len(versions) > 1 {
		slices.SortStableFunc(versions[1:], func(a, b string) int { return cmp.Compare(named[b], named[a]) })
	}
	return versions[:min(len(versions), maxTargets)]
}

// removedBy says whether the package is without the finding in a version. A fix counts that is above what is there and
// not above the version. Where a publisher keeps several lines (fixed in 2.12.4 and 2.17.1), the fix of the version's own
// line counts if it has one, and otherwise only what is above all of them is sure.
func removedBy(f policy.Finding, version string) bool {
	order := versionOrder(f.Package.Type)
	if order(version, f.Package.Version) <= 0 && f.Package.Version != "" {
		return false
	}
	var highest string
	ownLine, fixed := false, false
	for _, fix := range f.Fix.Versions {
		if highest == "" || order(fix, highest) > 0 {
			highest = fix
		}
		if len(f.Fix.Versions) > 1 && sameLine(fix, version) {
			ownLine = true
			fixed = fixed || order(fix, version) <= 0
		}
	}
	if ownLine {
		return fixed
	}
	return order(highest, version) <= 0
}

// sameLine says whether two versions belong to one line of releases: the first two numbers are the same.
func sameLine(a, b string) bool {
	line := func(v string) string {
		parts := strings.FieldsFunc(strings.TrimPrefix(v, "v"), func(r rune) bool { return r == '.' || r == '-' || r == '+' })
		return strings.Join(parts[:min(len(parts), 2)], ".")
	}
	return line(a) == line(b)
}
