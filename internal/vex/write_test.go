package vex_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/vex"
)

func waived() vex.Document {
	return vex.Document{ID: "https://acme.example/vex/1", Author: "Acme <psirt@acme.example>", Issued: at("2026-05-01T02:00:00+02:00"), Statements: []vex.Statement{
		{IDs: []string{"CVE-2026-2", "GHSA-z", "GHSA-a"}, Status: vex.Affected, Action: "accepted by anna until 2026-06-01: no fix yet", Time: at("2026-04-01T00:00:00Z"),
			Products: []vex.Product{{PURL: "pkg:oci/api@" + digest("a") + "?repository_url=ghcr.io/acme/api", Digest: digest("a"), Subcomponents: []string{"pkg:npm/b@1", "pkg:npm/%40acme/a@1"}}, {Digest: digest("b")}}},
		{IDs: []string{"CVE-2026-1"}, Status: vex.NotAffected, Justification: "component_not_present", Impact: "a < b", Products: []vex.Product{{PURL: "pkg:deb/debian/curl@1?distro=debian-12"}}},
	}}
}

func TestWriteGivesTheBytesOfOpenVEX(t *testing.T) {
	got, err := vex.Write(waived())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://acme.example/vex/1","author":"Acme <psirt@acme.example>","timestamp":"2026-05-01T00:00:00Z","version":1,"statements":[` +
		`{"vulnerability":{"name":"CVE-2026-1"},"products":[{"@id":"pkg:deb/debian/curl@1?distro=debian-12","identifiers":{"purl":"pkg:deb/debian/curl@1?distro=debian-12"}}],"status":"not_affected","justification":"component_not_present","impact_statement":"a < b"},` +
		`{"vulnerability":{"name":"CVE-2026-2","aliases":["GHSA-a","GHSA-z"]},"timestamp":"2026-04-01T00:00:00Z","products":[` +
		`{"@id":"pkg:oci/api@` + digest("a") + `?repository_url=ghcr.io/acme/api","identifiers":{"purl":"pkg:oci/api@` + digest("a") + `?repository_url=ghcr.io/acme/api"},"subcomponents":[` +
		`{"@id":"pkg:npm/%40acme/a@1","identifiers":{"purl":"pkg:npm/%40acme/a@1"}},{"@id":"pkg:npm/b@1","identifiers":{"purl":"pkg:npm/b@1"}}]},` +
		`{"@id":"sha256:` + strings.Repeat("b", 64) + `","hashes":{"sha-256":"` + strings.Repeat("b", 64) + `"}}],"status":"affected","action_statement":"accepted by anna until 2026-06-01: no fix yet"}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestTheOrderOfWhatIsWrittenDoesNotCount(t *testing.T) {
	first, err := vex.Write(waived())
	if err != nil {
		t.Fatal(err)
	}
	other := waived()
	slices.Reverse(other.Statements)
	s := &other.Statements[1]
	s.IDs[1], s.IDs[2] = s.IDs[2], s.IDs[1]
	slices.Reverse(s.Products)
	slices.Reverse(s.Products[1].Subcomponents)
	second, err := vex.Write(other)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(first), string(second)); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	doc, err := vex.Write(waived())
	if err != nil {
		t.Fatal(err)
	}
	got, err := vex.Read("x", doc)
	if err != nil {
		t.Fatal(err)
	}
	want := waived()
	want.Format, want.Digest, want.Issued = vex.OpenVEX, got.Digest, want.Issued.UTC()
	slices.Reverse(want.Statements)
	want.Statements[0].Time = want.Issued
	slices.Sort(want.Statements[1].IDs[1:])
	slices.Sort(want.Statements[1].Products[0].Subcomponents)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatOpenVEXDoesNotAllowIsNotWritten(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*vex.Document)
		want   string
	}{
		"no id":                       {func(d *vex.Document) { d.ID = "" }, "no id of the document"},
		"no author":                   {func(d *vex.Document) { d.Author = " " }, "no author"},
		"no time":                     {func(d *vex.Document) { d.Issued = time.Time{} }, "without a time"},
		"no statement":                {func(d *vex.Document) { d.Statements = nil }, "without statements"},
		"no vulnerability":            {func(d *vex.Document) { d.Statements[0].IDs = nil }, "no name of the vulnerability"},
		"no product":                  {func(d *vex.Document) { d.Statements[0].Products = nil }, "no products"},
		"no action":                   {func(d *vex.Document) { d.Statements[0].Action = "" }, "affected without an action"},
		"no reason":                   {func(d *vex.Document) { d.Statements[1].Justification, d.Statements[1].Impact = "", "" }, "not_affected without"},
		"a reason of another format":  {func(d *vex.Document) { d.Statements[1].Justification = "code_not_present" }, "is none of"},
		"a reason beside affected":    {func(d *vex.Document) { d.Statements[0].Justification = "component_not_present" }, "with a justification"},
		"a product of a document":     {func(d *vex.Document) { d.Statements[0].Products[0].BOM = otherBOM }, "no words for"},
		"a product without a name":    {func(d *vex.Document) { d.Statements[0].Products[1].Digest = "" }, "no words for"},
		"a digest that is none":       {func(d *vex.Document) { d.Statements[0].Products[1].Digest = "sha256:ff" }, "no digest"},
		"a digest beside another":     {func(d *vex.Document) { d.Statements[0].Products[0].Digest = digest("e") }, "not that of"},
		"a part that is no purl":      {func(d *vex.Document) { d.Statements[0].Products[0].Subcomponents[0] = "curl" }, "no purl"},
		"a status from another world": {func(d *vex.Document) { d.Statements[0].Status = 9 }, "none of affected"},
	} {
		t.Run(name, func(t *testing.T) {
			d := waived()
			test.change(&d)
			if _, err := vex.Write(d); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
