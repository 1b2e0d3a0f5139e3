//go:build unix && hostile

package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/sigstoretest"
)

// mostStoreMemory is what verifying may take, whatever lies beside the image.
const mostStoreMemory = 200 << 20

const bundleMediaType = "application/vnd.dev.sigstore.bundle.v0.3+json"

// storeAttack is what somebody puts beside an image, or a registry says that is there.
type storeAttack struct {
	plant  func(*testing.T, *registrytest.Registry, name.Digest)
	flags  []string
	code   int
	reason string
	says   string
}

func storeAttacks() map[string]storeAttack {
	const refused, undecided = 10, 11
	answer := func(path string, behaviour registrytest.Behaviour) func(*testing.T, *registrytest.Registry, name.Digest) {
		return func(_ *testing.T, r *registrytest.Registry, subject name.Digest) {
			path := strings.NewReplacer("$HEX", strings.TrimPrefix(subject.DigestStr(), "sha256:")).Replace(path)
			r.Behave(registrytest.Rule{Method: registrytest.Reads, Path: path, Answer: behaviour})
		}
	}
	const att, sig, referrers = "/v2/shop/manifests/sha256-$HEX.att", "/v2/shop/manifests/sha256-$HEX.sig", "/v2/shop/referrers/*"
	manifest := func(layers int, size int64) []byte {
		m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Layers: make([]v1.Descriptor, layers)}
		for i := range m.Layers {
			m.Layers[i] = v1.Descriptor{MediaType: "application/vnd.dsse.envelope.v1+json", Size: size, Digest: hashOf(fmt.Append(nil, i))}
		}
		m.Config = m.Layers[0]
		raw, err := json.Marshal(m)
		if err != nil {
			panic(err)
		}
		return raw
	}
	listed := func(count int) []byte {
		var list []image.Referrer
		for i := range count {
			list = append(list, image.Referrer{Digest: hashOf(fmt.Append(nil, i)), MediaType: types.OCIManifestSchema1, Size: 500, ArtifactType: bundleMediaType})
		}
		raw, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": types.OCIImageIndex, "manifests": list})
		if err != nil {
			panic(err)
		}
		return raw
	}
	pages := func(w http.ResponseWriter, req *http.Request, _ http.Handler) {
		w.Header().Set("Link", fmt.Sprintf(`<?page=%d>; rel="next"`, time.Now().UnixNano()))
		_, _ = w.Write([]byte(`{"schemaVersion":2,"manifests":[]}`))
	}
	bundle := func(content []byte) func(*testing.T, *registrytest.Registry, name.Digest) {
		return func(t *testing.T, r *registrytest.Registry, subject name.Digest) { attachBundles(t, subject, content) }
	}
	slow := []string{"--stall-timeout", "500ms"}
	return map[string]storeAttack{
		"100,000 referrers in a page":       {answer(referrers, registrytest.Instead(string(types.OCIImageIndex), listed(100_000))), nil, undecided, "referrers-unreadable", ""},
		"2,000 referrers in a page":         {answer(referrers, registrytest.Instead(string(types.OCIImageIndex), listed(2_000))), nil, undecided, "referrers-unreadable", "more than 1000 referrers"},
		"pages of referrers without an end": {answer(referrers, pages), nil, undecided, "referrers-unreadable", "pages of referrers"},
		"referrers that do not end":         {answer(referrers, registrytest.Endless(string(types.OCIImageIndex), 0)), nil, undecided, "referrers-unreadable", ""},
		"referrers that drip":               {answer(referrers, registrytest.Dripping(20*time.Millisecond)), slow, undecided, "referrers-unreadable", ""},
		"10,000 layers in .att":             {answer(att, registrytest.Instead(string(types.OCIManifestSchema1), manifest(10_000, 100))), nil, refused, "signature-missing", "10000 layers"},
		"10,000 layers in .sig":             {answer(sig, registrytest.Instead(string(types.OCIManifestSchema1), manifest(10_000, 100))), nil, refused, "attestation-missing", "10000 layers"},
		"layers of 10 GB in .att":           {answer(att, registrytest.Instead(string(types.OCIManifestSchema1), manifest(900, 10<<30))), nil, refused, "signature-missing", "could not be checked"},
		"a manifest of 50 MB in .att":       {answer(att, registrytest.Instead(string(types.OCIManifestSchema1), append(bytes.Repeat([]byte(" "), 50<<20), manifest(1, 10)...))), nil, refused, "signature-missing", "could not be checked"},
		"a manifest in .att that drips":     {answer(att, dripping(manifest(100, 100))), slow, refused, "signature-missing", "could not be checked"},
		"a gzip bomb for a bundle":          {bundle(gzipBomb()), nil, refused, "signature-untrusted", ""},
		"a bundle that is deep":             {bundle([]byte(`{"mediaType":` + strings.Repeat("[", 1<<20))), nil, refused, "signature-untrusted", ""},
		"a bundle that does not end": {func(t *testing.T, r *registrytest.Registry, subject name.Digest) {
			attachBundles(t, subject, []byte("{}"))
			r.Behave(registrytest.Rule{Method: "GET", Path: "/v2/shop/blobs/" + hashOf([]byte("{}")).String(), Answer: registrytest.Endless(bundleMediaType, 0)})
		}, nil, undecided, "referrers-unreadable", ""},
		"bundles of 400 MB in all": {func(t *testing.T, _ *registrytest.Registry, subject name.Digest) {
			attachBundles(t, subject, strangers(subject, 400, 1<<20)...)
		}, nil, refused, "signature-untrusted", "and 380 more"},
	}
}

