//go:build unix && hostile

package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/stepseal/stepseal/cmd/stepseal/internal/transcripts"
	"github.com/stepseal/stepseal/internal/registrytest"
)

// What a refusal may take, whatever the image: the whole process, as the kernel counts it.
const (
	mostMemory = 300 << 20
	mostTime   = 60 * time.Second // on a machine that does a dozen other things; alone it is seconds
)

// attack is an image, or a registry, that means harm.
type attack struct {
	image  func() (mutate.Appendable, error) // nil: a harmless one
	from   []string                          // where it lies, of sources
	path   string                            // what the registry answers otherwise
	answer registrytest.Behaviour
	flags  []string
	reason string
	says   []string // on standard error
}

// sources put an image where the program finds it.
var sources = map[string]func(t *testing.T, r *registrytest.Registry, content mutate.Appendable) string{
	"registry": func(t *testing.T, r *registrytest.Registry, content mutate.Appendable) string {
		if index, ok := content.(v1.ImageIndex); ok {
			must(t, second(r.PushIndex("shop:1", index)))
		} else {
			must(t, second(r.Push("shop:1", content.(v1.Image))))
		}
		return r.Ref("shop:1")
	},
	"layout": func(t *testing.T, _ *registrytest.Registry, content mutate.Appendable) string {
		dir := t.TempDir()
		must(t, registrytest.OCILayout(dir, content))
		return "oci-layout:" + dir
	},
	"archive": func(t *testing.T, _ *registrytest.Registry, content mutate.Appendable) string {
		file := filepath.Join(t.TempDir(), "shop.tar")
		must(t, registrytest.DockerArchive(file, "shop:1", content.(v1.Image)))
		return "docker-archive:" + file
	},
}

var (
	anywhere     = []string{"registry", "layout", "archive"}
	byManifest   = []string{"registry", "layout"} // an archive has none, or none that says how large a layer is
	fromRegistry = []string{"registry"}
)

const manifests, blobs = "/v2/shop/manifests/*", "/v2/shop/blobs/*"

