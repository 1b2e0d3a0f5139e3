package advisory

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"
)

// TestACatalogueThatIsNotWholeIsNotLeftOut holds that a KEV catalogue beside other files is read or is an error: nobody
// would notice that findings are no longer known to be exploited.
func TestACatalogueThatIsNotWholeIsNotLeftOut(t *testing.T) {
	const entry = `{"cveID":"CVE-2021-44228"}`
	for name, c := range map[string]struct{ doc, say string }{
		"whole":                {`{"catalogVersion":"1","dateReleased":"2026-08-20T12:00:00.0000Z","count":1,"vulnerabilities":[` + entry + `]}`, ""},
		"without a count":      {`{"catalogVersion":"1","dateReleased":"2026-08-20T12:00:00Z","vulnerabilities":[` + entry + `]}`, ""},
		"a date of a kind":     {`{"catalogVersion":"1","dateReleased":"20 August 2026","count":1,"vulnerabilities":[` + entry + `]}`, "the date"},
		"shorter than it says": {`{"catalogVersion":"1","dateReleased":"2026-08-20T12:00:00Z","count":2,"vulnerabilities":[` + entry + `]}`, "says that it has 2 entries, and has 1"},
	} {
		var reader Reader
		err := reader.FS(context.Background(), fstest.MapFS{"kev.json": {Data: []byte(c.doc)}, "package.json": {Data: []byte(`{"version":"1"}`)}}, "advisories")
		switch {
		case c.say == "" && (err != nil || reader.into.summary.Records != 1):
			t.Errorf("%s: %v", name, err)
		case c.say != "" && (err == nil || !strings.Contains(err.Error(), "advisories/kev.json") || !strings.Contains(err.Error(), c.say)):
			t.Errorf("%s: error %v, want one that says %q", name, err, c.say)
		}
	}
}
