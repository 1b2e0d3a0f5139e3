package sbom_test

import (
	"archive/tar"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anchore/stereoscope/pkg/file"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/sbom"
)

// opened is the image by that reference.
func opened(t *testing.T, reference string) *image.Image {
	t.Helper()
	access, err := image.NewRegistry(image.Access{Scratch: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := image.Parse(reference)
	if err != nil {
		t.Fatal(err)
	}
	set, err := access.Open(context.Background(), ref, v1.Platform{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return set.Images[0]
}

// ours is an image as the catalogers see it, in registrytest's words.
func ours(t *testing.T, img *image.Image) registrytest.View {
	t.Helper()
	seen, err := sbom.View(context.Background(), img, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[file.Type]byte{file.TypeDirectory: tar.TypeDir, file.TypeSymLink: tar.TypeSymlink, file.TypeRegular: tar.TypeReg}
	view := registrytest.View{}
	for at, one := range seen {
		kind, ok := kinds[one.Kind]
		if !ok {
			view[at] = fmt.Sprintf("hard link to %q", one.Content)
			if one.Lost {
				view[at] = "lost"
			}
			continue
		}
		view[at] = registrytest.Line(kind, one.Mode, one.Content, one.Target)
	}
	return view
}

// The layers of random images, one over the other, are what the specification says, read from a layout and from an
// archive. test/docker compares the same images with Docker's own export.
func TestRandomLayers(t *testing.T) {
	for seed := range uint64(120) {
		built, err := registrytest.Random(seed, registrytest.RandomOptions{})
		if err != nil {
			t.Fatal(err)
		}
		want, err := registrytest.ViewOf(built)
		if err != nil {
			t.Fatal(err)
		}
		dir, archive := t.TempDir(), filepath.Join(t.TempDir(), "random.tar")
		if err := registrytest.OCILayout(dir, built); err != nil {
			t.Fatal(err)
		}
		if err := registrytest.SaveArchive(archive, registrytest.DockerSave, registrytest.Tagged{Image: built}); err != nil {
			t.Fatal(err)
		}
		for _, source := range []string{"oci-layout:" + dir, "docker-archive:" + archive} {
			if diff := cmp.Diff(want, ours(t, opened(t, source))); diff != "" {
				t.Errorf("seed %d from %s (-specification +ours):\n%s", seed, source, diff)
			}
		}
	}
}

// No builder writes hard links to files of a layer below, and Docker's own storage drivers differ in what they make of
// one. Such a link is followed to the file, as long as that stays what it was; one whose file a later layer has changed
// or removed is told to be unreadable, and that is all in which the views differ.
func TestHardLinksToLowerLayers(t *testing.T) {
	followed, lost := 0, 0
	for seed := range uint64(120) {
		built, err := registrytest.Random(seed, registrytest.RandomOptions{LinksToLowerLayers: true})
		if err != nil {
			t.Fatal(err)
		}
		want, err := registrytest.ViewOf(built)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := registrytest.OCILayout(dir, built); err != nil {
			t.Fatal(err)
		}
		got := ours(t, opened(t, "oci-layout:"+dir))
		for at, line := range got {
			content := line[strings.Index(line, "\"")+1:]
			switch {
			case line == "lost":
				lost++
				got[at] = want[at]
			case strings.HasPrefix(line, "hard link to ") && strings.HasSuffix(want[at], " \""+content):
				followed++
				got[at] = want[at]
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("seed %d (-specification +ours):\n%s", seed, diff)
		}
	}
	if followed < 5 || lost < 5 {
		t.Errorf("%d links were followed, %d lost: these images show nothing", followed, lost)
	}
}

func TestLostHardLinkIsDecisive(t *testing.T) {
	for seed := range uint64(120) {
		built, err := registrytest.Random(seed, registrytest.RandomOptions{LinksToLowerLayers: true})
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := registrytest.OCILayout(dir, built); err != nil {
			t.Fatal(err)
		}
		img := opened(t, "oci-layout:"+dir)
		for at, line := range ours(t, img) {
			if line != "lost" {
				continue
			}
			found := catalogue(t, img).Unreadable()
			if !slices.ContainsFunc(found, func(u sbom.Unreadable) bool { return u.Path == at && u.Decisive && u.Cataloger == "hard-link" }) {
				t.Errorf("%s is lost, and not listed: %+v", at, found)
			}
			return
		}
	}
	t.Error("no image has a lost link")
}
