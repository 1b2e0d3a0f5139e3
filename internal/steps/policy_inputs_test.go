package steps

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDeniedPackagesArePartedOutsideOfRanges(t *testing.T) {
	for text, want := range map[string][]string{
		"":                      nil,
		"lodash":                {"lodash"},
		"lodash,":               {"lodash"},
		"lodash, ,left-pad":     {"lodash", "left-pad"},
		"a >= 1.0, < 1.4, b":    {"a >= 1.0, < 1.4", "b"},
		"a >= 1.0,, < 1.4":      {"a >= 1.0, < 1.4"},
		"< 1":                   nil,
		"a < 1.0~rc1-1+deb11u2": {"a < 1.0~rc1-1+deb11u2"},
		"a < 2 || > 5":          {"a < 2 || > 5"},
		"a < x":                 nil,
		"a < 1 2":               nil,
		"a < 2 > 1":             nil,
		"a => 1":                nil,
		"a <":                   nil,
	} {
		denials, err := parseDenials(text)
		var got []string
		for _, d := range denials {
			got = append(got, d.String())
		}
		if diff := cmp.Diff(want, got); diff != "" || (err != nil) != (want == nil && text != "") {
			t.Errorf("%q: %v %s", text, err, diff)
		}
	}
}
