package sigstore

import (
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/stepseal/stepseal/internal/registrytest"
)

// transplanted is the reference of another image in the same repository, to which everything is attached that is attached
// to this one.
func transplanted(t *testing.T, ref string) string {
	t.Helper()
	from, err := name.NewDigest(ref)
	if err != nil {
		t.Fatal(err)
	}
	image, err := registrytest.App(registrytest.AppOptions{Distro: registrytest.Debian("12")})
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(from.Tag("transplanted"), image); err != nil {
		t.Fatal(err)
	}
	to, err := remote.Head(from.Tag("transplanted"))
	if err != nil {
		t.Fatal(err)
	}
	if moved := moveReferrers(t, from, *to) + moveTags(t, from, to.Digest); moved == 0 {
		t.Fatalf("nothing is attached to %s", ref)
	}
	return from.Context().Digest(to.Digest.String()).String()
}

// moveReferrers gives each referrer another subject.
func moveReferrers(t *testing.T, from name.Digest, to v1.Descriptor) int {
	t.Helper()
	index, err := remote.Referrers(from)
	if err != nil {
		t.Fatal(err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range list.Manifests {
		referrer, err := remote.Image(from.Context().Digest(one.Digest.String()))
		if err != nil {
			t.Fatal(err)
		}
		moved := mutate.Subject(referrer, to).(v1.Image)
		digest, err := moved.Digest()
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(from.Context().Digest(digest.String()), moved); err != nil {
			t.Fatal(err)
		}
	}
	return len(list.Manifests)
}

// moveTags does it with what is attached by the name of a tag, the legacy way.
func moveTags(t *testing.T, from name.Digest, to v1.Hash) int {
	t.Helper()
	tags, err := remote.List(from.Context())
	if err != nil {
		t.Fatal(err)
	}
	moved := 0
	prefix := strings.ReplaceAll(from.DigestStr(), ":", "-") + "."
	for _, tag := range tags {
		kind, ok := strings.CutPrefix(tag, prefix)
		if !ok {
			continue
		}
		attached, err := remote.Get(from.Context().Tag(tag))
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Tag(from.Context().Tag(to.Algorithm+"-"+to.Hex+"."+kind), attached); err != nil {
			t.Fatal(err)
		}
		moved++
	}
	return moved
}

// onlyTags is the same image in another registry, with what is attached by the names of tags and nothing else.
func onlyTags(t *testing.T, ref string) string {
	t.Helper()
	from, err := name.NewDigest(ref)
	if err != nil {
		t.Fatal(err)
	}
	other := pushed(t, registrytest.ReferrersOn)
	to, err := name.NewDigest(other)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{".sig", ".att"} {
		tag := strings.ReplaceAll(from.DigestStr(), ":", "-") + kind
		attached, err := remote.Image(from.Context().Tag(tag))
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(to.Context().Tag(tag), attached); err != nil {
			t.Fatal(err)
		}
	}
	return other
}

// everythingIn is how many signatures and attestations are stored about an image.
func everythingIn(t *testing.T, ref string) int {
	t.Helper()
	of, err := name.NewDigest(ref)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Referrers(of)
	if err != nil {
		t.Fatal(err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	n := len(list.Manifests)
	for _, kind := range []string{".sig", ".att"} {
		attached, err := remote.Image(of.Context().Tag(strings.ReplaceAll(of.DigestStr(), ":", "-") + kind))
		if err != nil {
			continue // there is none of the kind
		}
		layers, err := attached.Layers()
		if err != nil {
			t.Fatal(err)
		}
		n += len(layers)
	}
	if n == 0 {
		t.Fatalf("nothing is attached to %s", ref)
	}
	return n
}
