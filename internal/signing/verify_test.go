package signing

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	cosign "github.com/sigstore/cosign/v2/pkg/types"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/trust"
)

func TestAttack14NobodyToTrust(t *testing.T) {
	b := newBench(t, registrytest.Options{})
	b.attest(Both, b.everything()...)
	b.server.Forget()
	for name, of := range map[string]Trust{"nobody": {}, "an empty key": ByKeys(PublicKey{})} {
		t.Run(name, func(t *testing.T) {
			b.server.Forget()
			v, err := Verify(t.Context(), b.registry, b.subject, of, all, noon)
			if outcome.Of(err) == nil || outcome.Of(err).Reason != outcome.InvalidInput || v.Verdict != "undecided" {
				t.Errorf("%v, %s", err, v.Verdict)
			}
			if n := len(b.server.Requests()); n != 0 {
				t.Errorf("%d requests", n)
			}
		})
	}
	b.server.Forget()
	if _, err := b.verify(Requirements{}); outcome.Of(err) == nil || outcome.Of(err).Reason != outcome.InvalidInput {
		t.Errorf("nothing required: %v", err)
	}
	if n := len(b.server.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestNothingIsThere(t *testing.T) {
	for where, opt := range eachRegistry {
		t.Run(where, func(t *testing.T) {
			b := newBench(t, opt)
			b.refuses(all, outcome.SignatureMissing)
			b.refuses(require(trust.SBOM, trust.Scan), outcome.AttestationMissing)
			b.attest(Both, b.signature())
			v := b.refuses(all, outcome.AttestationMissing)
			if v.Requirements[0].Result != Trusted || v.Requirements[1].Result != Untrusted || v.Requirements[2].Result != Untrusted {
				t.Errorf("%+v", v.Requirements)
			}
		})
	}
}

func TestWrongKey(t *testing.T) {
	for _, format := range []Format{Bundle, Legacy, Both} {
		b := newBench(t, registrytest.Options{})
		b.attest(format, b.everything()...)
		b.key = newTestKey(t, ed25519Key(t))
		v := b.refuses(all, outcome.SignatureUntrusted)
		for _, r := range v.Requirements[1:] {
			if r.Reason != outcome.AttestationUntrusted || len(r.Evidence) == 0 {
				t.Errorf("%s: %+v", format, r)
			}
		}
		if v.Signer() != "" {
			t.Errorf("signer %q", v.Signer())
		}
	}
}

// A name and a digest can be written down by anybody; only what is signed counts.
func TestAttack04CopiedFromAnotherImage(t *testing.T) {
	b := newBench(t, registrytest.Options{})
	victim := b.subject
	b.subject = b.push("shop", "good")
	b.attest(Both, b.everything()...)
	copied := newStore(b.registry, b.subject)
	ctx := context.Background()
	bundles, err := copied.bundles(ctx)
	if err != nil {
		t.Fatal(err)
	}
	good := b.subject
	b.subject = victim
	for _, d := range bundles.documents {
		b.attach(d.content, d.claim)
	}
	b.copyTags(good, victim)
	v := b.refuses(all, outcome.SignatureUntrusted)
	for _, r := range v.Requirements {
		if got := strings.Join(r.Evidence, "\n"); strings.Count(got, "is about \""+good.DigestStr()) != 2 {
			t.Errorf("%s: the evidence does not say what they are about:\n%s", r.Name, got)
		}
	}
}

func TestTamperedBundle(t *testing.T) {
	for what, change := range map[string]func(payload []byte) []byte{
		"payload":   func(p []byte) []byte { return bytes.Replace(p, []byte(`"refused"`), []byte(`"accepted"`), 1) },
		"subject":   func(p []byte) []byte { return bytes.Replace(p, []byte(`"name":"`), []byte(`"name":"x`), 1) },
		"predicate": func(p []byte) []byte { return bytes.Replace(p, []byte(`{"invocation"`), []byte(`{ "invocation"`), 1) },
	} {
		b := newBench(t, registrytest.Options{})
		payload := marshal(t, b.scan("refused", noon))
		content := bundleOf(t, b.key, payload)
		changed := bytes.Replace(content, []byte(base64.StdEncoding.EncodeToString(payload)), []byte(base64.StdEncoding.EncodeToString(change(payload))), 1)
		if bytes.Equal(content, changed) {
			t.Fatalf("%s: nothing changed", what)
		}
		b.attach(changed, evidence.ScanPredicate)
		b.refuses(require(trust.Scan), outcome.AttestationUntrusted)
		b.attach(content, evidence.ScanPredicate)
		b.refuses(require(trust.Scan), outcome.ScanRefused)
	}
}

func TestAttack08AttestationIsNoSignature(t *testing.T) {
	for _, format := range []Format{Bundle, Legacy, Both} {
		b := newBench(t, registrytest.Options{})
		b.attest(format, b.sbom(b.subject.DigestStr()), b.scan("refused", noon))
		b.refuses(require(trust.Signature), outcome.SignatureMissing)
		// An annotation that says otherwise does not help: nothing signs it.
		b.attach(bundleOf(t, b.key, marshal(t, b.scan("accepted", noon.Add(-time.Hour)))), evidence.SignaturePredicate)
		b.refuses(require(trust.Signature), outcome.SignatureMissing)
	}
}

// The .att tag holds attestations, whatever they call themselves.
func TestAttack08SignatureInThePlaceOfAttestations(t *testing.T) {
	b := newBench(t, registrytest.Options{})
	payload := marshal(t, b.signature())
	sig, err := b.key.sign(context.Background(), preAuthEncoding(payload))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := evidence.Envelope{Payload: payload, Signature: sig}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	b.tag(".att", cosign.DssePayloadType, nil, raw)
	b.refuses(all, outcome.SignatureMissing)
	if written := b.attest(Legacy, b.everything()...); !written[0].Added {
		t.Error("it is taken for the signature")
	}
	b.refuses(all, "")
}

// Whoever can write beside an image must not be able to hide what is good, nor be taken for a success.
func TestAttack21GarbageHidesNothing(t *testing.T) {
	garbage := func(b *bench) {
		for i, content := range []string{"", "{", `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}`, "null", "[]",
			`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{}},"messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"AA=="},"signature":"AA=="}}`,
			`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{}},"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[]}}`,
			`{"mediaType":"x\u001b[31m"}`} {
			b.attach([]byte(content), fmt.Sprintf("%s%d", evidence.SignaturePredicate, i))
		}
		b.attach([]byte("::error::\n\x1b[31m"), evidence.SignaturePredicate)
		b.attach(bundleOf(b.T, b.key, []byte("no statement")), evidence.SignaturePredicate)
	}
	for where, opt := range eachRegistry {
		for _, format := range []Format{Bundle, Legacy} {
			t.Run(where+" "+string(format), func(t *testing.T) {
				b := newBench(t, opt)
				garbage(b)
				b.refuses(require(trust.Signature), outcome.SignatureUntrusted)
				b.attest(format, b.everything()...)
				b.refuses(all, "")
			})
		}
	}
}

func TestForeignReferrersArePassedOver(t *testing.T) {
	b := newBench(t, registrytest.Options{})
	ctx := context.Background()
	for _, kind := range []string{"application/spdx+json", "application/vnd.oci.empty.v1+json"} {
		if _, err := b.registry.Attach(ctx, b.subject, image.Artifact{Type: kind, MediaType: "text/plain", Content: []byte(kind)}); err != nil {
			t.Fatal(err)
		}
	}
	b.refuses(all, outcome.SignatureMissing)
	b.attest(Bundle, b.everything()...)
	if v := b.refuses(all, ""); len(v.Notes) != 2 {
		t.Errorf("notes %q", v.Notes)
	}
}

func TestAttack26UnreadableReferrersAreNotNone(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 403, 405, 429, 500} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, registrytest.Options{})
			b.server.SetReferrers(registrytest.Referrers(status))
			v := b.refuses(all, outcome.ReferrersUnreadable)
			for _, r := range v.Requirements {
				if r.Result != CouldNotCheck || r.Reason != outcome.ReferrersUnreadable {
					t.Errorf("%+v", r)
				}
			}
			// A trusted signature and SBOM in the other store are good; a newer scan may be hidden.
			b.attest(Legacy, b.everything()...)
			v = b.refuses(all, outcome.ReferrersUnreadable)
			if got := results(v); !cmp.Equal(got, []Result{Trusted, Trusted, CouldNotCheck}) || len(v.Requirements[0].Notes) != 1 {
				t.Errorf("%v", got)
			}
			b.refuses(require(trust.Signature, trust.SBOM), "")
			// What is there is by somebody else; what is not seen may be by the right one.
			b.key = newTestKey(t, ed25519Key(t))
			b.refuses(all, outcome.ReferrersUnreadable)
		})
	}
}

