package signing

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	cosign "github.com/sigstore/cosign/v2/pkg/types"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/trust"
)

// The digest is what is signed. The repository beside it is a name: the same image under another name is the same image.
func TestAttack04SameImageElsewhere(t *testing.T) {
	b := newBench(t, registrytest.Options{})
	mine := b.subject
	b.subject = b.push("elsewhere", "1")
	if b.subject.DigestStr() != mine.DigestStr() {
		t.Fatal("it is another image")
	}
	b.attest(Both, b.everything()...)
	elsewhere := b.subject
	bundles, err := newStore(b.registry, elsewhere).bundles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.subject = mine
	b.refuses(all, outcome.SignatureMissing)
	for _, d := range bundles.documents {
		b.attach(d.content, d.claim)
	}
	b.refuses(all, "")
}

// What a keyless signature is about is decided as for one by a key.
func TestAttack04CopiedKeylessSignature(t *testing.T) {
	b := newForgeBench(t)
	good := b.forge(forgery{}, b.signature())
	t.Run("beside another image", func(t *testing.T) {
		victim := b.on(t)
		victim.attach(good, evidence.SignaturePredicate)
		if text := victim.ends(outcome.SignatureUntrusted, require(trust.Signature), releaser(b.sigstore)); !strings.Contains(text, "is about \""+b.subject.DigestStr()) {
			t.Error(text)
		}
	})
}

func TestAttack06Subjects(t *testing.T) {
	const form = `{"_type":"https://in-toto.io/Statement/v1","subject":%s,"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{}}`
	const other = `{"digest":{"sha256":"2222222222222222222222222222222222222222222222222222222222222222"}}`
	for name, c := range map[string]struct {
		subject string // $HEX is the image's digest
		want    outcome.Reason
		says    string
	}{
		"this image":                      {`[{"digest":{"sha256":"$HEX"}}]`, "", ""},
		"another image":                   {`[` + other + `]`, outcome.SignatureUntrusted, `is about "sha256:2222`},
		"another image first":             {`[` + other + `,{"digest":{"sha256":"$HEX"}}]`, outcome.SignatureUntrusted, `is about "sha256:2222`},
		"this image first":                {`[{"digest":{"sha256":"$HEX"}},` + other + `]`, "", ""},
		"nobody":                          {`[]`, outcome.SignatureUntrusted, "0 subjects"},
		"null":                            {`null`, outcome.SignatureUntrusted, "0 subjects"},
		"2000 of them, this one first":    {`[{"digest":{"sha256":"$HEX"}}` + strings.Repeat(","+other, 1999) + `]`, outcome.SignatureUntrusted, ""},
		"an empty one first":              {`[{"digest":{}},{"digest":{"sha256":"$HEX"}}]`, outcome.SignatureUntrusted, ""},
		"by another algorithm":            {`[{"digest":{"sha512":"$HEX$HEX"}}]`, outcome.SignatureUntrusted, ""},
		"in capitals":                     {`[{"digest":{"sha256":"$UPPER"}}]`, outcome.SignatureUntrusted, ""},
		"with the algorithm in front":     {`[{"digest":{"sha256":"sha256:$HEX"}}]`, outcome.SignatureUntrusted, ""},
		"this image and another at once":  {`[{"digest":{"sha256":"$HEX","sha256":"22"}}]`, outcome.SignatureUntrusted, "twice"},
		"and another in another case":     {`[{"digest":{"sha256":"$HEX","SHA256":"22"}}]`, outcome.SignatureUntrusted, ""},
		"and two digests in another case": {`[{"digest":{"sha256":"$HEX"},"Digest":{"sha256":"22"}}]`, outcome.SignatureUntrusted, ""},
		"by name alone":                   {`[{"name":"registry.example.com/shop@sha256:$HEX"}]`, outcome.SignatureUntrusted, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, registrytest.Options{})
			hex := strings.TrimPrefix(b.subject.DigestStr(), "sha256:")
			subject := strings.NewReplacer("$HEX", hex, "$UPPER", strings.ToUpper(hex)).Replace(c.subject)
			b.attach(bundleOf(t, b.key, fmt.Appendf(nil, form, subject)), evidence.SignaturePredicate)
			v := b.refuses(require(trust.Signature), c.want)
			text := strings.Join(v.Requirements[0].Evidence, "\n")
			t.Log(text)
			if !strings.Contains(text, c.says) {
				t.Errorf("the evidence does not say %q:\n%s", c.says, text)
			}
		})
	}
}

