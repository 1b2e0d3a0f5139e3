package licence_test

import (
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/licence"
)

func TestParse(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"one":                         {"MIT", "MIT"},
		"case does not count":         {"apache-2.0", "Apache-2.0"},
		"AND before OR":               {"MIT OR Apache-2.0 AND ISC", "MIT OR (Apache-2.0 AND ISC)"},
		"parentheses":                 {"(MIT OR Apache-2.0)AND ISC", "(MIT OR Apache-2.0) AND ISC"},
		"needless parentheses":        {"((MIT) AND (ISC AND Zlib))", "MIT AND ISC AND Zlib"},
		"operators without case":      {"mit or isc and zlib", "MIT OR (ISC AND Zlib)"},
		"an exception":                {"gpl-2.0-only with classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"},
		"an exception binds closest":  {"MIT AND GPL-2.0-only WITH Classpath-exception-2.0 OR ISC", "(MIT AND GPL-2.0-only WITH Classpath-exception-2.0) OR ISC"},
		"a plus of the GNU licences":  {"GPL-3.0+", "GPL-3.0-or-later"},
		"a plus behind only":          {"GPL-3.0-only+", "GPL-3.0-or-later"},
		"a plus behind or-later":      {"GPL-3.0-or-later+", "GPL-3.0-or-later"},
		"a plus of others":            {"apache-1.1+", "Apache-1.1+"},
		"an old name":                 {"LGPL-2.1", "LGPL-2.1-only"},
		"an old name with its plus":   {"lgpl-2.1+", "LGPL-2.1-or-later"},
		"an old name with exception":  {"GPL-2.0-with-classpath-exception", "GPL-2.0-only WITH Classpath-exception-2.0"},
		"an old name, of one's own":   {"bzip2-1.0.5", "bzip2-1.0.5"},
		"a reference":                 {"licenseref-Acme.1", "LicenseRef-Acme.1"},
		"a reference to a document":   {"DocumentRef-spdx-2:LicenseRef-a OR MIT", "DocumentRef-spdx-2:LicenseRef-a OR MIT"},
		"a reference to an exception": {"MIT WITH AdditionRef-x", "MIT WITH AdditionRef-x"},
		"spaces of all kinds":         {" MIT\n\tAND  ISC ", "MIT AND ISC"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := licence.Parse(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := e.String(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestWhatIsNoExpressionIsAnError(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"nothing":                 {" ", "no licence expression"},
		"a word of nobody":        {"Beerware-2", "not in the SPDX licence list"},
		"no assertion":            {"NOASSERTION", "not in the SPDX licence list"},
		"none":                    {"NONE", "not in the SPDX licence list"},
		"an address":              {"https://opensource.org/license/mit", "not in the SPDX licence list"},
		"an operator alone":       {"AND", "not in the SPDX licence list"},
		"an operator at the end":  {"MIT AND", "ends where a licence"},
		"two licences":            {"MIT ISC", `"ISC" where AND`},
		"a slash":                 {"MIT/Apache-2.0", "not in the SPDX licence list"},
		"an open parenthesis":     {"(MIT", "not closed"},
		"a parenthesis too many":  {"MIT)", `")" where AND`},
		"empty parentheses":       {"()", "not in the SPDX licence list"},
		"an exception of nobody":  {"MIT WITH luck", "list of exceptions"},
		"an exception missing":    {"MIT WITH", "ends where an exception"},
		"two exceptions":          {"GPL-2.0-with-GCC-exception WITH Classpath-exception-2.0", "has an exception already"},
		"an exception of several": {"(MIT OR ISC) WITH Classpath-exception-2.0", `"WITH" where AND`},
		"a plus of a reference":   {"LicenseRef-a+", "not in the SPDX licence list"},
		"a plus alone":            {"+", "not in the SPDX licence list"},
		"too deep":                {strings.Repeat("(", 60) + "MIT" + strings.Repeat(")", 60), "deeper than 50"},
		"too long":                {strings.Repeat("MIT AND ", 3000) + "MIT", "more than the 16384"},
		"too many":                {strings.Repeat("MIT AND ", 1500) + "MIT", "more than 1000 licences"},
	} {
		t.Run(name, func(t *testing.T) {
			if e, err := licence.Parse(test.text); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q and %v, want %q", e, err, test.want)
			}
		})
	}
}

func TestForeignTermsKeepTheirForm(t *testing.T) {
	for text, want := range map[string]string{
		"AGPL-3.0-only AND Acme":             "AGPL-3.0-only AND Acme",
		"(Acme or mit) and gpl-2.0":          "(Acme OR MIT) AND GPL-2.0-only",
		"GPL-2.0-only WITH Acme-exception":   "GPL-2.0-only WITH Acme-exception",
		"AND MIT":                            "error",
		"MIT AND":                            "error",
		"Acme EULA":                          "error",
		"MIT WITH )":                         "error",
		"GNU AGPL-3.0-only. Or MIT/GPL-2.0+": "error",
	} {
		e, err := licence.ParseForeign(text)
		if got := e.String(); err != nil && want != "error" || err == nil && got != want {
			t.Errorf("%q is read as %q (%v), want %q", text, got, err, want)
		}
	}
	var named []string
	for _, l := range licence.Named("GNU AGPL-3.0-only. Or MIT/GPL-2.0+, as you like: (Zlib)") {
		named = append(named, l.String())
	}
	if got := strings.Join(named, " "); got != "AGPL-3.0-only MIT GPL-2.0-or-later Zlib" {
		t.Errorf("named: %s", got)
	}
}

func TestAllows(t *testing.T) {
	for name, test := range map[string]struct {
		text, list string
		allowed    bool // with the list as the allowed ones
		left       bool // with the list as the denied ones
	}{
		"one that is listed":                     {"MIT", "mit, ISC", true, false},
		"one that is not":                        {"Zlib", "MIT", false, true},
		"a choice":                               {"GPL-3.0-only OR MIT", "MIT", true, true},
		"a choice of two that are listed":        {"ISC OR MIT", "MIT, ISC", true, false},
		"both are needed":                        {"GPL-3.0-only AND MIT", "MIT", false, false},
		"both are listed":                        {"ISC AND MIT", "MIT, ISC", true, false},
		"a choice within":                        {"(GPL-3.0-only OR ISC) AND MIT", "MIT, ISC", true, false},
		"an exception to what is listed":         {"GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0", true, false},
		"an exception that is listed":            {"GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only with classpath-exception-2.0", true, false},
		"without the exception that is listed":   {"GPL-2.0-only", "GPL-2.0-only WITH Classpath-exception-2.0", false, true},
		"another exception than is listed":       {"GPL-2.0-only WITH GCC-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0", false, true},
		"this version or a later one":            {"GPL-2.0+", "GPL-2.0-only", true, false},
		"only this version":                      {"GPL-2.0-only", "GPL-2.0-or-later", false, true},
		"this version or a later one, of others": {"Apache-1.1+", "Apache-1.1", true, false},
		"only this version, of others":           {"Apache-1.1", "Apache-1.1+", false, true},
		"a family":                               {"AGPL-3.0-or-later", "AGPL-*", true, false},
		"not of the family":                      {"LGPL-3.0-only", "GPL-*", false, true},
		"an old name of the family":              {"GPL-2.0-with-classpath-exception", "gpl-2*", true, false},
		"a reference":                            {"LicenseRef-Acme", "licenseref-acme", true, false},
		"a reference within another document":    {"DocumentRef-d:LicenseRef-Acme", "LicenseRef-Acme", false, true},
		"nothing is listed":                      {"MIT", "", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			var entries []string
			if test.list != "" {
				entries = strings.Split(test.list, ",")
			}
			set, err := licence.NewSet(entries)
			if err != nil {
				t.Fatal(err)
			}
			e, err := licence.Parse(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := e.Allows(set.Has); got != test.allowed {
				t.Errorf("allowed: %v", got)
			}
			if got := e.Allows(func(l licence.Licence) bool { return !set.Has(l) }); got != test.left {
				t.Errorf("not denied: %v", got)
			}
		})
	}
}

func TestTheZeroValuesAllowNothing(t *testing.T) {
	var e licence.Expr
	var s licence.Set
	if e.Allows(func(licence.Licence) bool { return true }) || s.Has(licence.Licence{ID: "MIT"}) {
		t.Error("a zero value allows")
	}
}

func TestAListOfLicencesIsStrict(t *testing.T) {
	for entry, want := range map[string]string{"Appache-2.0": "not in the SPDX", "MIT OR ISC": "one licence", "*": "a star", "GPL-*-only": "not in the SPDX", "G*L*": "a star", "": "no licence"} {
		if _, err := licence.NewSet([]string{"MIT", entry}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", entry, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"MIT", "GPL-3.0+ OR (Apache-2.0 AND ISC)", "GPL-2.0-with-classpath-exception", "DocumentRef-a:LicenseRef-b WITH AdditionRef-c", "((", "apache-1.1+ and mit"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := licence.Parse(text)
		if err != nil {
			return
		}
		again, err := licence.Parse(e.String())
		if err != nil || again.String() != e.String() {
			t.Fatalf("%q is written %q, and that %q (%v)", text, e, again, err)
		}
		if len(e.Licences()) == 0 || !e.Allows(func(licence.Licence) bool { return true }) || e.Allows(func(licence.Licence) bool { return false }) {
			t.Errorf("%q: allows nothing, or all", text)
		}
		for _, l := range e.Licences() {
			set, err := licence.NewSet([]string{l.String()})
			if err != nil || !set.Has(l) {
				t.Errorf("%q: a list of %s does not have it (%v)", text, l, err)
			}
			// Allowing one more licence never takes the answer back.
			one := e.Allows(set.Has)
			if more := e.Allows(func(x licence.Licence) bool { return set.Has(x) || x.ID == "MIT" }); one && !more {
				t.Errorf("%q: more is allowed, and it is not", text)
			}
		}
	})
}
