package image_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/zstd"

	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
)

func openArchive(t *testing.T, reference string) (*image.Image, error) {
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
		return nil, err
	}
	return set.Images[0], nil
}

// namesIn brings the layers in and reads them.
func namesIn(t *testing.T, img *image.Image) ([]string, error) {
	t.Helper()
	pool, err := image.NewPool(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := img.Unpack(context.Background(), pool); err != nil {
		return nil, err
	}
	return layersOf(img.Content())
}

// layersOf reads everything, and returns the names in every layer.
func layersOf(img v1.Image) ([]string, error) {
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	var names []string
	for n, layer := range layers {
		content, err := layer.Uncompressed()
		if err != nil {
			return names, err
		}
		packed := bytes.Buffer{}
		if _, err := packed.ReadFrom(content); err != nil {
			return names, err
		}
		for r := tar.NewReader(&packed); ; {
			head, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return names, err
			}
			names = append(names, fmt.Sprintf("%d %s", n, head.Name))
		}
	}
	return names, nil
}

func app(t *testing.T, options registrytest.AppOptions) v1.Image {
	t.Helper()
	img, err := registrytest.App(options)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func compressed(t *testing.T, file string, with func(io.Writer) io.WriteCloser) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	w := with(&packed)
	if _, err := w.Write(raw); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file+".packed", packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file + ".packed"
}

func TestArchivesOfEveryForm(t *testing.T) {
	shop := app(t, registrytest.AppOptions{})
	want, err := layersOf(shop)
	if err != nil {
		t.Fatal(err)
	}
	id, err := shop.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	save := func(form registrytest.ArchiveForm) string {
		file := filepath.Join(t.TempDir(), "app:1.tar") // a colon may belong to the path
		if err := registrytest.SaveArchive(file, form, registrytest.Tagged{Image: shop, Tags: []string{"team/shop:1"}}); err != nil {
			t.Fatal(err)
		}
		return file
	}
	ggcr := filepath.Join(t.TempDir(), "ggcr.tar")
	if err := registrytest.DockerArchive(ggcr, "team/shop:1", shop); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{
		"docker save":            save(registrytest.DockerSave),
		"docker save since 25":   save(registrytest.DockerSave25),
		"skopeo":                 save(registrytest.Skopeo),
		"go-containerregistry's": ggcr,
		"packed with gzip":       compressed(t, save(registrytest.DockerSave), func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }),
		"packed with zstd": compressed(t, save(registrytest.DockerSave25), func(w io.Writer) io.WriteCloser {
			packer, err := zstd.NewWriter(w)
			if err != nil {
				t.Fatal(err)
			}
			return packer
		}),
	} {
		for _, called := range []string{"", ":team/shop:1", ":docker.io/team/shop:1", ":" + id.Hex, ":" + id.String()} {
			if called != "" && strings.Contains(name, "packed") {
				continue
			}
			t.Run(name+" called "+called, func(t *testing.T) {
				img, err := openArchive(t, "docker-archive:"+file+called)
				if err != nil {
					t.Fatal(err)
				}
				if img.Digest.Hex != "" || img.ID != id || img.Subject() != id.String() || img.Platform != "linux/amd64" || img.Name() != "docker-archive:"+file+called {
					t.Errorf("digest %s, id %s, platform %s, name %s", img.Digest, img.ID, img.Platform, img.Name())
				}
				got, err := namesIn(t, img)
				if diff := cmp.Diff(want, got); err != nil || diff != "" {
					t.Error(err, diff)
				}
			})
		}
	}
}

