package scan_test

import (
	"testing"

	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/scan"
)

func TestSatisfies(t *testing.T) {
	for _, c := range []struct {
		kind, version, constraint, want string
	}{
		{"java-archive", "2.14.1", ">= 2.0, < 2.17.1", "yes"},
		{"java-archive", "2.17.1-rc1", "< 2.17.1", "yes"},
		{"java-archive", "2.17.1", "< 2.17.1", "no"},
		{"npm", "2.0.0-beta.1", "< 2.0.0", "yes"},
		{"python", "1!0.5", "< 2.0", "no"},
		{"deb", "1:1.0-1", "< 1.1", "no"},
		{"deb", "1.0~rc1", "< 1.0", "yes"},
		{"go-module", "v1.2.3", "= 1.2.3", "yes"},
		{"go-module", "(devel)", "< 1.2", `"(devel)" is no go-module version`},
		{"java-archive", "", ">= 2.0, < 2.17.1", `"" is no java-archive version`},
		{"java-archive", "UNKNOWN", ">= 2.0", `"UNKNOWN" is no java-archive version`},
		{"npm", "^1.0.0", ">= 1.5", `"^1.0.0" is no npm version`},
	} {
		within, err := scan.Satisfies(policy.Package{Name: "x", Version: c.version, Type: c.kind}, c.constraint)
		got := map[bool]string{true: "yes", false: "no"}[within]
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s %q %s: %s, want %s", c.kind, c.version, c.constraint, got, c.want)
		}
	}
}
