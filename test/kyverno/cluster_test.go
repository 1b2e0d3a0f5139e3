package kyverno

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/signing"
)

// bench is a registry with images that somebody signs as the product does.
type bench struct {
	*testing.T
	server   *registrytest.Registry
	registry *image.Registry
	format   signing.Format
	now      time.Time
}

func newBench(t *testing.T, format signing.Format) bench {
	t.Helper()
	server, err := registrytest.Start(registrytest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	registry, err := image.NewRegistry(image.Access{})
	if err != nil {
		t.Fatal(err)
	}
	return bench{t, server, registry, format, time.Now()}
}

// push makes an image that differs from others by its label.
func (b bench) push(repository string) name.Digest {
	b.Helper()
	img, err := mutate.Config(empty.Image, v1.Config{Labels: map[string]string{"name": repository}})
	if err != nil {
		b.Fatal(err)
	}
	digest, err := b.server.Push(repository+":1", img)
	if err != nil {
		b.Fatal(err)
	}
	subject, err := b.registry.Digest(b.server.Ref(repository), digest.String())
	if err != nil {
		b.Fatal(err)
	}
	return subject
}

// attest lets the author sign the statements and attaches them.
func (b bench) attest(subject name.Digest, author signing.Author, statements ...evidence.Statement) {
	b.Helper()
	if _, err := signing.AttestAll(context.Background(), b.registry, subject, author, statements, b.format, time.Now()); err != nil {
		b.Fatal(err)
	}
}

func about(subject name.Digest, predicateType, predicate string) evidence.Statement {
	return evidence.NewStatement(predicateType, []byte(predicate), subject.Context().Name(), subject.DigestStr())
}

func signature(of name.Digest) evidence.Statement {
	return about(of, evidence.SignaturePredicate, "{}")
}

func sbom(of name.Digest) evidence.Statement {
	return about(of, evidence.SBOMPredicate, fmt.Sprintf(`{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"component":{"type":"container","name":"app","version":%q}}}`, of.DigestStr()))
}

// scan says that what has the digest was scanned an age ago.
func (b bench) scan(of name.Digest, verdict, digest string, age time.Duration) evidence.Statement {
	b.Helper()
	report := fmt.Sprintf(`{"schema":%q,"verdict":%q,"policyDigest":%q,"subject":{"image":"app","digest":%q}}`, evidence.ScanSchema, verdict, rules, digest)
	predicate, err := evidence.Scan{Report: []byte(report), Version: "test", Finished: b.now.Add(-age)}.Predicate()
	if err != nil {
		b.Fatal(err)
	}
	return about(of, evidence.ScanPredicate, string(predicate))
}

// rules is the digest of the policy that scans were made under.
const rules = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

type key struct {
	signing.Author
	public []byte
}

func newKey(t *testing.T, curve elliptic.Curve) key {
	t.Helper()
	private, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	author, err := signing.LoadKey(encoded(t, "PRIVATE KEY", private), nil)
	if err != nil {
		t.Fatal(err)
	}
	return key{author, encoded(t, "PUBLIC KEY", private.Public())}
}

func encoded(t *testing.T, kind string, k crypto.PublicKey) []byte {
	t.Helper()
	marshal := x509.MarshalPKIXPublicKey
	if kind == "PRIVATE KEY" {
		marshal = func(k any) ([]byte, error) { return x509.MarshalPKCS8PrivateKey(k) }
	}
	der, err := marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