func attacks() map[string]attack {
	deep := strings.Repeat("a/", 300) + "b"
	return map[string]attack{
		"a layer of 20 MB that unpacks to 20 GB": {image: raw(registrytest.Bomb), from: anywhere, reason: "too-large", says: []string{"decompression bomb", "--max-compression-ratio", "layer 1 (sha256:"}},
		"five million files":                     {image: raw(registrytest.Crowd), from: anywhere, reason: "too-large", says: []string{"more than 1000000 files", "--max-layer-files"}},

		"a manifest that is too large": {from: byManifest, flags: []string{"--max-manifest-size", "100B"}, reason: "too-large", says: []string{"larger than 100 bytes", "--max-manifest-size"}},
		"a manifest without an end":    {from: fromRegistry, path: manifests, answer: registrytest.Endless(string(types.OCIManifestSchema1), 0), reason: "too-large", says: []string{"--max-manifest-size"}},
		"a manifest of a terabyte":     {from: fromRegistry, path: manifests, answer: registrytest.Endless(string(types.OCIManifestSchema1), 1<<40), reason: "too-large", says: []string{"--max-manifest-size"}},
		"a config that is too large":   {from: anywhere, flags: []string{"--max-config-size", "100B"}, reason: "too-large", says: []string{"bytes; ", "--max-config-size"}},
		"a config without an end":      {from: fromRegistry, path: blobs, answer: registrytest.Endless(string(types.OCIConfigJSON), 0), reason: "content-damaged"},
		"too many entries in an index": {image: index(3), from: byManifest, flags: []string{"--max-index-entries", "2"}, reason: "too-large", says: []string{"has 3 entries", "--max-index-entries"}},
		"too many layers":              {image: manyLayers(3), from: anywhere, flags: []string{"--max-layers", "2"}, reason: "too-large", says: []string{"has 3 layers", "--max-layers"}},
		"a layer that is too large":    {from: byManifest, flags: []string{"--max-layer-size", "100B"}, reason: "too-large", says: []string{"layer 1 (sha256:", "--max-layer-size"}},
		"a layer of a terabyte":        {image: sized(1 << 40), from: byManifest, reason: "too-large", says: []string{"claims 1099511627776 bytes", "--max-layer-size"}},

		"a layer that unpacks to too much":      {image: tarred(file("a", 1<<20)), from: anywhere, flags: []string{"--max-unpacked-layer-size", "512KiB"}, reason: "too-large", says: []string{"--max-unpacked-layer-size"}},
		"layers that unpack to too much":        {image: manyLayers(20), from: anywhere, flags: []string{"--max-unpacked-size", "20KB"}, reason: "too-large", says: []string{"--max-unpacked-size"}},
		"too many files in a layer":             {image: tarred(file("a", 0), file("b", 0)), from: anywhere, flags: []string{"--max-layer-files", "1"}, reason: "too-large", says: []string{"more than 1 files", "--max-layer-files"}},
		"too many files in all layers":          {image: manyLayers(3), from: anywhere, flags: []string{"--max-files", "5"}, reason: "too-large", says: []string{"more than 5 files", "--max-files"}},
		"a file that is too large":              {image: tarred(file("a\x1b[2J\nb", 2000)), from: anywhere, flags: []string{"--max-file-size", "1kB"}, reason: "too-large", says: []string{`a\x1b[2J\nb`, "--max-file-size"}},
		"a sparse file of a petabyte":           {image: sparse(1 << 50), from: anywhere, reason: "too-large", says: []string{"--max-file-size"}},
		"a package.json that is too large":      {image: tarred(file("app/package.json", 1<<20)), from: anywhere, flags: []string{"--max-package-file-size", "1MB"}, reason: "too-large", says: []string{`app/package.json`, "--max-package-file-size"}},
		"a package.json of two gigabytes":       {image: raw(filled("app/package.json", 2<<30)), from: anywhere, reason: "too-large", says: []string{`app/package.json`, "--max-package-file-size"}},
		"a dpkg database of a gigabyte":         {image: raw(filled("var/lib/dpkg/status", 1<<30)), from: anywhere, reason: "too-large", says: []string{`var/lib/dpkg/status`, "--max-package-file-size"}},
		"a path that is too long":               {image: tarred(file(strings.Repeat("a", 5000), 0)), from: anywhere, reason: "too-large", says: []string{"has 5000 bytes", "--max-path-length"}},
		"a target that is too long":             {image: tarred(tar.Header{Typeflag: tar.TypeSymlink, Name: "a", Linkname: strings.Repeat("a", 5000)}), from: anywhere, reason: "too-large", says: []string{"--max-path-length"}},
		"a path that is too deep":               {image: tarred(file(deep, 0)), from: anywhere, reason: "too-large", says: []string{"301 folders deep", "--max-path-depth"}},
		"headers of a megabyte":                 {image: raw(hoard(200)), from: anywhere, flags: []string{"--max-layer-files", "20000"}, reason: "too-large", says: []string{"--max-layer-files"}},
		"more memory than there is":             {image: raw(crowded(20_000)), from: anywhere, flags: []string{"--memory-limit", "128MiB"}, reason: "memory-too-small", says: []string{"needs about", "128 MiB", "files in 1 layers: 20000", "--memory-limit"}},
		"archives in a jar that unpack forever": {image: raw(jarBomb(64, 16<<20)), from: anywhere, flags: []string{"--max-unpacked-size", "64MiB"}, reason: "too-large", says: []string{"--max-unpacked-size"}},

		"a registry that says nothing":         {from: fromRegistry, path: manifests, answer: registrytest.Hanging(), flags: []string{"--stall-timeout", "200ms"}, reason: "registry-unreachable"},
		"a layer that stops coming":            {from: fromRegistry, path: blobs, answer: registrytest.Stalled(), flags: []string{"--stall-timeout", "500ms"}, reason: "registry-unreachable", says: []string{"nothing came for 500ms", "--stall-timeout"}},
		"a layer that drips":                   {from: fromRegistry, path: blobs, answer: registrytest.Dripping(20 * time.Millisecond), flags: []string{"--stall-timeout", "500ms"}, reason: "registry-unreachable", says: []string{"bytes came in 500ms", "--stall-timeout"}},
		"redirects without an end":             {from: fromRegistry, path: "/v2/shop/*", answer: registrytest.RedirectLoop(), reason: "registry-failing", says: []string{"redirects more than 10 times"}},
		"a header without an end":              {from: fromRegistry, path: manifests, answer: registrytest.EndlessHeader(), reason: "registry-unreachable", says: []string{"headers exceeded"}},
		"a manifest that is packed once more":  {from: fromRegistry, path: manifests, answer: registrytest.Encoded(), reason: "not-an-image"},
		"a layer without an end":               {image: manyLayers(1), from: fromRegistry, path: blobs, answer: registrytest.Endless(string(types.OCILayer), 0), reason: "content-damaged"},
		"a layer with other bytes":             {from: fromRegistry, path: blobs, answer: registrytest.Altered(), reason: "content-damaged"},
		"a layer that is shorter than it says": {from: fromRegistry, path: blobs, answer: registrytest.Shortened(), reason: "content-damaged"},
		"a layer that unpacks to another":      {image: raw(gzipped(file("a", 10))), from: anywhere, reason: "content-damaged", says: []string{"unpacks to other content than the config says"}},
		"a layer that is no archive":           {image: raw(func() ([]byte, error) { return bytes.Repeat([]byte("no tar "), 1000), nil }), from: anywhere, reason: "catalogue-failed", says: []string{"layer 1 (sha256:", "is no tar archive"}},
	}
}