func results(v Verification) []Result {
	var list []Result
	for _, r := range v.Requirements {
		list = append(list, r.Result)
	}
	return list
}

func TestAttack26UnreadableTagsAreNotNone(t *testing.T) {
	t.Parallel()
	b := newBench(t, registrytest.Options{})
	for _, tag := range []string{"*.sig", "*.att"} {
		b.server.Behave(registrytest.Rule{Method: registrytest.Reads, Path: b.path("/manifests/" + tag), Answer: registrytest.Status(403)})
	}
	b.refuses(all, outcome.ReferrersUnreadable)
	b.attest(Bundle, b.everything()...)
	v := b.refuses(all, outcome.ReferrersUnreadable)
	if got := results(v); !cmp.Equal(got, []Result{Trusted, Trusted, CouldNotCheck}) {
		t.Errorf("%v", got)
	}
}

func TestAttack26OneUnreadableDocumentIsADoubt(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]registrytest.Behaviour{
		"500": registrytest.Status(500), "403": registrytest.Status(403), "404": registrytest.Status(404),
		"cut short": registrytest.Truncated(), "altered": registrytest.Altered(), "a login page": registrytest.HTML(),
	} {
		for _, path := range []string{"/manifests/", "/blobs/"} {
			t.Run(name+path, func(t *testing.T) {
				t.Parallel()
				b := newBench(t, registrytest.Options{})
				written := b.attest(Bundle, append(b.everything(), b.scan("refused", noon))...)
				of := written[3].Digest.String() // the newest scan
				if path == "/blobs/" {
					of = b.layerOf(written[3].Digest)
				}
				b.server.Behave(registrytest.Rule{Method: registrytest.Reads, Path: b.path(path + of), Answer: answer})
				v := b.refuses(all, outcome.ReferrersUnreadable)
				if got := results(v); !cmp.Equal(got, []Result{Trusted, Trusted, CouldNotCheck}) {
					t.Errorf("%v: %+v", got, v)
				}
			})
		}
	}
}