// dripping sends a manifest a byte at a time.
func dripping(raw []byte) registrytest.Behaviour {
	return func(w http.ResponseWriter, req *http.Request, _ http.Handler) {
		registrytest.Dripping(20*time.Millisecond)(w, req, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			registrytest.Instead(string(types.OCIManifestSchema1), raw)(w, req, nil)
		}))
	}
}

// TestHostileStoresAreRefused verifies an image beside which each of these lies, as a process of its own, under the trust of
// a key and under that of an identity.
func TestHostileStoresAreRefused(t *testing.T) {
	trusts := trustFlags(t)
	for title, a := range storeAttacks() {
		registry := hostileRegistry(t)
		img, err := registrytest.ManyLayers(1)
		must(t, err)
		digest, err := registry.Push("shop:1", img)
		must(t, err)
		ref := registry.Ref("shop@" + digest.String())
		subject, err := name.NewDigest(ref)
		must(t, err)
		a.plant(t, registry, subject)
		for of, flags := range trusts {
			t.Run(title+", by "+of, func(t *testing.T) {
				run := launchWith(t, nil, append(append([]string{"verify", "--image", ref}, flags...), a.flags...)...)
				if run.code != a.code || !strings.Contains(run.said, "["+a.reason+"]") || !strings.Contains(run.said, a.says) {
					t.Errorf("exit code %d, want %d, %s and %q:\n%.3000s", run.code, a.code, a.reason, a.says, run.said)
				}
				run.clean(t)
				if run.memory > mostStoreMemory {
					t.Errorf("it took %d MiB of memory, more than %d", run.memory>>20, mostStoreMemory>>20)
				}
				if len(run.said) > 200<<10 {
					t.Errorf("it said %d bytes", len(run.said))
				}
			})
		}
	}
}

// trustFlags are the ways of saying whom to trust.
func trustFlags(t *testing.T) map[string][]string {
	t.Helper()
	folder := t.TempDir()
	cmd := exec.Command("stepseal", "keys", "generate", "--prefix", "k")
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	lab, err := sigstoretest.Start(time.Now)
	must(t, err)
	t.Cleanup(lab.Close)
	must(t, os.WriteFile(filepath.Join(folder, "trusted_root.json"), lab.TrustedRoot(), 0o600))
	must(t, os.WriteFile(filepath.Join(folder, "trust.yaml"), []byte(`version: 1
trust:
  authorities: {lab: {trusted-root: trusted_root.json}}
  signers: {release: {authority: lab, issuer: https://token.actions.githubusercontent.com, subject: https://github.com/acme/shop/.github/workflows/release.yml@refs/heads/main}}
  evidence: {signature: {}, sbom: {}, scan: {}}
`), 0o600))
	return map[string][]string{"a key": {"--public-key", filepath.Join(folder, "k.pub")}, "an identity": {"--config", filepath.Join(folder, "trust.yaml")}}
}

func attachBundles(t *testing.T, subject name.Digest, contents ...[]byte) {
	t.Helper()
	access, err := image.NewRegistry(image.Access{})
	must(t, err)
	for _, content := range contents {
		_, err := access.Attach(context.Background(), subject, image.Artifact{Type: bundleMediaType, MediaType: bundleMediaType, Content: content,
			Annotations: map[string]string{"dev.sigstore.bundle.predicateType": evidence.SignaturePredicate}})
		must(t, err)
	}
}

// strangers are so many bundles around good statements of that size, with signatures that are none.
func strangers(subject name.Digest, count, size int) [][]byte {
	var list [][]byte
	for i := range count {
		s := evidence.NewStatement(evidence.SignaturePredicate, fmt.Appendf(nil, `{"n":%d,"x":%q}`, i, strings.Repeat("x", size*3/4)), subject.Context().Name(), subject.DigestStr())
		payload, err := s.Marshal()
		if err != nil {
			panic(err)
		}
		list = append(list, fmt.Appendf(nil, `{"mediaType":%q,"verificationMaterial":{"publicKey":{"hint":"x"}},"dsseEnvelope":{"payload":%q,"payloadType":%q,"signatures":[{"sig":"AA=="}]}}`,
			bundleMediaType, base64.StdEncoding.EncodeToString(payload), evidence.PayloadType))
	}
	return list
}

func gzipBomb() []byte {
	packed, err := registrytest.Gzip(make([]byte, 16<<20))
	if err != nil {
		panic(err)
	}
	return bytes.Repeat(packed, 640) // 10 GB
}

func hashOf(content []byte) v1.Hash {
	hash, err := v1.NewHash(evidence.Digest(content))
	if err != nil {
		panic(err)
	}
	return hash
}