// Whatever the release workflow signs, only a signature is a signature.
func TestAttack08KeylessAttestationIsNoSignature(t *testing.T) {
	b := newForgeBench(t)
	t.Run("three attestations", func(t *testing.T) {
		b := b.on(t)
		b.plant(forgery{}, b.sbom(b.subject.DigestStr()), b.scan("accepted", noon.Add(-time.Hour)), b.about("https://slsa.dev/provenance/v1", "{}"))
		if text := b.ends(outcome.SignatureMissing, require(trust.Signature), releaser(b.sigstore)); !strings.Contains(text, "an attestation is not a signature") {
			t.Error(text)
		}
		b.mustWrite(b.release(logged...), Bundle)
		b.ends("", all, releaser(b.sigstore))
	})
}

func TestAttack09FailedScan(t *testing.T) {
	b := newForgeBench(t)
	stranger := forgery{claims: jobOf(map[string]any{"job_workflow_ref": "mallory/api/" + workflow + "@" + mainBranch})}
	for name, c := range map[string]struct {
		plant    func(*keylessBench)
		required Requirements
		want     outcome.Reason
	}{
		"a refused scan is no signature": {func(b *keylessBench) { b.plant(forgery{}, b.scan("refused", noon)) }, require(trust.Signature), outcome.SignatureMissing},
		"a refused scan is no pass":      {func(b *keylessBench) { b.plant(forgery{}, b.scan("refused", noon)) }, require(trust.Scan), outcome.ScanRefused},
		"a stranger's pass beside it": {func(b *keylessBench) {
			b.plant(forgery{}, b.scan("refused", noon.Add(-time.Hour)))
			b.plant(stranger, b.scan("accepted", noon))
		}, require(trust.Scan), outcome.ScanRefused},
		"a stranger's pass alone": {func(b *keylessBench) { b.plant(stranger, b.scan("accepted", noon)) }, require(trust.Scan), outcome.AttestationUntrusted},
		"a stranger's refusal beside a pass": {func(b *keylessBench) {
			b.plant(forgery{}, b.scan("accepted", noon.Add(-time.Hour)))
			b.plant(stranger, b.scan("refused", noon))
		}, require(trust.Scan), ""},
		"a pass of another image": {func(b *keylessBench) {
			b.plant(forgery{}, b.scanOf("sha256:2222222222222222222222222222222222222222222222222222222222222222", "accepted", noon))
		}, require(trust.Scan), outcome.ScanOtherImage},
		"a pass by a policy nobody accepted": {func(b *keylessBench) { b.plant(forgery{}, b.scan("accepted", noon)) },
			Requirements{Demands: []trust.Demand{{Kind: trust.Scan, Threshold: 1, Policies: []string{"sha256:cd"}}}}, outcome.PolicyNotAccepted},
		"a pass by the accepted policy": {func(b *keylessBench) { b.plant(forgery{}, b.scan("accepted", noon)) },
			Requirements{Demands: []trust.Demand{{Kind: trust.Scan, Threshold: 1, Policies: []string{"sha256:cd", "sha256:ab"}}}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := b.on(t)
			c.plant(b)
			b.ends(c.want, c.required, releaser(b.sigstore))
		})
	}
}

// Annotations are for whoever lists; nothing signs them, and nothing is decided by them.
func TestAttack10AnnotationsAreNotSigned(t *testing.T) {
	for name, c := range map[string]struct {
		annotation string
		statement  func(*bench) evidence.Statement
		required   Requirements
		want       outcome.Reason
	}{
		"a scan that is called a signature":  {evidence.SignaturePredicate, func(b *bench) evidence.Statement { return b.scan("accepted", noon) }, require(trust.Signature), outcome.SignatureMissing},
		"a signature that is called a scan":  {evidence.ScanPredicate, (*bench).signature, require(trust.Scan), outcome.AttestationMissing},
		"a signature that is called nothing": {"", (*bench).signature, require(trust.Signature), ""},
		"a scan that is called an SBOM":      {evidence.SBOMPredicate, func(b *bench) evidence.Statement { return b.scan("accepted", noon) }, require(trust.Scan), ""},
		"a scan that is called an SBOM is none": {evidence.SBOMPredicate, func(b *bench) evidence.Statement { return b.scan("accepted", noon) }, require(trust.SBOM),
			outcome.AttestationMissing},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, registrytest.Options{})
			b.attach(bundleOf(t, b.key, marshal(t, c.statement(b))), c.annotation)
			b.refuses(c.required, c.want)
			if c.required.wants(trust.Signature) {
				return
			}
			b.subject = b.push("shop", "layer")
			b.tag(".att", cosign.DssePayloadType, map[string]string{"predicateType": c.annotation}, b.envelope(marshal(t, c.statement(b))))
			b.refuses(c.required, c.want)
		})
	}
}