func (b *bench) layerOf(manifest v1.Hash) string {
	b.Helper()
	m, _, err := newStore(b.registry, b.subject).manifest(context.Background(), b.subject.Context().Digest(manifest.String()))
	if err != nil {
		b.Fatal(err)
	}
	return m.Layers[0].Digest.String()
}

func TestEitherStoreAlone(t *testing.T) {
	for _, format := range []Format{Bundle, Legacy} {
		b := newBench(t, registrytest.Options{})
		b.attest(format, b.everything()...)
		b.refuses(all, "")
	}
	// Half here, half there.
	b := newBench(t, registrytest.Options{})
	b.attest(Legacy, b.signature(), b.scan("accepted", noon))
	b.attest(Bundle, b.sbom(b.subject.DigestStr()))
	b.refuses(all, "")
}

func TestAttack11EnvelopesWithTwoReadings(t *testing.T) {
	b := newBench(t, registrytest.Options{})
	good := marshal(t, b.scan("accepted", noon))
	envelope := func(payload []byte) []byte {
		sig, err := b.key.sign(context.Background(), preAuthEncoding(payload))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := evidence.Envelope{Payload: payload, Signature: sig}.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	twice := bytes.Replace(good, []byte(`"predicateType"`), []byte(`"predicateType":"x","predicateType"`), 1)
	other := bytes.Replace(envelope(good), []byte(`{"payloadType"`), []byte(`{"payload":"e30=","payloadType"`), 1)
	cased := bytes.Replace(envelope(good), []byte(`{"payloadType"`), []byte(`{"Payload":"e30=","payloadType"`), 1)
	unsigned, err := evidence.Envelope{Payload: good}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"statement": envelope(twice), "envelope": other, "case": cased,
		"behind it": append(envelope(good), "{}"...), "no signature": unsigned} {
		b.subject = b.push("shop", strings.ReplaceAll(name, " ", "-"))
		b.tag(".att", cosign.DssePayloadType, map[string]string{"predicateType": evidence.ScanPredicate}, content)
		b.refuses(require(trust.Scan), outcome.AttestationUntrusted)
	}
	bundle := bundleOf(t, b.key, good)
	for name, content := range map[string][]byte{
		"envelope twice":    bytes.Replace(bundle, []byte(`"dsseEnvelope"`), []byte(`"dsseEnvelope":{},"dsseEnvelope"`), 1),
		"envelope by snake": bytes.Replace(bundle, []byte(`"dsseEnvelope"`), []byte(`"dsse_envelope":{},"dsseEnvelope"`), 1),
		"unknown key":       bytes.Replace(bundle, []byte(`"dsseEnvelope"`), []byte(`"x":{},"dsseEnvelope"`), 1),
		"a certificate":     bytes.Replace(bundle, []byte(`"publicKey"`), []byte(`"certificate":{"rawBytes":"AA=="},"publicKey"`), 1),
		"statement twice":   bundleOf(t, b.key, twice),
	} {
		b.subject = b.push("shop", "bundle-"+strings.ReplaceAll(name, " ", "-"))
		b.attach(content, evidence.ScanPredicate)
		b.refuses(require(trust.Scan), outcome.AttestationUntrusted)
	}
}