func TestArchiveOfSeveralImages(t *testing.T) {
	file := filepath.Join(t.TempDir(), "two.tar")
	one, two := app(t, registrytest.AppOptions{}), app(t, registrytest.AppOptions{Version: "2.0.0"})
	err := registrytest.SaveArchive(file, registrytest.DockerSave, registrytest.Tagged{Image: one, Tags: []string{"shop:1"}}, registrytest.Tagged{Image: two, Tags: []string{"shop:2", "shop:latest"}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = openArchive(t, "docker-archive:"+file)
	if known := outcome.Of(err); err == nil || known.Reason != outcome.ImageNotFound || !strings.Contains(strings.Join(known.Evidence, "\n"), `"shop:2"`) {
		t.Errorf("none is named: %v", err)
	}
	_, err = openArchive(t, "docker-archive:"+file+":shop:3")
	if err == nil || outcome.Of(err).Reason != outcome.ImageNotFound {
		t.Errorf("another is named: %v", err)
	}
	for called, want := range map[string]v1.Image{"shop:1": one, "shop:2": two, "shop": two} {
		img, err := openArchive(t, "docker-archive:"+file+":"+called)
		if err != nil {
			t.Fatal(err)
		}
		names, err := layersOf(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := namesIn(t, img) // the first layer of the second image is a link
		if diff := cmp.Diff(names, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", called, err, diff)
		}
	}
}

func TestOddImagesInArchives(t *testing.T) {
	for name, build := range map[string]func() (v1.Image, error){
		"no layers":  registrytest.Scratch,
		"300 layers": func() (v1.Image, error) { return registrytest.ManyLayers(300) },
	} {
		t.Run(name, func(t *testing.T) {
			want, err := build()
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "odd.tar")
			if err := registrytest.SaveArchive(file, registrytest.DockerSave, registrytest.Tagged{Image: want}); err != nil {
				t.Fatal(err)
			}
			img, err := openArchive(t, "docker-archive:"+file)
			if err != nil {
				t.Fatal(err)
			}
			names, err := layersOf(want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := namesIn(t, img)
			if diff := cmp.Diff(names, got); err != nil || diff != "" {
				t.Error(err, diff)
			}
		})
	}
}

// entry is a file of an archive that nobody's tool would write.
type entry struct {
	name, body, link string
	kind             byte
}

func written(t *testing.T, entries ...entry) string {
	t.Helper()
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	for _, e := range entries {
		if e.kind == 0 {
			e.kind = tar.TypeReg
		}
		if err := w.WriteHeader(&tar.Header{Typeflag: e.kind, Name: e.name, Linkname: e.link, Size: int64(len(e.body)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "a.tar")
	if err := os.WriteFile(file, packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestArchivesThatCannotBeRead(t *testing.T) {
	const config = `{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]}}`
	manifest := func(config, layers string) entry {
		return entry{name: "manifest.json", body: fmt.Sprintf(`[{"Config":%q,"Layers":%s}]`, config, layers)}
	}
	good := []entry{manifest("c.json", `["l"]`), {name: "c.json", body: config}, {name: "l"}}
	with := func(replaced ...entry) string { return written(t, append(append([]entry{}, good...), replaced...)...) }
	loop := []entry{{name: "l", kind: tar.TypeSymlink, link: "m"}, {name: "m", kind: tar.TypeSymlink, link: "l"}}
	cut := written(t, good...)
	if err := os.Truncate(cut, 700); err != nil {
		t.Fatal(err)
	}
	notTar := filepath.Join(t.TempDir(), "text.tar")
	if err := os.WriteFile(notTar, []byte(strings.Repeat("no tar at all\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	many := make([]entry, 50_001)
	for i := range many {
		many[i] = entry{name: fmt.Sprintf("f/%d", i)}
	}
	if img, err := openArchive(t, "docker-archive:"+written(t, good...)); err != nil {
		t.Fatal(err)
	} else if _, err := namesIn(t, img); err != nil {
		t.Fatalf("the good one: %v", err)
	}
	for name, c := range map[string]struct {
		file   string
		reason outcome.Reason
	}{
		"no file":                    {filepath.Join(t.TempDir(), "absent.tar"), outcome.ImageNotFound},
		"no tar":                     {notTar, outcome.ContentDamaged},
		"cut short":                  {cut, outcome.ContentDamaged},
		"a folder":                   {t.TempDir(), outcome.ContentDamaged},
		"no manifest.json":           {written(t, entry{name: "index.json", body: "{}"}), outcome.NotAnImage},
		"a manifest that is no JSON": {with(entry{name: "manifest.json", body: "{"}), outcome.NotAnImage},
		"no image":                   {with(entry{name: "manifest.json", body: "[]"}), outcome.ImageNotFound},
		"no config":                  {with(manifest("absent.json", `["l"]`)), outcome.ContentDamaged},
		"a config of another digest": {with(manifest(strings.Repeat("a", 64)+".json", `["l"]`), entry{name: strings.Repeat("a", 64) + ".json", body: config}), outcome.ContentDamaged},
		"a config that is no JSON":   {with(entry{name: "c.json", body: "{"}), outcome.ContentDamaged},
		"too few layers":             {with(manifest("c.json", `[]`)), outcome.NotAnImage},
		"no layer":                   {with(manifest("c.json", `["absent"]`)), outcome.ContentDamaged},
		"links in a circle":          {with(loop...), outcome.ContentDamaged},
		"a layer of another content": {with(entry{name: "l", body: "something"}), outcome.ContentDamaged},
		"an endless manifest":        {with(entry{name: "manifest.json", body: strings.Repeat(" ", 9<<20)}), outcome.TooLarge},
		"an endless config":          {with(entry{name: "c.json", body: strings.Repeat(" ", 9<<20)}), outcome.TooLarge},
		"too many files":             {written(t, many...), outcome.TooLarge},
		"a name far too long":        {with(entry{name: strings.Repeat("n", 2000)}), outcome.TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			img, err := openArchive(t, "docker-archive:"+c.file)
			if err == nil {
				_, err = namesIn(t, img)
			}
			if err == nil || outcome.Of(err).Reason != c.reason {
				t.Errorf("got %v, want the reason %s", err, c.reason)
			}
		})
	}
}

// A packed layer is checked by what it unpacks to: nothing else binds it to the config.
func TestPackedLayerOfAnotherContent(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := io.WriteString(w, strings.Repeat("\x00", 1024)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file := written(t,
		entry{name: "manifest.json", body: `[{"Config":"c.json","Layers":["l.tar.gz"]}]`},
		entry{name: "c.json", body: `{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["sha256:` + strings.Repeat("b", 64) + `"]}}`},
		entry{name: "l.tar.gz", body: packed.String()})
	img, err := openArchive(t, "docker-archive:"+file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := namesIn(t, img); err == nil || outcome.Of(err).Reason != outcome.ContentDamaged || !strings.Contains(err.Error(), "unpacks to other content") {
		t.Errorf("got %v", err)
	}
}
