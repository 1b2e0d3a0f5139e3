package admission_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stepseal/stepseal/internal/admission"
	"github.com/stepseal/stepseal/internal/trust"
)

// FuzzText: text of the section comes out of the policy as it went in, and changes nothing beside itself.
func FuzzText(f *testing.F) {
	f.Add("https://ci.example", "https://ci.example/x", "https://b.example")
	f.Add("no", "a: b", "\"] || true")
	f.Add("'", "\\", "\"\\\"")
	f.Add("\u2028", "\n- x", "# x")
	f.Add("{{ request.object }}", "$(x)", "~")
	files := material(f)
	render := func(t testing.TB, kind admission.Kind, issuer, subject, builder string) (string, error) {
		s := publicSigstore(t)
		s.Signers[0].Issuer, s.Signers[0].Subject = trust.Exactly(issuer), trust.Exactly(subject)
		s.Evidence = append(s.Evidence, trust.Demand{Kind: trust.Provenance, Threshold: 1, Builders: []string{builder}})
		o := options()
		o.Format = "legacy"
		policy, err := admission.Render(kind, s, files, o)
		if err != nil {
			return "", err
		}
		return shape(documents(t, policy), issuer, subject, builder), nil
	}
	want := map[admission.Kind]string{}
	for _, kind := range admission.Kinds {
		var err error
		if want[kind], err = render(f, kind, "https://i", "https://s", "https://b/"); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, issuer, subject, builder string) {
		builder = "https://b/" + builder // so that no text of our own is the same
		kind := oneOf(len(issuer) + len(subject) + len(builder))
		if got, err := render(t, kind, issuer, subject, builder); err == nil && got != want[kind] {
			t.Errorf("%s: the policy is another for %q, %q, %q:\n%s\n%s", kind, issuer, subject, builder, got, want[kind])
		}
	})
}

// shape is the policy with the three texts taken out of it again, wherever a whole scalar or a whole string of an
// expression is one.
func shape(documents []map[string]any, issuer, subject, builder string) string {
	var b strings.Builder
	var walk func(v any, path string)
	walk = func(v any, path string) {
		switch v := v.(type) {
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				walk(v[key], path+"."+key)
			}
		case []any:
			for _, item := range v {
				walk(item, path+"[]")
			}
		case string:
			switch {
			case strings.HasSuffix(path, ".issuer") && v == issuer, strings.HasSuffix(path, ".subject") && v == subject, strings.HasSuffix(path, ".value") && v == builder:
				v = "*"
			case strings.HasSuffix(path, ".subjectRegExp") || strings.HasSuffix(path, ".issuerRegExp"):
				path, v = strings.TrimSuffix(path, "RegExp"), "*" // with wildcards in it
			}
			quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(builder) + `"`
			b.WriteString(path + "=" + strings.ReplaceAll(v, quoted, "*") + "\n")
		default:
			text, _ := json.Marshal(v)
			b.WriteString(path + "=" + string(text) + "\n")
		}
	}
	for _, doc := range documents {
		walk(doc, "")
	}
	return b.String()
}

// FuzzRoot: whatever a trusted_root.json holds, it is refused, or the policy is one that can be read.
func FuzzRoot(f *testing.F) {
	section := privateSigstore(f)
	f.Add(read(f, "trusted_root.json"))
	f.Add([]byte(`{"certificateAuthorities": [{"certChain": {"certificates": [{"rawBytes": ""}]}}]}`))
	f.Fuzz(func(t *testing.T, root []byte) {
		m := admission.Material{Sources: map[string][]byte{"corp": root}}
		kind, o := oneOf(len(root)), options()
		o.Format = "both"
		policy, err := admission.Render(kind, section, m, o)
		if err == nil && (len(documents(t, policy)) == 0 || !utf8.Valid(policy.Document)) {
			t.Errorf("%s: no documents", kind)
		}
	})
}

// oneOf is a kind of policy that goes by the input: to render all of them for each takes minutes.
func oneOf(n int) admission.Kind { return admission.Kinds[n%len(admission.Kinds)] }

// FuzzImages: an accepted name fits the images of its repository, and its policy can be read.
func FuzzImages(f *testing.F) {
	for _, seed := range []string{"registry.example.com/team/*", "*", "localhost/x", "*.example.com/a*b", "127.0.0.1:5000/x"} {
		f.Add(seed)
	}
	files := material(f)
	f.Fuzz(func(t *testing.T, images string) {
		for _, kind := range admission.Kinds {
			o := options()
			o.Format, o.Images = "both", []string{images}
			if policy, err := admission.Render(kind, keyOnly(), files, o); err == nil && len(documents(t, policy)) == 0 {
				t.Errorf("%s: no documents", kind)
			}
		}
	})
}