// tag writes a .sig or .att with these layers, as anybody could.
func (b *bench) tag(suffix, mediaType string, annotations map[string]string, contents ...[]byte) {
	b.Helper()
	w, err := newWriter(b.registry, b.subject, b.key, Legacy, noon)
	if err != nil {
		b.Fatal(err)
	}
	var layers []layer
	for _, content := range contents {
		digest, err := v1.NewHash(evidence.Digest(content))
		if err != nil {
			b.Fatal(err)
		}
		layers = append(layers, layer{content, v1.Descriptor{MediaType: mediaTypeOf(mediaType), Digest: digest, Size: int64(len(content)), Annotations: annotations}})
	}
	if err := w.appendTo(context.Background(), cosignTag(b.subject, suffix), layers); err != nil {
		b.Fatal(err)
	}
}

func TestAttack05SimpleSigningPayloads(t *testing.T) {
	b := newBench(t, registrytest.Options{})
	payload := func(digest, kind string) string {
		return fmt.Sprintf(`{"critical":{"identity":{"docker-reference":"x"},"image":{"docker-manifest-digest":%q},"type":%q},"optional":{"a":1}}`, digest, kind)
	}
	other := b.push("shop", "other").DigestStr()
	for name, test := range map[string]struct {
		payload string
		want    outcome.Reason
	}{
		"good":             {payload(b.subject.DigestStr(), simpleSigningType), ""},
		"another image":    {payload(other, simpleSigningType), outcome.SignatureUntrusted},
		"another type":     {payload(b.subject.DigestStr(), "atomic container signature"), outcome.SignatureUntrusted},
		"no image":         {`{"critical":{"type":"` + simpleSigningType + `"},"optional":null}`, outcome.SignatureUntrusted},
		"two images":       {strings.Replace(payload(other, simpleSigningType), `"image":{`, `"image":{"docker-manifest-digest":"`+b.subject.DigestStr()+`",`, 1), outcome.SignatureUntrusted},
		"this one last":    {strings.Replace(payload(b.subject.DigestStr(), simpleSigningType), `"image":{`, `"image":{"docker-manifest-digest":"`+other+`",`, 1), outcome.SignatureUntrusted},
		"something behind": {payload(b.subject.DigestStr(), simpleSigningType) + "{}", outcome.SignatureUntrusted},
	} {
		t.Run(name, func(t *testing.T) {
			sig, err := b.key.sign(t.Context(), []byte(test.payload))
			if err != nil {
				t.Fatal(err)
			}
			fresh := newBench(t, registrytest.Options{}) // with the same image
			fresh.key = b.key
			fresh.tag(".sig", cosign.SimpleSigningMediaType, map[string]string{annotationSignature: base64.StdEncoding.EncodeToString(sig)}, []byte(test.payload))
			fresh.refuses(require(trust.Signature), test.want)
		})
	}
}

