package image_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	spec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
)

const madeUp = "application/vnd.example.papers.v1+json"

func papers(contents ...[]byte) []image.Document {
	var list []image.Document
	for i, content := range contents {
		list = append(list, image.Document{Title: fmt.Sprintf("papers/%d.json", i), MediaType: madeUp, Read: func() ([]byte, error) { return content, nil }})
	}
	return list
}

// TestArtefactIsWhatTheSpecificationAsksFor decodes the manifest by image-spec's own types, without a field more.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidelines-for-artifact-usage
func TestArtefactIsWhatTheSpecificationAsksFor(t *testing.T) {
	registry, access, subject := withSubject(t)
	digest := must[string](t)(access.Publish(context.Background(), registry.Ref("shop"), subject.DigestStr(), madeUp, papers([]byte("one"), []byte("two"))))
	raw := must[[]byte](t)(access.FetchManifest(context.Background(), registry.Ref("shop"), digest))
	var m spec.Manifest
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		t.Fatal(err)
	}
	empty := spec.DescriptorEmptyJSON
	empty.Data = nil
	if m.SchemaVersion != 2 || m.MediaType != spec.MediaTypeImageManifest || m.ArtifactType != madeUp || !cmp.Equal(m.Config, empty) {
		t.Errorf("manifest %s", raw)
	}
	if m.Subject == nil || m.Subject.Digest.String() != subject.DigestStr() || m.Subject.Size == 0 || m.Subject.MediaType == "" {
		t.Errorf("subject %+v", m.Subject)
	}
	for i, want := range []string{"one", "two"} {
		l := m.Layers[i]
		got := must[[]byte](t)(access.FetchBlob(context.Background(), registry.Ref("shop"), l.Digest.String(), l.Size))
		if string(got) != want || l.MediaType != madeUp || l.Annotations[spec.AnnotationTitle] != fmt.Sprintf("papers/%d.json", i) {
			t.Errorf("layer %+v holds %q", l, got)
		}
	}
}

func TestArtefactIsListedWithItsSubject(t *testing.T) {
	for _, answer := range []registrytest.Referrers{registrytest.ReferrersOn, registrytest.ReferrersOff} {
		registry, access, subject := withSubject(t)
		registry.SetReferrers(answer)
		digest := must[string](t)(access.Publish(context.Background(), registry.Ref("shop"), subject.DigestStr(), madeUp, papers([]byte("one"))))
		found := must[[]image.Referrer](t)(access.Referrers(context.Background(), subject))
		if !slices.ContainsFunc(found, func(r image.Referrer) bool { return r.Digest.String() == digest && r.ArtifactType == madeUp }) {
			t.Errorf("%v: listed are %+v", answer, found)
		}
	}
}

// TestWhatIsPulledIsWhatWasPushed takes documents of any bytes through a registry, and the same ones twice.
func TestWhatIsPulledIsWhatWasPushed(t *testing.T) {
	registry, access := start(t), connect(t)
	source := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		contents := make([][]byte, 1+source.IntN(6))
		for i := range contents {
			contents[i] = make([]byte, source.IntN(1<<uint(source.IntN(18))))
			for j := range contents[i] {
				contents[i][j] = byte(source.Uint32())
			}
		}
		digest := must[string](t)(access.Publish(context.Background(), registry.Ref("hand/over"), "", madeUp, papers(contents...)))
		if again := must[string](t)(connect(t).Publish(context.Background(), registry.Ref("hand/over"), "", madeUp, papers(contents...))); again != digest {
			t.Fatalf("%s, then %s", digest, again)
		}
		var m v1.Manifest
		if err := json.Unmarshal(must[[]byte](t)(access.FetchManifest(context.Background(), registry.Ref("hand/over"), digest)), &m); err != nil {
			t.Fatal(err)
		}
		for i, l := range m.Layers {
			got := must[[]byte](t)(access.FetchBlob(context.Background(), registry.Ref("hand/over"), l.Digest.String(), l.Size))
			if !bytes.Equal(got, contents[i]) {
				t.Fatalf("document %d of %d bytes came back with %d", i, len(contents[i]), len(got))
			}
		}
	}
}

func TestAttack03BlobsThatAreOthers(t *testing.T) {
	registry, access := start(t), connect(t)
	digest := must[string](t)(access.Publish(context.Background(), registry.Ref("hand"), "", madeUp, papers([]byte("one"))))
	for name, behaviour := range map[string]registrytest.Behaviour{"altered": registrytest.Altered(), "longer": registrytest.Padded()} {
		t.Run(name, func(t *testing.T) {
			defer registry.Behave(registrytest.Rule{Method: "GET", Answer: behaviour})()
			if _, err := access.FetchManifest(t.Context(), registry.Ref("hand"), digest); !errors.Is(err, image.ErrOtherContent) {
				t.Error(err)
			}
		})
	}
}

func TestBlobsThatAreLost(t *testing.T) {
	registry, access := start(t), connect(t)
	registry.Behave(registrytest.Rule{Method: "HEAD", Path: "/v2/hand/blobs/*", Answer: registrytest.Status(404)})
	if _, err := access.Publish(context.Background(), registry.Ref("hand"), "", madeUp, papers([]byte("one"))); reasonOf(err) != outcome.WriteLost {
		t.Error(err)
	}
	if n := registry.Requests().Count("PUT", "/v2/hand/manifests/*"); n != 0 {
		t.Error("a manifest was written over missing documents")
	}
}

func TestRepositories(t *testing.T) {
	for _, text := range []string{"", "shop:1", "shop@sha256:12", "r.example/UPPER", "r.example/a\nb", "oci:r.example/a/b"} {
		if got, err := image.ParseRepository(text); err == nil {
			t.Errorf("%q is %q", text, got)
		}
	}
	if got := must[string](t)(image.ParseRepository("r.example:5000/a/b")); got != "r.example:5000/a/b" {
		t.Error(got)
	}
}
