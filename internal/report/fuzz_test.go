package report_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/report"
	"github.com/stepseal/stepseal/internal/report/reporttest"
)

// FuzzCycloneDX holds that an SBOM of anybody's making stays whole when vulnerabilities come into it.
func FuzzCycloneDX(f *testing.F) {
	f.Add([]byte(`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"bom-ref":"a","name":"log4j-core","version":"2.14.1","components":[{"bom-ref":"b"}]}],"a\"b":{}}`))
	f.Add([]byte(`{"components":[]}`))
	f.Add([]byte(`{"components":null,"vulnerabilities":[7]}`))
	f.Add([]byte(`{"components":[ ] , "serialNumber":"x"}`))
	f.Add([]byte(`[]`))
	view := reporttest.One()
	f.Fuzz(func(t *testing.T, doc []byte) {
		view.SBOM = doc
		written, err := report.CycloneDX(view)
		if err != nil || len(doc) == 0 {
			return
		}
		var before, after map[string]json.RawMessage
		if json.Unmarshal(doc, &before) != nil || json.Unmarshal(written, &after) != nil {
			t.Fatalf("%q became %q", doc, written)
		}
		var found []any
		if json.Unmarshal(after["vulnerabilities"], &found) != nil || len(found) != len(view.Decision.Judged) {
			t.Errorf("%q became %q", doc, written)
		}
		for key, value := range before {
			if !slices.Contains([]string{"components", "vulnerabilities", "serialNumber"}, key) && !bytes.Equal(value, after[key]) {
				t.Errorf("%q: %q became %q", key, value, after[key])
			}
		}
	})
}

// FuzzUpgrades holds that an upgrade is to a version that somebody names, and that none removes what it cannot.
func FuzzUpgrades(f *testing.F) {
	f.Add("deb", "1:2.36-9+deb12u3", "2.36-9+deb12u13", "3~rc1")
	f.Add("npm", "1.0.0-rc.1", "v1.0.0", "1.0.0+build")
	f.Add("", "", "", "0")
	f.Fuzz(func(t *testing.T, kind, at, one, two string) {
		finding := func(versions ...string) policy.Finding {
			return policy.Finding{Package: policy.Package{Name: "a", Type: kind, Version: at}, Fix: policy.Fix{State: policy.Fixed, Versions: versions}}
		}
		findings := []policy.Finding{finding(one), finding(two), finding(one, two), finding(two, one)}
		removed := 0
		for _, up := range report.Upgrades(findings, 10) {
			if up.To != one && up.To != two || up.Removes == 0 {
				t.Errorf("%+v", up)
			}
			removed += up.Removes
		}
		if removed > len(findings) {
			t.Errorf("%d of %d are removed", removed, len(findings))
		}
	})
}