func TestAttack07SBOMOfAnotherImage(t *testing.T) {
	type statements = func(b *bench) []evidence.Statement
	of := func(kind, predicate string) statements {
		return func(b *bench) []evidence.Statement {
			return []evidence.Statement{b.about(kind, strings.ReplaceAll(predicate, "$DIGEST", b.subject.DigestStr()))}
		}
	}
	const (
		foreign = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
		unbound = `{"bomFormat":"CycloneDX","specVersion":"1.6"}`
	)
	for name, test := range map[string]struct {
		statements    statements
		want, binding outcome.Reason
	}{
		"ours":                {of(evidence.SBOMPredicate, `{"bomFormat":"CycloneDX","metadata":{"component":{"version":"$DIGEST"}}}`), "", ""},
		"versioned CycloneDX": {of("https://cyclonedx.org/bom/v1.6", `{"bomFormat":"CycloneDX","metadata":{"component":{"version":"$DIGEST"}}}`), "", ""},
		"Kyverno's CycloneDX": {of("https://cyclonedx.org/schema", unbound), "", outcome.SBOMUnbound},
		"SPDX":                {of("https://spdx.dev/Document", `{"spdxVersion":"SPDX-2.3","documentDescribes":["a"],"packages":[{"SPDXID":"a","versionInfo":"$DIGEST"}]}`), "", ""},
		"versioned SPDX":      {of("https://spdx.dev/Document/v2.3", `{"spdxVersion":"SPDX-2.3"}`), "", outcome.SBOMUnbound},
		"unbound":             {of(evidence.SBOMPredicate, unbound), "", outcome.SBOMUnbound},
		"another image":       {of(evidence.SBOMPredicate, `{"bomFormat":"CycloneDX","metadata":{"component":{"version":"`+foreign+`"}}}`), outcome.SBOMOtherImage, outcome.SBOMOtherImage},
		"two images":          {of(evidence.SBOMPredicate, `{"bomFormat":"CycloneDX","metadata":{"component":{"version":"`+foreign+`","purl":"pkg:oci/a@$DIGEST"}}}`), outcome.SBOMOtherImage, outcome.SBOMOtherImage},
		"a string":            {of("https://spdx.dev/Document", `"SPDXVersion: SPDX-2.3"`), outcome.AttestationUntrusted, outcome.AttestationUntrusted},
		"no SBOM":             {of(evidence.SBOMPredicate, `{}`), outcome.AttestationUntrusted, outcome.AttestationUntrusted},
		"of a lookalike type": {of("https://cyclonedx.org/bomb", unbound), outcome.AttestationMissing, outcome.AttestationMissing},
		"another's beside ours": {func(b *bench) []evidence.Statement {
			return append(of(evidence.SBOMPredicate, `{"bomFormat":"CycloneDX","metadata":{"component":{"version":"`+foreign+`"}}}`)(b), b.sbom(b.subject.DigestStr()))
		}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, registrytest.Options{})
			b.attest(Both, test.statements(b)...)
			b.refuses(require(trust.SBOM), test.want)
			v := b.refuses(bound(), test.binding)
			if !v.Rule.SBOMBinding {
				t.Error("the rule does not say so")
			}
		})
	}
}