// TestHostileImagesAreRefused runs the program, as a process of its own, on each.
func TestHostileImagesAreRefused(t *testing.T) {
	for name, a := range attacks() {
		for _, source := range a.from {
			t.Run(name+", from a "+source, func(t *testing.T) {
				t.Parallel()
				run := a.launch(t, source)
				if run.code != 11 || !strings.Contains(run.said, "["+a.reason+"]") {
					t.Errorf("exit code %d, want 11 and %s:\n%s", run.code, a.reason, run.said)
				}
				for _, text := range a.says {
					if !strings.Contains(run.said, text) {
						t.Errorf("standard error does not say %q:\n%s", text, run.said)
					}
				}
				run.harmless(t)
				if len(run.documents) > 0 {
					t.Errorf("it wrote %v", run.documents)
				}
			})
		}
	}
}

// TestATokenWithoutAnEnd stands by itself: it needs the address of its registry.
func TestATokenWithoutAnEnd(t *testing.T) {
	registry := hostileRegistry(t)
	registry.Behave(registrytest.Rule{Path: "/*", Answer: registrytest.EndlessToken(registry.URL())})
	run := launch(t, registry.Ref("shop:1"))
	if run.code != 11 || !strings.Contains(run.said, "byte limit [registry-failing]") { // go-containerregistry's own
		t.Errorf("exit code %d:\n%s", run.code, run.said)
	}
	run.harmless(t)
}

// TestStrangeButLegalImagesAreRead is the other side: what looks hostile and does no harm is no reason to refuse.
func TestStrangeButLegalImagesAreRead(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "package.json")
	must(t, os.WriteFile(outside, []byte(`{"name":"from-outside","version":"1.0.0"}`), 0o644))
	evil := "app/node_modules/e\x1b[31mvil\n::error::x/package.json"
	bodies := map[string]string{
		"app/package.json":         `{"name":"inside","version":"1.0.0"}`,
		evil:                       `{"name":"evil\u001b[31m\n::set-output name=x::y","version":"1.0.0"}`,
		"../../../up/package.json": `{"name":"up","version":"1.0.0"}`,
	}
	layer, err := registrytest.Tar(bodies, file("app/package.json", 0), file(evil, 0), file("../../../up/package.json", 0),
		tar.Header{Typeflag: tar.TypeSymlink, Name: "link/package.json", Linkname: strings.Repeat("../", 30) + outside},
		tar.Header{Typeflag: tar.TypeLink, Name: "hard/package.json", Linkname: outside},
		tar.Header{Typeflag: tar.TypeSymlink, Name: "loop", Linkname: "loop"},
		tar.Header{Typeflag: tar.TypeSymlink, Name: "self", Linkname: "."},
		tar.Header{Typeflag: tar.TypeBlock, Name: "dev/sda", Devmajor: 8}, tar.Header{Typeflag: tar.TypeFifo, Name: "pipe/package.json"},
		file("\xff\xfe\x00"[:2], 5))
	must(t, err)
	img, err := registrytest.Raw(layer)
	must(t, err)
	for _, source := range anywhere {
		t.Run("from a "+source, func(t *testing.T) {
			run := launch(t, sources[source](t, hostileRegistry(t), img))
			if run.code != 0 || len(run.documents) == 0 {
				t.Errorf("exit code %d, documents %v:\n%s", run.code, run.documents, run.said)
			}
			doc := string(second2(os.ReadFile(filepath.Join(run.dir, "out", "sbom.cdx.json"))))
			if !json.Valid([]byte(doc)) || !strings.Contains(doc, `"inside"`) || strings.Contains(doc, "from-outside") || strings.ContainsAny(doc, "\x1b\n") {
				t.Errorf("the document: %s", doc)
			}
			run.clean(t)
		})
	}
}

// launched is a run of the program that has ended.
type launched struct {
	dir       string
	code      int
	said      string
	memory    int64
	took      time.Duration
	documents []string
	left      []string // in the folder for temporary files, or anywhere else below dir
}

