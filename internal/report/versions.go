package report

import (
	"cmp"
	"slices"
	"strings"
)

// versionOrder compares versions of a type of packages, well enough for advice: an epoch first, runs of digits as numbers,
// ~ below everything. Distributions read a suffix behind a dash as a later revision, others as a version before the
// release. What refuses an image is never decided by it.
func versionOrder(kind string) func(a, b string) int {
	distribution := slices.Contains([]string{"deb", "rpm", "apk", "alpm", "portage"}, kind)
	return func(a, b string) int {
		a, b = strings.TrimPrefix(a, "v"), strings.TrimPrefix(b, "v")
		if !distribution {
			releaseA, beforeA, isBeforeA := strings.Cut(withoutBuild(a), "-")
			releaseB, beforeB, isBeforeB := strings.Cut(withoutBuild(b), "-")
			if c := natural(releaseA, releaseB); c != 0 || isBeforeA == isBeforeB {
				return cmp.Or(c, natural(beforeA, beforeB))
			}
			if isBeforeA {
				return -1
			}
			return 1
		}
		epochA, restA := epoch(a)
		epochB, restB := epoch(b)
		return cmp.Or(natural(epochA, epochB), natural(restA, restB))
	}
}

// withoutBuild leaves out what semantic versions do not compare.
func withoutBuild(v string) string {
	v, _, _ = strings.Cut(v, "+")
	return v
}

func epoch(v string) (number, rest string) {
	number, rest, found := strings.Cut(v, ":")
	if !found {
		return "0", v
	}
	return number, rest
}

// natural compares runs of digits as numbers and everything else byte by byte, ~ below the end of the text.
func natural(a, b string) int {
	for a != "" || b != "" {
		tildeA, tildeB := strings.HasPrefix(a, "~"), strings.HasPrefix(b, "~")
		switch {
		case tildeA && tildeB:
			a, b = a[1:], b[1:]
			continue
		case tildeA:
			return -1
		case tildeB:
			return 1
		case a == "" || b == "":
			return cmp.Compare(len(a), len(b))
		}
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
	return 0
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