func TestScans(t *testing.T) {
	other := "sha256:2222222222222222222222222222222222222222222222222222222222222222"
	vuln := func(b *bench, predicate string) evidence.Statement { return b.about(evidence.ScanPredicate, predicate) }
	later := func(at string) string {
		return `{"scanner":{"uri":"` + evidence.ScanMadeBy + `","result":{"schema":"stepseal.scan/v2","verdict":"refused"}},"metadata":{"scanFinishedOn":"2026-05-04T` + at + `Z"}}`
	}
	for name, test := range map[string]struct {
		statements func(b *bench) []evidence.Statement
		age        time.Duration
		want       outcome.Reason
	}{
		"accepted": {func(b *bench) []evidence.Statement { return []evidence.Statement{b.scan("accepted", noon)} }, time.Hour, ""},
		"the newest refuses": {func(b *bench) []evidence.Statement {
			return []evidence.Statement{b.scan("refused", noon), b.scan("accepted", noon.Add(-time.Hour))}
		}, 0, outcome.ScanRefused},
		"the newest accepts again": {func(b *bench) []evidence.Statement {
			return []evidence.Statement{b.scan("accepted", noon), b.scan("refused", noon.Add(-time.Hour))}
		}, 0, ""},
		"two of the same second": {func(b *bench) []evidence.Statement {
			return []evidence.Statement{b.scan("accepted", noon), b.scan("refused", noon)}
		}, 0, outcome.ScanRefused},
		"undecided": {func(b *bench) []evidence.Statement { return []evidence.Statement{b.scan("undecided", noon)} }, 0, outcome.ScanRefused},
		"too old": {func(b *bench) []evidence.Statement {
			return []evidence.Statement{b.scan("accepted", noon.Add(-2*time.Hour))}
		}, time.Hour, outcome.ScanTooOld},
		"just ahead of the clock": {func(b *bench) []evidence.Statement {
			return []evidence.Statement{b.scan("accepted", noon.Add(4*time.Minute))}
		}, time.Hour, ""},
		"in the future": {func(b *bench) []evidence.Statement {
			return []evidence.Statement{b.scan("accepted", noon.Add(6*time.Minute)), b.scan("accepted", noon)}
		}, 0, outcome.ScanInFuture},
		"of another image": {func(b *bench) []evidence.Statement {
			return []evidence.Statement{b.scanOf(other, "accepted", noon)}
		}, 0, outcome.ScanOtherImage},
		"of another tool": {func(b *bench) []evidence.Statement {
			return []evidence.Statement{vuln(b, `{"scanner":{"uri":"x","result":{"verdict":"accepted"}},"metadata":{"scanFinishedOn":"2026-05-04T12:00:00Z"}}`)}
		}, 0, outcome.ScanWithoutVerdict},
		"of another tool, and newer": {func(b *bench) []evidence.Statement {
			return []evidence.Statement{vuln(b, `{"scanner":{"result":{}},"metadata":{"scanFinishedOn":"2026-05-04T13:00:00Z"}}`), b.scan("accepted", noon)}
		}, 0, ""},
		"without a time": {func(b *bench) []evidence.Statement {
			return []evidence.Statement{vuln(b, `{"scanner":{"result":{"schema":"stepseal.scan/v1","verdict":"accepted","subject":{"digest":"`+b.subject.DigestStr()+`"}}}}`)}
		}, time.Hour, outcome.ScanTooOld},
		"with nonsense for a time": {func(b *bench) []evidence.Statement {
			return []evidence.Statement{vuln(b, `{"scanner":{"result":{"schema":"stepseal.scan/v1","verdict":"accepted"}},"metadata":{"scanFinishedOn":"yesterday"}}`)}
		}, 0, outcome.ScanWithoutVerdict},
		"of a later stepseal, and newer": {func(b *bench) []evidence.Statement {
			return []evidence.Statement{vuln(b, later("12:00:00")), b.scan("accepted", noon.Add(-time.Hour))}
		}, 0, outcome.ScanWithoutVerdict},
		"of a later stepseal, and older": {func(b *bench) []evidence.Statement {
			return []evidence.Statement{vuln(b, later("10:00:00")), b.scan("accepted", noon.Add(-time.Hour))}
		}, 0, ""},
		"of two times": {func(b *bench) []evidence.Statement {
			old := string(b.scan("accepted", noon.AddDate(-1, 0, 0)).Predicate)
			return []evidence.Statement{vuln(b, strings.TrimSuffix(old, "}")+`,"Metadata":{"scanFinishedOn":"2026-05-04T12:00:00Z"}}`)}
		}, time.Hour, outcome.ScanWithoutVerdict},
		"not an object": {func(b *bench) []evidence.Statement { return []evidence.Statement{vuln(b, `[]`)} }, 0, outcome.ScanWithoutVerdict},
	} {
		for _, format := range []Format{Bundle, Legacy, Both} {
			t.Run(name+" "+string(format), func(t *testing.T) {
				b := newBench(t, registrytest.Options{})
				b.attest(format, test.statements(b)...)
				b.refuses(younger(test.age), test.want)
			})
		}
	}
}