func (a attack) launch(t *testing.T, source string) launched {
	t.Helper()
	if a.image == nil {
		a.image = func() (mutate.Appendable, error) { return registrytest.App(registrytest.AppOptions{}) }
	}
	content, err := a.image()
	must(t, err)
	registry := hostileRegistry(t)
	ref := sources[source](t, registry, content)
	content = nil
	if a.answer != nil {
		registry.Behave(registrytest.Rule{Path: a.path, Answer: a.answer})
	}
	return launch(t, ref, a.flags...)
}

func launch(t *testing.T, ref string, flags ...string) launched {
	t.Helper()
	return launchWith(t, nil, append([]string{"generate-sbom", "--image", ref, "--platform", "linux/amd64"}, flags...)...)
}

// launchWith runs the program with more in its environment.
func launchWith(t *testing.T, environment []string, args ...string) launched {
	t.Helper()
	l := launched{dir: t.TempDir()}
	for _, sub := range []string{"tmp", "home", "out"} {
		must(t, os.Mkdir(filepath.Join(l.dir, sub), 0o755))
	}
	ctx, stop := context.WithTimeout(context.Background(), mostTime)
	defer stop()
	cmd := exec.CommandContext(ctx, "stepseal-measured", args...)
	cmd.Dir = l.dir
	peakFile := filepath.Join(t.TempDir(), "peak")
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + filepath.Join(l.dir, "tmp"), "HOME=" + filepath.Join(l.dir, "home"),
		"STEPSEAL_OUTPUT_DIRECTORY=" + filepath.Join(l.dir, "out"), transcripts.PeakVariable + "=" + peakFile}, environment...)
	var said bytes.Buffer
	cmd.Stderr = &said
	begun := time.Now()
	_ = cmd.Run() // the exit code tells
	l.took, l.code, l.said = time.Since(begun), cmd.ProcessState.ExitCode(), said.String()
	peak, err := os.ReadFile(peakFile)
	must(t, err)
	must(t, json.Unmarshal(peak, &l.memory))
	must(t, filepath.WalkDir(l.dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			if filepath.Dir(path) == filepath.Join(l.dir, "out") {
				l.documents = append(l.documents, entry.Name())
			} else {
				l.left = append(l.left, path)
			}
		} else if err == nil && filepath.Dir(path) == filepath.Join(l.dir, "tmp") {
			l.left = append(l.left, path)
		}
		return err
	}))
	t.Logf("%.1f s, %d MiB", l.took.Seconds(), l.memory>>20)
	return l
}

func (l launched) harmless(t *testing.T) {
	t.Helper()
	if l.memory > mostMemory {
		t.Errorf("it took %d MiB of memory, more than %d", l.memory>>20, mostMemory>>20)
	}
	l.clean(t)
}

var control = regexp.MustCompile(`[\x00-\x09\x0b-\x1f\x7f]`)

func (l launched) clean(t *testing.T) {
	t.Helper()
	if l.took >= mostTime {
		t.Errorf("it took %s", l.took)
	}
	if len(l.left) > 0 {
		t.Errorf("it left %v", l.left)
	}
	if control.MatchString(l.said) || strings.Contains(l.said, "\n::") {
		t.Errorf("a name of the image reached the log: %q", l.said)
	}
}

func hostileRegistry(t *testing.T) *registrytest.Registry {
	t.Helper()
	registry, err := registrytest.Start(registrytest.Options{})
	must(t, err)
	t.Cleanup(registry.Close)
	return registry
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func second[T any](_ T, err error) error { return err }

func second2(content []byte, _ error) []byte { return content }

func file(name string, size int64) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size}
}

type making = func() (mutate.Appendable, error)

func raw(layer func() ([]byte, error)) making {
	return func() (mutate.Appendable, error) {
		content, err := layer()
		if err != nil {
			return nil, err
		}
		return registrytest.Raw(content)
	}
}

func tarred(entries ...tar.Header) making {
	return raw(func() ([]byte, error) { return registrytest.Tar(nil, entries...) })
}

func gzipped(entries ...tar.Header) func() ([]byte, error) {
	return func() ([]byte, error) {
		content, err := registrytest.Tar(nil, entries...)
		if err != nil {
			return nil, err
		}
		return registrytest.Gzip(content)
	}
}

func manyLayers(n int) making {
	return func() (mutate.Appendable, error) { return registrytest.ManyLayers(n) }
}

