package signing

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/trust"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// bench is one image in one registry, and somebody who may sign it.
type bench struct {
	*testing.T
	server   *registrytest.Registry
	registry *image.Registry
	subject  name.Digest
	key      *Key
}

func newBench(t *testing.T, opt registrytest.Options) *bench {
	t.Helper()
	server, err := registrytest.Start(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	registry, err := image.NewRegistry(image.Access{})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, server: server, registry: registry, key: newTestKey(t, ecdsaKey(t, elliptic.P256()))}
	b.subject = b.push("shop", "1")
	return b
}

// push makes an image that differs from others by its label.
func (b *bench) push(repository, label string) name.Digest {
	b.Helper()
	img, err := mutate.Config(empty.Image, v1.Config{Labels: map[string]string{"n": label}})
	if err != nil {
		b.Fatal(err)
	}
	digest, err := b.server.Push(repository+":"+label, img)
	if err != nil {
		b.Fatal(err)
	}
	subject, err := b.registry.Digest(b.server.Ref(repository), digest.String())
	if err != nil {
		b.Fatal(err)
	}
	return subject
}

func (b *bench) path(suffix string) string { return "/v2/" + b.subject.RepositoryStr() + suffix }

func ecdsaKey(t *testing.T, curve elliptic.Curve) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaKey(t *testing.T, bits int) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func ed25519Key(t *testing.T) crypto.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newTestKey(t *testing.T, private crypto.Signer) *Key {
	t.Helper()
	key, err := newKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func pkcs8PEM(t *testing.T, private crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// The statements of an accepted image.
func (b *bench) about(predicateType, predicate string, subjects ...name.Digest) evidence.Statement {
	if len(subjects) == 0 {
		subjects = []name.Digest{b.subject}
	}
	var digests []string
	for _, s := range subjects {
		digests = append(digests, s.DigestStr())
	}
	return evidence.NewStatement(predicateType, []byte(predicate), subjects[0].Context().Name(), digests...)
}

func (b *bench) signature() evidence.Statement { return b.about(evidence.SignaturePredicate, "{}") }

func (b *bench) sbom(of string) evidence.Statement {
	return b.about(evidence.SBOMPredicate, fmt.Sprintf(`{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"component":{"version":%q}}}`, of))
}

func (b *bench) scan(verdict string, finished time.Time) evidence.Statement {
	return b.scanOf(b.subject.DigestStr(), verdict, finished)
}

func (b *bench) scanOf(digest, verdict string, finished time.Time) evidence.Statement {
	report := fmt.Sprintf(`{"schema":"stepseal.scan/v1","verdict":%q,"reason":"","policyDigest":"sha256:ab","subject":{"digest":%q}}`, verdict, digest)
	predicate, err := evidence.Scan{Report: []byte(report), Version: "1", Finished: finished}.Predicate()
	if err != nil {
		b.Fatal(err)
	}
	return b.about(evidence.ScanPredicate, string(predicate))
}

func (b *bench) everything() []evidence.Statement {
	return []evidence.Statement{b.signature(), b.sbom(b.subject.DigestStr()), b.scan("accepted", noon.Add(-time.Hour))}
}

func (b *bench) attest(format Format, statements ...evidence.Statement) []Written {
	b.Helper()
	written, err := AttestAll(context.Background(), b.registry, b.subject, b.key, statements, format, noon)
	if err != nil {
		b.Fatal(err)
	}
	return written
}

var all = require(trust.Signature, trust.SBOM, trust.Scan)

func require(kinds ...trust.Kind) Requirements {
	var r Requirements
	for _, kind := range kinds {
		r.Demands = append(r.Demands, trust.Demand{Kind: kind, Threshold: 1})
	}
	return r
}

// bound wants an SBOM that says which image it describes.
func bound() Requirements {
	return Requirements{Demands: []trust.Demand{{Kind: trust.SBOM, Threshold: 1, Binding: true}}}
}

func younger(age time.Duration) Requirements {
	return Requirements{Demands: []trust.Demand{{Kind: trust.Scan, Threshold: 1, MaxAge: age}}}
}

func (b *bench) verify(required Requirements) (Verification, error) {
	return b.verifyBy(required, b.key)
}

func (b *bench) verifyBy(required Requirements, keys ...*Key) (Verification, error) {
	b.Helper()
	var public []PublicKey
	for _, k := range keys {
		public = append(public, k.Public())
	}
	v, err := Verify(context.Background(), b.registry, b.subject, ByKeys(public...), required, noon)
	if _, merr := v.Marshal(); merr != nil {
		b.Fatal(merr)
	}
	return v, err
}

// refuses wants the verification to end with that reason; empty is accepted.
func (b *bench) refuses(required Requirements, want outcome.Reason) Verification {
	b.Helper()
	v, err := b.verify(required)
	var got outcome.Reason
	if err != nil {
		got = outcome.Of(err).Reason
	}
	if got != want || v.Reason != want || v.Verdict != outcome.Verdict(err).String() {
		b.Errorf("ended as %q (%v), want %q; the document says %q, %q", got, err, want, v.Verdict, v.Reason)
	}
	return v
}

// attach puts bytes beside the image as anybody could.
func (b *bench) attach(content []byte, kind string) {
	b.Helper()
	a := bundleArtifact(content, kind, noon)
	if _, err := b.registry.Attach(context.Background(), b.subject, a); err != nil {
		b.Fatal(err)
	}
}

// bundleOf is a bundle over whatever payload, signed by the key.
func bundleOf(t *testing.T, key *Key, payload []byte) []byte {
	t.Helper()
	content, err := key.bundle(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func marshal(t *testing.T, s evidence.Statement) []byte {
	t.Helper()
	payload, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(payload)
}

func (b *bench) writes() int { return b.server.Requests().Count("POST PUT PATCH DELETE", "") }

func mediaTypeOf(text string) types.MediaType { return types.MediaType(text) }

// copyTags puts one image's .sig and .att under the tags of another.
func (b *bench) copyTags(from, to name.Digest) {
	b.Helper()
	for _, suffix := range []string{".sig", ".att"} {
		img, err := remote.Image(cosignTag(from, suffix))
		if err != nil {
			b.Fatal(err)
		}
		if err := remote.Write(cosignTag(to, suffix), img); err != nil {
			b.Fatal(err)
		}
	}
}