func TestAttack09UntrustedScanDoesNotRevoke(t *testing.T) {
	b := newBench(t, registrytest.Options{})
	b.attest(Both, b.everything()...)
	right := b.key
	b.key = newTestKey(t, ed25519Key(t))
	b.attest(Both, b.scan("refused", noon))
	b.key = right
	b.refuses(all, "")
}

func TestAttack20Floods(t *testing.T) {
	t.Parallel()
	b := newBench(t, registrytest.Options{})
	b.attest(Bundle, b.everything()...)
	m := v1.Manifest{SchemaVersion: 2, MediaType: "application/vnd.oci.image.manifest.v1+json", Layers: make([]v1.Descriptor, 2000)}
	for i := range m.Layers {
		digest, err := v1.NewHash(evidence.Digest([]byte{byte(i), byte(i >> 8)}))
		if err != nil {
			t.Fatal(err)
		}
		m.Layers[i] = v1.Descriptor{MediaType: cosign.DssePayloadType, Digest: digest, Size: 1 << 40}
	}
	m.Config = m.Layers[0]
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	answer := func(raw []byte) func() {
		return b.server.Behave(registrytest.Rule{Method: registrytest.Reads, Path: b.path("/manifests/*.att"), Answer: registrytest.Instead(string(m.MediaType), raw)})
	}
	stop := answer(raw)
	if v := b.refuses(require(trust.Scan), outcome.ReferrersUnreadable); !strings.Contains(v.Requirements[0].Message, "2000 layers") {
		t.Errorf("%+v", v.Requirements[0])
	}
	b.refuses(require(trust.Signature, trust.SBOM), "")
	stop()

	// Of layers that claim to be large only as many are asked for as fit.
	m.Layers = m.Layers[:900]
	for i := range m.Layers {
		m.Layers[i].Size = maxDocument
	}
	if raw, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	stop = answer(raw)
	b.server.Forget()
	if v := b.refuses(require(trust.Scan), outcome.ReferrersUnreadable); len(v.Requirements[0].Evidence) > maxLines+1 {
		t.Errorf("%d lines of evidence", len(v.Requirements[0].Evidence))
	}
	stop()
	if n := b.server.Requests().Count("", b.path("/blobs/*")); n == 0 || n > maxDocuments/maxDocument+3 { // and the three bundles
		t.Errorf("%d documents were asked for", n)
	}
	answer(append(bytes.Repeat([]byte(" "), 50<<20), raw...))
	b.refuses(require(trust.Scan), outcome.ReferrersUnreadable)
}