// envelope is a good envelope around the payload, as cosign's .att tag holds it.
func (b *bench) envelope(payload []byte) []byte {
	b.Helper()
	sig, err := b.key.sign(b.Context(), preAuthEncoding(payload))
	if err != nil {
		b.Fatal(err)
	}
	raw, err := evidence.Envelope{Payload: payload, Signature: sig}.Marshal()
	if err != nil {
		b.Fatal(err)
	}
	return raw
}

// All of these are signed by whoever is trusted: two readers could read them in two ways, and one of them is an attacker's
// friend.
func TestAttack11StatementsWithTwoReadings(t *testing.T) {
	swap := func(old, now string) func([]byte) []byte {
		return func(payload []byte) []byte { return bytes.Replace(payload, []byte(old), []byte(now), 1) }
	}
	wide := func(payload []byte) []byte {
		out := []byte{0xff, 0xfe}
		for _, unit := range utf16.Encode([]rune(string(payload))) {
			out = append(out, byte(unit), byte(unit>>8))
		}
		return out
	}
	for name, change := range map[string]func([]byte) []byte{
		"the type twice":              swap(`"predicateType"`, `"predicateType":"https://sigstore.dev/cosign/sign/v1","predicateType"`),
		"the type in another case":    swap(`"predicateType"`, `"PredicateType":"https://sigstore.dev/cosign/sign/v1","predicateType"`),
		"the subject twice":           swap(`"subject"`, `"subject":[],"subject"`),
		"the subject in another case": swap(`"subject"`, `"Subject":[],"subject"`),
		"the predicate twice":         swap(`"predicate":{`, `"predicate":{},"predicate":{`),
		"the verdict twice":           swap(`"verdict"`, `"verdict":"refused","verdict"`),
		"the result twice":            swap(`"result"`, `"result":{},"result"`),
		"an unknown key":              swap(`"predicateType"`, `"x":1,"predicateType"`),
		"another type of statement":   swap(`https://in-toto.io/Statement/v1`, `https://in-toto.io/Statement/v2`),
		"something behind it":         func(payload []byte) []byte { return append(payload, "{}"...) },
		"a byte order mark":           func(payload []byte) []byte { return append([]byte("\xef\xbb\xbf"), payload...) },
		"UTF-16":                      wide,
		"a number that is none":       swap(`"invocation":{`, `"invocation":{"n":NaN,`),
		"a depth without an end":      swap(`"invocation":{`, `"invocation":{"n":`+strings.Repeat("[", 10000)+strings.Repeat("]", 10000)+`,`),
		"an escaped key":              swap(`"predicateType"`, `"predicate\u0054ype":"https://sigstore.dev/cosign/sign/v1","predicateType"`),
		"bytes that are no text":      swap(`"invocation":{`, "\"invocation\":{\"n\":\"\xff\","),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, registrytest.Options{})
			payload := marshal(t, b.scan("accepted", noon))
			changed := change(bytes.Clone(payload))
			if bytes.Equal(payload, changed) {
				t.Fatal("nothing changed")
			}
			b.attach(bundleOf(t, b.key, changed), evidence.ScanPredicate)
			v := b.refuses(require(trust.Scan), outcome.AttestationUntrusted)
			t.Log(v.Requirements[0].Evidence)
		})
	}
}

func TestAttack11Envelopes(t *testing.T) {
	swap := func(old, now string) func([]byte) []byte {
		return func(content []byte) []byte { return bytes.Replace(content, []byte(old), []byte(now), 1) }
	}
	other := base64.StdEncoding.EncodeToString([]byte(`{}`))
	for name, change := range map[string]func([]byte) []byte{
		"the payload twice":           swap(`"payload":`, `"payload":"`+other+`","payload":`),
		"the payload in another case": swap(`"payload":`, `"Payload":"`+other+`","payload":`),
		"an unknown key":              swap(`"payload":`, `"x":1,"payload":`),
		"another payload type":        swap(evidence.PayloadType, "application/json"),
		"something behind it":         func(content []byte) []byte { return append(content, "{}"...) },
		"a byte order mark":           func(content []byte) []byte { return append([]byte("\xef\xbb\xbf"), content...) },
		"two signatures":              swap(`"signatures":[`, `"signatures":[{"keyid":"","sig":"AA=="},`),
		"no signature": func([]byte) []byte {
			return []byte(`{"payloadType":"` + evidence.PayloadType + `","payload":"e30=","signatures":[]}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, registrytest.Options{})
			content := b.envelope(marshal(t, b.scan("accepted", noon)))
			changed := change(bytes.Clone(content))
			if bytes.Equal(content, changed) {
				t.Fatal("nothing changed")
			}
			b.tag(".att", cosign.DssePayloadType, map[string]string{"predicateType": evidence.ScanPredicate}, changed)
			v := b.refuses(require(trust.Scan), outcome.AttestationUntrusted)
			t.Log(v.Requirements[0].Evidence)
		})
	}
}
