package vex_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/anchore/packageurl-go"

	"github.com/stepseal/stepseal/internal/vex"
)

func FuzzRead(f *testing.F) {
	names, err := filepath.Glob("testdata/*.json")
	if err != nil || len(names) == 0 {
		f.Fatal("no documents", err)
	}
	for _, name := range names {
		doc, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(doc)
	}
	f.Add([]byte(`{"@context":"https://openvex.dev/ns/v0.2.0","@id":"a","author":"b","statements":[{"vulnerability":{"name":"C"},"timestamp":"2026-01-01T00:00:00Z","status":"fixed","products":[{"@id":"pkg:npm/a"}]}]}`))
	f.Add([]byte(`{"bomFormat":"CycloneDX","specVersion":"1.5","vulnerabilities":[{"id":"C","analysis":{"state":"not_affected"},"affects":[{"ref":"pkg:npm/a"}]}]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		d, err := vex.Read("x", doc)
		if err != nil {
			if len(d.Statements) > 0 {
				t.Error("statements beside an error")
			}
			return
		}
		for _, s := range d.Statements {
			checkStatement(t, s)
		}
		rewritten(t, d)
	})
}

// checkStatement holds what the gate counts on.
func checkStatement(t *testing.T, s vex.Statement) {
	if len(s.IDs) == 0 || len(s.Products) == 0 {
		t.Errorf("a statement of nothing: %+v", s)
	}
	for _, id := range s.IDs {
		if id == "" || strings.ContainsFunc(id, unicode.IsControl) {
			t.Errorf("vulnerability %q", id)
		}
	}
	for _, p := range s.Products {
		if p.PURL == "" && p.Digest == "" && p.BOM == "" {
			t.Errorf("a product without a name: %+v", p)
		}
		for _, purl := range append([]string{p.PURL}, p.Subcomponents...) {
			if purl != "" && !vex.MatchPURL(purl, purl) || strings.ContainsFunc(purl, unicode.IsControl) {
				t.Errorf("purl %q", purl)
			}
		}
		if p.Covers(vex.Image{}, "pkg:generic/of-which-nobody-has-heard@0") && p.PURL == "" {
			t.Errorf("%+v covers an image that nothing is known of", p)
		}
	}
}

// rewritten writes an OpenVEX document again, twice.
func rewritten(t *testing.T, d vex.Document) {
	if d.Format != vex.OpenVEX || d.Issued.IsZero() || len(d.Statements) == 0 {
		return
	}
	for i := range d.Statements {
		s := &d.Statements[i]
		if s.Status == vex.Affected && s.Action == "" {
			s.Action = "update"
		}
	}
	first, err := vex.Write(d)
	if err != nil {
		return
	}
	again, err := vex.Read("x", first)
	if err != nil {
		t.Fatalf("cannot be read again: %v\n%s", err, first)
	}
	second, err := vex.Write(again)
	if err != nil {
		t.Fatal(err)
	}
	third, err := vex.Read("x", second)
	if err != nil || len(again.Statements) != len(third.Statements) || len(d.Statements) != len(again.Statements) {
		t.Fatalf("other statements: %v\n%s\n%s", err, first, second)
	}
	if !bytes.Contains(second, []byte(`"statements"`)) {
		t.Error("no statements")
	}
}

func FuzzMatchPURL(f *testing.F) {
	f.Add("pkg:npm/lodash", "pkg:npm/lodash@4.17.20")
	f.Add("pkg:rpm/x/a@1?epoch=1&arch=x86_64", "pkg:rpm/x/a@1?arch=x86_64&epoch=1&distro=el9")
	f.Add("pkg:oci/api@sha256:aa?repository_url=ghcr.io/acme/api", "pkg:docker/library/nginx@1.25#a/b")
	f.Add("pkg:pypi/A_b@1%2B2", "pkg:golang/example.com/a@v1#sub")
	f.Fuzz(func(t *testing.T, pattern, purl string) {
		if !vex.MatchPURL(pattern, purl) {
			return
		}
		if !vex.MatchPURL(pattern, pattern) || !vex.MatchPURL(purl, purl) {
			t.Errorf("%q matches %q, and one of them not itself", pattern, purl)
		}
		// What a pattern leaves out widens it, so two that match each other leave out the same: they are one purl.
		for _, other := range []string{pattern, purl + "x"} {
			if vex.MatchPURL(other, purl) && vex.MatchPURL(purl, other) && canonical(t, other) != canonical(t, purl) {
				t.Errorf("%q and %q match each other", other, purl)
			}
		}
	})
}

// canonical is how the package URL is written when what says nothing is left out, such as a qualifier without a value.
func canonical(t *testing.T, purl string) string {
	t.Helper()
	p, err := packageurl.FromString(purl)
	if err != nil {
		t.Fatalf("%q matches and cannot be read: %v", purl, err)
	}
	return p.ToString()
}
