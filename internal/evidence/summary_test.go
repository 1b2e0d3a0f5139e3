package evidence

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	vsa "github.com/in-toto/attestation/go/predicates/vsa/v1"
)

const policyURI = "https://github.com/o/app/blob/main/.stepseal.yaml"

func summary() VerificationSummary {
	return VerificationSummary{Verifier: "https://verify.example.com/", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Resource: ImageURI("registry.example.com/team/app", oneDigest),
		Policy: Evidence{policyURI, otherDigest}, Inputs: []Evidence{{"oci://registry.example.com/team/app@" + otherDigest, otherDigest}, {"", oneDigest}}, Passed: true, Levels: []string{"SLSA_BUILD_LEVEL_1"}}
}

func TestASummaryIsWrittenAsSLSADefinesItAndReadBack(t *testing.T) {
	got, err := summary().Predicate()
	if err != nil {
		t.Fatal(err)
	}
	judged(t, got, &vsa.VerificationSummary{})
	two := strings.Repeat("2", 64)
	want := `{"verifier":{"id":"https://verify.example.com/"},"timeVerified":"2026-01-02T03:04:05Z","resourceUri":"oci://registry.example.com/team/app@` + oneDigest + `",` +
		`"policy":{"uri":"` + policyURI + `","digest":{"sha256":"` + two + `"}},"inputAttestations":[{"uri":"oci://registry.example.com/team/app@` + otherDigest + `","digest":{"sha256":"` + two + `"}},` +
		`{"digest":{"sha256":"` + oneHex + `"}}],"verificationResult":"PASSED","verifiedLevels":["SLSA_BUILD_LEVEL_1"],"slsaVersion":"1.1"}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	back, err := ParseVerificationSummary(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(summary(), back); diff != "" {
		t.Error(diff)
	}
}

func TestASummaryThatFailedSaysSoInBothPlaces(t *testing.T) {
	s := summary()
	s.Passed, s.Levels = false, nil
	got, err := s.Predicate()
	if err != nil || !strings.Contains(string(got), `"verificationResult":"FAILED","verifiedLevels":["FAILED"]`) {
		t.Fatalf("%s, %v", got, err)
	}
	judged(t, got, &vsa.VerificationSummary{})
	back, err := ParseVerificationSummary(got)
	if err != nil || back.Passed {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestASummaryThatLacksWhatSLSADemandsIsNeitherWrittenNorRead(t *testing.T) {
	whole, err := summary().Predicate()
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*VerificationSummary){
		"no verifier":                   func(s *VerificationSummary) { s.Verifier = "" },
		"a verifier that is no URI":     func(s *VerificationSummary) { s.Verifier = "us" },
		"no time":                       func(s *VerificationSummary) { s.Time = time.Time{} },
		"no resource":                   func(s *VerificationSummary) { s.Resource = "" },
		"no policy":                     func(s *VerificationSummary) { s.Policy = Evidence{} },
		"a policy digest that is none":  func(s *VerificationSummary) { s.Policy.Digest = "sha256:22" },
		"an input without a digest":     func(s *VerificationSummary) { s.Inputs[0].Digest = "" },
		"no level":                      func(s *VerificationSummary) { s.Levels = nil },
		"a level that is not SLSA's":    func(s *VerificationSummary) { s.Levels = []string{"SLSA_BUILD_LEVEL_X"} },
		"two levels of a track":         func(s *VerificationSummary) { s.Levels = []string{"SLSA_BUILD_LEVEL_1", "SLSA_BUILD_LEVEL_3"} },
		"passed, and a failed level":    func(s *VerificationSummary) { s.Levels = append(s.Levels, "FAILED") },
		"failed, and a level all same":  func(s *VerificationSummary) { s.Passed = false },
		"more inputs than anybody has":  func(s *VerificationSummary) { s.Inputs = slices.Repeat(s.Inputs, maxSummaryInputs) },
		"more levels than anybody has":  func(s *VerificationSummary) { s.Levels = slices.Repeat([]string{"OURS"}, maxSummaryLevels+1) },
		"a level without a name of any": func(s *VerificationSummary) { s.Levels = []string{""} },
	} {
		s := summary()
		change(&s)
		if got, err := s.Predicate(); err == nil {
			t.Errorf("%s is written: %s", name, got)
		}
	}
	for name, replace := range map[string][2]string{
		"another case":              {`"verifier"`, `"Verifier"`},
		"a key twice":               {`"resourceUri"`, `"resourceUri":"oci://evil","resourceUri"`},
		"a key twice in two cases":  {`"resourceUri"`, `"ResourceURI":"oci://evil","resourceUri"`},
		"a result that is none":     {`PASSED`, `passed`},
		"no result":                 {`"verificationResult":"PASSED",`, ``},
		"a time that is none":       {`2026-01-02T03:04:05Z`, `today`},
		"no levels":                 {`"verifiedLevels":["SLSA_BUILD_LEVEL_1"],`, ``},
		"levels that are no list":   {`["SLSA_BUILD_LEVEL_1"]`, `"SLSA_BUILD_LEVEL_1"`},
		"a level that is no text":   {`["SLSA_BUILD_LEVEL_1"]`, `[3]`},
		"inputs that are no list":   {`"inputAttestations":[`, `"inputAttestations":{},"x":[`},
		"a digest in upper case":    {strings.Repeat("2", 64), strings.Repeat("A", 64)},
		"a digest that is cut":      {strings.Repeat("2", 64), "22"},
		"another document after it": {`"slsaVersion":"1.1"}`, `"slsaVersion":"1.1"}{}`},
	} {
		doc := strings.Replace(string(whole), replace[0], replace[1], 1)
		if got, err := ParseVerificationSummary([]byte(doc)); err == nil || doc == string(whole) {
			t.Errorf("%s is read: %+v", name, got)
		}
	}
	more := strings.Replace(string(whole), `{"verifier"`, `{"https://example.com/more":[1],"verifier"`, 1)
	if _, err := ParseVerificationSummary([]byte(more)); err != nil {
		t.Errorf("a field that is not known must be passed over: %v", err)
	}
}

func TestASummaryCountsOnlyForWhatItIsAbout(t *testing.T) {
	expected := Expected{Resource: summary().Resource, Verifiers: []string{"https://other.example.com/", summary().Verifier}, Policies: []string{otherDigest}, BuildLevel: 1}
	if unmet := expected.Unmet(summary()); unmet != "" {
		t.Error(unmet)
	}
	for want, change := range map[string]func(*VerificationSummary, *Expected){
		"it is about": func(s *VerificationSummary, _ *Expected) {
			s.Resource = ImageURI("registry.example.com/team/app", otherDigest)
		},
		"not \"\"":     func(s *VerificationSummary, e *Expected) { s.Resource, e.Resource = "", "" },
		"the verifier": func(s *VerificationSummary, _ *Expected) { s.Verifier += "x" },
		"none that is": func(_ *VerificationSummary, e *Expected) { e.Verifiers = nil },
		"FAILED":       func(s *VerificationSummary, _ *Expected) { s.Passed, s.Levels = false, []string{"FAILED"} },
		"its policy":   func(s *VerificationSummary, _ *Expected) { s.Policy.Digest = oneDigest },
		"digest \"\"":  func(s *VerificationSummary, _ *Expected) { s.Policy.Digest = "" },
		"level 1, and": func(_ *VerificationSummary, e *Expected) { e.BuildLevel = 2 },
		"level 0, and": func(s *VerificationSummary, _ *Expected) {
			s.Levels = []string{"SLSA_SOURCE_LEVEL_3", "OURS_BUILD_LEVEL_3"}
		},
	} {
		s, e := summary(), expected
		change(&s, &e)
		if unmet := e.Unmet(s); !strings.Contains(unmet, want) {
			t.Errorf("%q does not say %q", unmet, want)
		}
	}
}

func FuzzParseVerificationSummary(f *testing.F) {
	seed, _ := summary().Predicate() // has everything
	f.Add(seed)
	f.Add([]byte(`{"verifier":{"id":"a:b"},"timeVerified":"2026-01-02T03:04:05Z","resourceUri":"a:b","policy":{"uri":"a:b"},"verificationResult":"FAILED","verifiedLevels":["FAILED","x"]}`))
	f.Fuzz(func(t *testing.T, predicate []byte) {
		s, err := ParseVerificationSummary(predicate)
		if err != nil {
			return
		}
		again, err := s.Predicate()
		if err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
		if back, err := ParseVerificationSummary(again); err != nil || back.Passed != s.Passed || back.Verifier != s.Verifier || back.BuildLevel() != s.BuildLevel() {
			t.Fatalf("%+v came back as %+v (%v)", s, back, err)
		}
	})
}
