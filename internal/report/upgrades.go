package report

import (
	"cmp"
	"slices"

	"github.com/stepseal/stepseal/internal/policy"
)

// Upgrade is one package whose upgrade removes findings.
type Upgrade struct {
	Name, From, To string
	Removes        int
}

// Upgrades names up to most upgrades, those that remove the most findings first. Versions of ecosystems compare by rules
// of their own, so an upgrade is only named where all fixes of a package agree, or by its last fix as the scan lists them.
func Upgrades(findings []policy.Finding, most int) []Upgrade {
	type key struct{ name, version string }
	at := map[key]int{}
	var all []Upgrade
	for _, f := range findings {
		if !f.Fix.Available() {
			continue
		}
		k := key{f.Package.Name, f.Package.Version}
		i, ok := at[k]
		if !ok {
			i = len(all)
			at[k] = i
			all = append(all, Upgrade{Name: k.name, From: k.version})
		}
		all[i].Removes++
		all[i].To = highest(all[i].To, f.Fix.Versions)
	}
	slices.SortStableFunc(all, func(a, b Upgrade) int {
		return cmp.Or(cmp.Compare(b.Removes, a.Removes), cmp.Compare(a.Name, b.Name))
	})
	return all[:min(most, len(all))]
}

// highest keeps the version that is largest when runs of digits compare as numbers, which orders the versions of all
// ecosystems well enough for advice.
func highest(best string, versions []string) string {
	for _, v := range versions {
		if best == "" || natural(v, best) > 0 {
			best = v
		}
	}
	return best
}

func natural(a, b string) int {
	for a != "" && b != "" {
		na, restA := digits(a)
		nb, restB := digits(b)
		if na != "" && nb != "" {
			if c := cmp.Or(cmp.Compare(len(na), len(nb)), cmp.Compare(na, nb)); c != 0 {
				return c
			}
			a, b = restA, restB
			continue
		}
		if c := cmp.Compare(a[0], b[0]); c != 0 {
			return c
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

// digits splits off a leading number, without its leading zeros.
func digits(s string) (number, rest string) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	number = s[:i]
	for len(number) > 1 && number[0] == '0' {
		number = number[1:]
	}
	return number, s[i:]
}
