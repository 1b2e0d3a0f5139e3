package evidence

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	reference "github.com/in-toto/attestation/go/predicates/reference/v0"
)

func referred() Reference {
	return Reference{Digest: oneDigest, MediaType: CycloneDXMediaType, Location: "https://registry.example.com/v2/team/app/blobs/" + oneDigest, Artefact: ImageURI("registry.example.com/team/app", otherDigest)}
}

func TestAReferenceIsWrittenAsInTotoDefinesItAndReadBack(t *testing.T) {
	got, err := referred().Predicate()
	if err != nil {
		t.Fatal(err)
	}
	var known reference.Reference
	judged(t, got, &known)
	if known.Attester.Id == "" || known.References[0].DownloadLocation == "" || known.References[0].MediaType == "" || known.References[0].Validate() != nil {
		t.Errorf("what the specification demands is missing: %s", got)
	}
	back, err := ParseReferences(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Reference{referred()}, back); diff != "" {
		t.Error(diff)
	}
}

func TestAReferenceWithoutADigestIsNone(t *testing.T) {
	for name, change := range map[string]func(*Reference){
		"no digest":     func(r *Reference) { r.Digest = "" },
		"a digest cut":  func(r *Reference) { r.Digest = oneDigest[:20] },
		"no media type": func(r *Reference) { r.MediaType = "" },
		"no location":   func(r *Reference) { r.Location = "" },
	} {
		r := referred()
		change(&r)
		if got, err := r.Predicate(); err == nil {
			t.Errorf("%s is written: %s", name, got)
		}
	}
	whole, err := referred().Predicate()
	if err != nil {
		t.Fatal(err)
	}
	for name, replace := range map[string][2]string{
		"another algorithm":    {`"sha256"`, `"sha512"`},
		"a digest twice":       {`"digest":`, `"Digest":{"sha256":"` + strings.Repeat("2", 64) + `"},"digest":`},
		"no attester":          {`"attester"`, `"by"`},
		"no references":        {`"references":[{`, `"references":[],"x":[{`},
		"a list of other kind": {`"references":[{`, `"references":{},"x":[{`},
		"no media type":        {`"mediaType"`, `"MediaType"`},
	} {
		doc := strings.Replace(string(whole), replace[0], replace[1], 1)
		if got, err := ParseReferences([]byte(doc)); err == nil || doc == string(whole) {
			t.Errorf("%s is read: %+v", name, got)
		}
	}
	one := string(whole[strings.Index(string(whole), `[`)+1 : len(whole)-2])
	many := `{"attester":{"id":"a"},"references":[` + strings.Repeat(one+",", maxReferences) + one + `]}`
	if _, err := ParseReferences([]byte(many)); err == nil {
		t.Error("more references than anybody follows are read")
	}
}

func FuzzParseReferences(f *testing.F) {
	seed, _ := referred().Predicate() // has everything
	f.Add(seed)
	f.Fuzz(func(t *testing.T, predicate []byte) {
		list, err := ParseReferences(predicate)
		if err == nil && len(list) == 0 {
			t.Fatal("nothing, and no error")
		}
		for _, r := range list {
			if _, err := r.Predicate(); err != nil {
				t.Fatalf("%+v: %v", r, err)
			}
		}
	})
}

func TestWhoFailsIsToldByTheSize(t *testing.T) {
	names := func(payload int) (list []string) {
		for _, c := range TooLargeFor(payload) {
			name, _, _ := strings.Cut(c.Name, " (")
			list = append(list, name)
		}
		return list
	}
	for payload, want := range map[int][]string{
		1_000:     nil,
		2_200_000: nil,
		2_300_000: {"Rekor v1"},
		7 << 20:   {"Rekor v1"}, // what is inline by default is read by Kyverno
		7_500_000: {"Rekor v1", "Kyverno"},
		16 << 20:  {"Rekor v1", "Kyverno"},
		17 << 20:  {"Rekor v1", "Kyverno", "GitHub's attestations"},
		50 << 20:  {"Rekor v1", "Kyverno", "GitHub's attestations", "stepseal verify"},
	} {
		if diff := cmp.Diff(want, names(payload)); diff != "" {
			t.Errorf("%d bytes: %s", payload, diff)
		}
	}
	if all := TooLargeFor(50 << 20); !all[0].Log || all[1].Log {
		t.Error("who is a log is mistaken")
	}
}
