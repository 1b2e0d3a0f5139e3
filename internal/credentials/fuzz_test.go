package credentials

import (
	"regexp"
	"strings"
	"testing"
)

// What an error may say: words of this package, and a number.
var ownWords = regexp.MustCompile(`^(is not JSON|has the same key twice, or is nested too deep)( \(at byte [0-9]+\))?$|^is larger than 1048576 bytes$|^is not a JSON object$|^(auths|credHelpers|credsStore) is not (an object|an object of text|text)$`)

func FuzzParse(f *testing.F) {
	for _, doc := range []string{auths("quay.io", "https://index.docker.io/v1/", "quay.io/org/"), `{"auths":{"u:p@quay.io":{"auth":"!"}},"credsStore":"x"}`,
		`{"credHelpers":{"quay.io":"a","quay.io/org":""}}`, `{"quay.io":{"username":"a"}}`, "{\"auths\":{\"quay.io\x00\":null}}", `[[[[`} {
		f.Add([]byte(doc), false)
		f.Add([]byte(doc), true)
	}
	target := place{"quay.io", "org/app"}
	f.Fuzz(func(t *testing.T, doc []byte, flat bool) {
		c, err := parse(doc, flat)
		if err != nil {
			if !ownWords.MatchString(err.Error()) {
				t.Errorf("says %q", err)
			}
			return
		}
		over, elsewhere := c.at(target)
		for _, e := range over {
			if at := e.place.String(); at != "quay.io" && at != "quay.io/org" && at != "quay.io/org/app" {
				t.Errorf("%q counts for %s", e.written, target)
			}
			if e.kind != Auths {
				continue
			}
			if login, err := e.decode(); err == nil && login != nil && strings.ContainsAny(login.Username+login.Password+login.IdentityToken+login.RegistryToken, "\r\n\x00") {
				t.Errorf("a login that no header can carry: %q", e.login)
			}
		}
		for _, e := range elsewhere {
			if e.place.host != target.host || e.place.over(target) {
				t.Errorf("%q is listed as another path", e.written)
			}
		}
	})
}