func index(n int) making {
	return func() (mutate.Appendable, error) {
		all := v1.ImageIndex(empty.Index)
		for i := range n {
			img, err := registrytest.ManyLayers(i + 1)
			if err != nil {
				return nil, err
			}
			all = mutate.AppendManifests(all, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}})
		}
		return all, nil
	}
}

// filled is a layer with one file of spaces, which packs as zeros do.
func filled(name string, size int64) func() ([]byte, error) {
	return func() ([]byte, error) {
		var head bytes.Buffer
		if err := tar.NewWriter(&head).WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644}); err != nil {
			return nil, err
		}
		packed, err := registrytest.Gzip(head.Bytes())
		if err != nil {
			return nil, err
		}
		const member = 16 << 20
		spaces, err := registrytest.Gzip(bytes.Repeat([]byte(" "), member))
		return append(packed, bytes.Repeat(spaces, int(size/member))...), err
	}
}

// crowded is a layer of so many files, and its diff_id is right: it gets as far as the estimate.
func crowded(files int) func() ([]byte, error) {
	return func() ([]byte, error) {
		var entries []tar.Header
		for n := range files {
			entries = append(entries, file(fmt.Sprint("f", n), 0))
		}
		return registrytest.Tar(nil, entries...)
	}
}

// hoard is a layer of files with attributes of most of a megabyte each.
func hoard(files int) func() ([]byte, error) {
	return func() ([]byte, error) {
		one, err := registrytest.Tar(nil, tar.Header{Typeflag: tar.TypeReg, Name: "a", PAXRecords: map[string]string{"SCHILY.xattr.user.a": strings.Repeat("a", 1<<20-100)}})
		if err != nil {
			return nil, err
		}
		packed, err := registrytest.Gzip(one[:len(one)-1024]) // without the end of the archive
		return bytes.Repeat(packed, files), err
	}
}

// sparse is a layer with a sparse file, in the old form of GNU tar, that says it is of that size and holds nothing.
// https://www.gnu.org/software/tar/manual/html_node/Old-GNU-Format.html
func sparse(size int64) making {
	return raw(func() ([]byte, error) {
		content, err := registrytest.Tar(nil, tar.Header{Typeflag: tar.TypeReg, Name: "a", Format: tar.FormatGNU})
		if err != nil {
			return nil, err
		}
		content[156] = 'S'
		// One fragment without a byte at the end, and the real size, both in base 256.
		for at, n := range map[int]int64{386: size, 398: 0, 483: size} {
			content[at] = 0x80
			for i := range 11 {
				content[at+11-i] = byte(n >> (8 * i))
			}
		}
		sum := 8 * int(' ')
		for i, c := range content[:512] {
			if i < 148 || i >= 156 {
				sum += int(c)
			}
		}
		copy(content[148:156], fmt.Sprintf("%06o\x00 ", sum))
		return content, nil
	})
}

// sized is an image whose manifest says that size of its layer.
func sized(size int64) making {
	return func() (mutate.Appendable, error) {
		img, err := registrytest.ManyLayers(1)
		if err != nil {
			return nil, err
		}
		return liar{img, size}, nil
	}
}

type liar struct {
	v1.Image
	size int64
}

func (l liar) Manifest() (*v1.Manifest, error) {
	doc, err := l.Image.Manifest()
	if err != nil {
		return nil, err
	}
	doc = doc.DeepCopy()
	doc.Layers[0].Size = l.size
	return doc, nil
}

func (l liar) RawManifest() ([]byte, error) {
	doc, err := l.Manifest()
	if err != nil {
		return nil, err
	}
	return json.Marshal(doc)
}

func (l liar) Digest() (v1.Hash, error) {
	raw, err := l.RawManifest()
	if err != nil {
		return v1.Hash{}, err
	}
	hash, _, err := v1.SHA256(bytes.NewReader(raw))
	return hash, err
}

func (l liar) Size() (int64, error) {
	raw, err := l.RawManifest()
	return int64(len(raw)), err
}

// jarBomb is a layer with a jar of so many jars, each of that many zeros.
func jarBomb(jars int, size int) func() ([]byte, error) {
	return func() ([]byte, error) {
		var buf bytes.Buffer
		w := zip.NewWriter(&buf)
		for n := range jars {
			inner, err := w.Create(fmt.Sprintf("lib/inner-%d.jar", n))
			if err != nil {
				return nil, err
			}
			if _, err := inner.Write(make([]byte, size)); err != nil {
				return nil, err
			}
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		return registrytest.Tar(map[string]string{"app/outer.jar": buf.String()}, file("app/outer.jar", 0))
	}
}
