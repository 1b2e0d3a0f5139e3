package scan

import (
	"testing"

	"github.com/anchore/grype/grype/vulnerability"

	"github.com/stepseal/stepseal/internal/policy"
)

func TestRatings(t *testing.T) {
	score := func(of float64) vulnerability.Cvss {
		return vulnerability.Cvss{Version: "4.0", Metrics: vulnerability.CvssMetrics{BaseScore: of}}
	}
	for name, c := range map[string]struct {
		of       vulnerability.Metadata
		severity policy.Severity
		epss     float64
	}{
		"a word":                              {vulnerability.Metadata{Severity: "Low", Cvss: []vulnerability.Cvss{score(9.8)}}, policy.Low, 0},
		"no word, and a score":                {vulnerability.Metadata{Severity: "Unknown", Cvss: []vulnerability.Cvss{score(3.1), score(9.8)}}, policy.Critical, 0},
		"no word, and a score of 0":           {vulnerability.Metadata{Severity: "Unknown", Cvss: []vulnerability.Cvss{score(0)}}, policy.Unknown, 0},
		"nothing":                             {vulnerability.Metadata{Severity: "Unknown"}, policy.Unknown, 0},
		"of several CVEs the likeliest":       {vulnerability.Metadata{EPSS: []vulnerability.EPSS{{EPSS: 0.1}, {EPSS: 0.9}, {EPSS: 0.2}}}, policy.Unknown, 0.9},
		"a severity at the edge of the scale": {vulnerability.Metadata{Cvss: []vulnerability.Cvss{score(6.9)}}, policy.Medium, 0},
	} {
		var f policy.Finding
		if rate(&f, &c.of); f.Severity != c.severity || f.EPSS != c.epss {
			t.Errorf("%s: %s, EPSS %v", name, f.Severity, f.EPSS)
		}
	}
}
