package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	oneDigest   = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	otherDigest = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
	oneHex      = "1111111111111111111111111111111111111111111111111111111111111111"
)

// What encoding/json would change: HTML characters, line separators, large integers, the order of keys, white space.
const delicate = "{\"z\":\"<a href=\\\"x\\\">&\u2028\u2029\",\"n\":12345678901234567890, \"a\":1.0}"

func TestStatementIsWrittenByteByByte(t *testing.T) {
	got, err := NewStatement(SBOMPredicate, []byte(delicate), "registry.example/shop<&>", oneDigest, otherDigest).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"_type":"https://in-toto.io/Statement/v1","subject":[` +
		`{"name":"registry.example/shop<&>","digest":{"sha256":"` + oneHex + `"}},` +
		`{"name":"registry.example/shop<&>","digest":{"sha256":"` + strings.Repeat("2", 64) + `"}}],` +
		`"predicateType":"https://cyclonedx.org/bom","predicate":` + delicate + `}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestPredicateKeepsTheDigestOfTheFile(t *testing.T) {
	payload, err := NewStatement(SBOMPredicate, []byte(delicate), "shop", oneDigest).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := Envelope{Payload: payload, Signature: []byte("sig")}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := ParseEnvelope(raw)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ParseStatement(envelope.Payload)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(delicate))
	if got, want := Digest(s.Predicate), "sha256:"+hex.EncodeToString(sum[:]); got != want {
		t.Errorf("predicate is %s, the file %s:\n%s", got, want, s.Predicate)
	}
}

func TestNamesLooksAtTheFirstSubjectOnly(t *testing.T) {
	s := NewStatement(SBOMPredicate, []byte("{}"), "shop", oneDigest, otherDigest)
	for digest, want := range map[string]bool{oneDigest: true, otherDigest: false, "": false, "sha256:": false} {
		if got := s.Names(digest); got != want {
			t.Errorf("Names(%q) = %v", digest, got)
		}
	}
	if (Statement{Subject: []Subject{{Digest: map[string]string{"sha512": "11"}}}}).Names("sha256:") {
		t.Error("a subject without a SHA-256 names the empty digest")
	}
}

func TestStatementsThatCouldBeReadTwoWays(t *testing.T) {
	subject := `"subject":[{"name":"a","digest":{"sha256":"` + oneHex + `"}}]`
	head := `{"_type":"https://in-toto.io/Statement/v1",` + subject + `,"predicateType":"t"`
	for name, payload := range map[string]string{
		"predicate type twice":       head + `,"predicateType":"u","predicate":{}}`,
		"subject in another case":    head + `,"Subject":[],"predicate":{}}`,
		"digest in another case":     `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"1"},"Digest":{"sha256":"2"}}],"predicateType":"t","predicate":{}}`,
		"key twice in the predicate": head + `,"predicate":{"verdict":"refused","verdict":"accepted"}}`,
		"unknown key":                head + `,"predicate":{},"extra":1}`,
		"something behind it":        head + `,"predicate":{}} {}`,
		"byte order mark":            "\ufeff" + head + `,"predicate":{}}`,
		"not UTF-8":                  head + `,"predicate":{"a":"` + "\xff" + `"}}`,
		"NaN":                        head + `,"predicate":{"a":NaN}}`,
		"depth":                      head + `,"predicate":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`,
		"another type":               strings.Replace(head, "Statement/v1", "Statement/v9", 1) + `,"predicate":{}}`,
		"no subject":                 `{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"t","predicate":{}}`,
		"two thousand subjects":      `{"_type":"https://in-toto.io/Statement/v1","subject":[` + strings.Repeat(`{"digest":{}},`, 1999) + `{"digest":{}}],"predicateType":"t"}`,
		"no predicate type":          `{"_type":"https://in-toto.io/Statement/v1",` + subject + `,"predicate":{}}`,
		"nothing":                    ``,
		"null":                       `null`,
	} {
		if s, err := ParseStatement([]byte(payload)); err == nil {
			t.Errorf("%s: taken as %v", name, s)
		}
	}
}

func TestStatementsOfOthers(t *testing.T) {
	for name, payload := range map[string]string{
		"cosign v2, version 0.1":           `{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"t","subject":[{"name":"a","digest":{"sha256":"` + oneHex + `"}}],"predicate":{"a":1}}`,
		"cosign v2, no predicate":          `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"` + oneHex + `"}}],"predicateType":"t"}`,
		"a resource descriptor with a lot": `{"_type":"https://in-toto.io/Statement/v1","subject":[{"uri":"u","annotations":{"a":{}},"digest":{"sha256":"` + oneHex + `"}}],"predicateType":"t"}`,
	} {
		s, err := ParseStatement([]byte(payload))
		if err != nil || !s.Names(oneDigest) {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
}

func TestEnvelopesThatCouldBeReadTwoWays(t *testing.T) {
	const (
		kind       = `"payloadType":"application/vnd.in-toto+json"`
		payload    = `"payload":"e30="`
		signatures = `"signatures":[{"keyid":"","sig":"AA=="}]`
	)
	if _, err := ParseEnvelope([]byte(`{` + kind + `,` + payload + `,` + signatures + `}`)); err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string]string{
		"payload twice":           `{` + kind + `,` + payload + `,"payload":"e31=",` + signatures + `}`,
		"payload in another case": `{` + kind + `,` + payload + `,"Payload":"e31=",` + signatures + `}`,
		"only in another case":    `{` + kind + `,"PAYLOAD":"e30=",` + signatures + `}`,
		"unknown key":             `{` + kind + `,` + payload + `,` + signatures + `,"x":1}`,
		"two signatures":          `{` + kind + `,` + payload + `,"signatures":[{"sig":"AA=="},{"sig":"AA=="}]}`,
		"no signature":            `{` + kind + `,` + payload + `,"signatures":[]}`,
		"another payload type":    `{"payloadType":"text/plain",` + payload + `,` + signatures + `}`,
		"loose base64":            `{` + kind + `,"payload":"e31\n=",` + signatures + `}`,
		"base64 with spare bits":  `{` + kind + `,"payload":"e31=",` + strings.Replace(signatures, "AA==", "AB==", 1) + `}`,
		"something behind it":     `{` + kind + `,` + payload + `,` + signatures + `}{}`,
	} {
		if e, err := ParseEnvelope([]byte(raw)); err == nil {
			t.Errorf("%s: taken as %v", name, e)
		}
	}
}