// What a registry and a stranger say ends in logs and in a document.
func TestAttack30NothingForeignIsPrintedRaw(t *testing.T) {
	const evil = "x\n::set-output name=a::b\x1b[31m\u2028\u202e"
	b := newBench(t, registrytest.Options{})
	stranger := newTestKey(t, ed25519Key(t))
	for _, kind := range []string{evil, evidence.ScanPredicate} {
		s := b.about(kind, `{"scanner":{"result":{"schema":"stepseal.scan/v1"}}}`)
		s.Subject[0].Name = evil
		b.attach(bundleOf(t, stranger, marshal(t, s)), evil)
		s.Subject[0].Digest["sha256"] = evil
		b.attach(bundleOf(t, b.key, marshal(t, s)), evil)
	}
	b.attach([]byte(`{"mediaType":"`+strings.Trim(fmt.Sprintf("%q", evil), `"`)+`"}`), evidence.SignaturePredicate)
	b.attach([]byte("{\""+evil+"\":1}"), evidence.SignaturePredicate)
	b.tag(".sig", evil, nil, []byte("{}"))
	b.tag(".att", cosign.DssePayloadType, map[string]string{"predicateType": evil}, []byte(`{"payloadType":"`+evil+`"}`), []byte(`{}`))
	summary, err := evidence.VerificationSummary{Verifier: "https://v.example/\u2028\u202e", Time: noon, Resource: "https://r.example/\u202e",
		Policy: evidence.Evidence{URI: "https://p.example"}, Passed: true, Levels: []string{"SLSA_BUILD_LEVEL_0"}}.Predicate()
	if err != nil {
		t.Fatal(err)
	}
	b.attest(Bundle, b.about(evidence.SummaryPredicate, string(summary)))
	v, err := b.verify(Requirements{Demands: append(slices.Clone(all.Demands), trust.Demand{Kind: trust.VerificationSummary, Threshold: 1, Verifiers: []string{"https://v.example"}})})
	if err == nil {
		t.Fatal("accepted")
	}
	content, merr := v.Marshal()
	if merr != nil {
		t.Fatal(merr)
	}
	text := strings.Join(append(outcome.Of(err).Evidence, outcome.Of(err).Error(), string(content)), "|")
	for _, bad := range []string{"\n", "\x1b", "\u2028", "\u202e"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q is printed as it is:\n%q", bad, text)
		}
	}
	if len(text) > 20000 {
		t.Errorf("%d bytes are printed", len(text))
	}
}

func TestVerificationIsTheSameTwice(t *testing.T) {
	b := newBench(t, registrytest.Options{})
	b.attest(Both, b.everything()...)
	b.attach([]byte("{"), "x")
	required := require(trust.Signature, trust.SBOM, trust.Scan)
	required.Demands[2].MaxAge, required.Index = 36*time.Hour, "sha256:ab"
	var first []byte
	for range 3 {
		v, err := b.verify(required)
		if err != nil {
			t.Fatal(err)
		}
		content, err := v.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = content
		}
		if diff := cmp.Diff(string(first), string(content)); diff != "" {
			t.Error(diff)
		}
	}
	var doc map[string]any
	if err := json.Unmarshal(first, &doc); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"require": []any{"signature", "sbom", "scan"}, "maxScanAge": "36h0m0s", "requireSBOMBinding": false,
		"trustedKeys": []any{b.key.Public().Fingerprint()},
		"demands":     []any{map[string]any{"kind": "signature", "threshold": 1.0}, map[string]any{"kind": "sbom", "threshold": 1.0}, map[string]any{"kind": "scan", "threshold": 1.0, "maxAge": "36h0m0s"}},
		"signers":     []any{map[string]any{"key": b.key.Public().Fingerprint()}}}
	if diff := cmp.Diff(want, doc["rule"]); diff != "" {
		t.Error(diff)
	}
	for _, key := range []string{"schema", "image", "digest", "index", "verdict", "verifiedAt", "requirements"} {
		if doc[key] == nil {
			t.Errorf("%s is missing:\n%s", key, first)
		}
	}
	scan := doc["requirements"].([]any)[2].(map[string]any)
	if scan["claimedFinished"] != "2026-05-04T11:00:00Z" || scan["policyDigest"] != "sha256:ab" {
		t.Errorf("%v", scan)
	}
}

func TestVerifyWithoutARegistry(t *testing.T) {
	t.Parallel()
	b := newBench(t, registrytest.Options{})
	b.server.Close()
	b.refuses(all, outcome.ReferrersUnreadable)
	if _, err := Attest(context.Background(), b.registry, b.subject, b.key, b.signature(), Legacy, noon); outcome.Verdict(err) != outcome.Undecided {
		t.Error(err)
	}
}
