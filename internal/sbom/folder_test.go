package sbom_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/sbom"
)

// write puts files below a folder; the name of a folder ends in a slash.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// unpacked is the image's root file system in a folder.
func unpacked(t *testing.T, img v1.Image) string {
	t.Helper()
	dir := t.TempDir()
	content := mutate.Extract(img)
	defer content.Close()
	for r := tar.NewReader(content); ; {
		head, err := r.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		if head.Typeflag != tar.TypeReg {
			continue
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, map[string]string{head.Name: string(body)})
	}
}

// packages are the packages with the files that name them.
func packages(t *testing.T, c *sbom.Catalogue) []string {
	t.Helper()
	raw, err := c.Syft()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Artifacts []struct {
			Name, Version, Type, PURL string
			Locations                 []struct{ Path string }
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, a := range doc.Artifacts {
		var paths []string
		for _, l := range a.Locations {
			paths = append(paths, l.Path)
		}
		slices.Sort(paths)
		list = append(list, fmt.Sprintf("%s %s %s %s at %s", a.Type, a.Name, a.Version, a.PURL, strings.Join(paths, ", ")))
	}
	slices.Sort(list)
	return list
}

// The same content gives the same packages from a layout, from an archive of every form, and unpacked in a folder.
// test/docker adds the registry, the daemon and the findings.
func TestSamePackagesFromEverySource(t *testing.T) {
	for name, distro := range map[string]registrytest.Distro{"Debian": registrytest.Debian("11"), "Alpine": registrytest.Alpine("3.22")} {
		t.Run(name, func(t *testing.T) {
			shop, err := registrytest.App(registrytest.AppOptions{Log4jVersion: "2.14.1", Distro: distro})
			if err != nil {
				t.Fatal(err)
			}
			layout := t.TempDir()
			if err := registrytest.OCILayout(layout, shop); err != nil {
				t.Fatal(err)
			}
			want := packages(t, catalogue(t, opened(t, "oci-layout:"+layout)))
			if len(want) < 30 {
				t.Fatalf("%d packages", len(want))
			}
			sources := []string{"dir:" + unpacked(t, shop)}
			for _, form := range []registrytest.ArchiveForm{registrytest.DockerSave, registrytest.DockerSave25, registrytest.Skopeo} {
				file := filepath.Join(t.TempDir(), "shop.tar")
				if err := registrytest.SaveArchive(file, form, registrytest.Tagged{Image: shop}); err != nil {
					t.Fatal(err)
				}
				sources = append(sources, "docker-archive:"+file)
			}
			for _, source := range sources {
				if diff := cmp.Diff(want, packages(t, catalogue(t, opened(t, source)))); diff != "" {
					t.Errorf("%s (-layout +%s):\n%s", source, source, diff)
				}
			}
		})
	}
}

const (
	dpkgStatus = "Package: %s\nStatus: install ok installed\nVersion: 1.10-4\nArchitecture: amd64\nMaintainer: x\nDescription: y\n\n"
	lockFile   = `{"name":"shop","version":"1.0.0","lockfileVersion":3,"packages":{"":{"name":"shop","version":"1.0.0"},"node_modules/%s":{"version":"1.3.0","resolved":"https://registry.example.com/x.tgz"}}}`
)

func TestSourcesAreReadByTheirLockFiles(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"web/package-lock.json": fmt.Sprintf(lockFile, "left-pad"), "go.mod": "module example.com/x\n\ngo 1.21\n\nrequire golang.org/x/text v0.3.0\n",
		"vcpkg.json": `{"name":"x","dependencies":["zlib"]}`})
	// A go command that tells on whoever runs it.
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "go"), []byte("#!/bin/sh\ntouch "+bin+"/ran\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	c := catalogue(t, opened(t, "dir:"+dir))
	got := strings.Join(packages(t, c), "\n")
	if !strings.Contains(got, "left-pad 1.3.0") || !strings.Contains(got, "golang.org/x/text v0.3.0") || !strings.Contains(c.ReadAs(), "sources") {
		t.Errorf("read as %s: %s", c.ReadAs(), got)
	}
	if _, err := os.Stat(filepath.Join(bin, "ran")); err == nil {
		t.Error("the go command was run")
	}
}

// Whatever a link says, nothing outside the folder is read; what it says about the inside is followed as in an image.
func TestLinksDoNotLeadOutOfTheFolder(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	write(t, outside, map[string]string{"lib/dpkg/status": fmt.Sprintf(dpkgStatus, "outside"), "package-lock.json": fmt.Sprintf(lockFile, "outside")})
	write(t, dir, map[string]string{"etc/os-release": "ID=debian\nVERSION_ID=11\n", "real/status": fmt.Sprintf(dpkgStatus, "inside")})
	up, err := filepath.Rel(filepath.Join(dir, "var"), outside)
	if err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{
		"var/lib":                     filepath.Join(up, "lib"),                    // a folder outside, by a relative link
		"absolute":                    outside,                                     // by an absolute one
		"package-lock.json":           filepath.Join(outside, "package-lock.json"), // a file outside
		"twice":                       "absolute/lib",                              // through another link
		"file":                        "absolute/lib/dpkg/status",                  // likewise
		"loop":                        "loop",
		"usr/lib/dpkg":                "/real", // an absolute link is one of the folder's own root
		"self":                        ".",
		"var/../lib/apk/db/installed": "/dev/zero",
	} {
		at := filepath.Join(dir, link)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, at); err != nil {
			t.Fatal(err)
		}
	}
	for _, got := range packages(t, catalogue(t, opened(t, "dir:"+dir))) {
		if strings.Contains(got, "outside") {
			t.Error(got)
		}
	}
	if err := os.Remove(filepath.Join(dir, "var/lib")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/usr/lib", filepath.Join(dir, "var/lib")); err != nil {
		t.Fatal(err)
	}
	if got := packages(t, catalogue(t, opened(t, "dir:"+dir))); len(got) != 1 || !strings.Contains(got[0], "deb inside") {
		t.Errorf("through links on the inside: %q", got)
	}
}

func TestPipesAreNotOpened(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"var/lib/dpkg/status": fmt.Sprintf(dpkgStatus, "inside")})
	for _, name := range []string{"package-lock.json", "var/lib/dpkg/status.d", "lib.jar"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan []string, 1)
	go func() { done <- packages(t, catalogue(t, opened(t, "dir:"+dir))) }()
	select {
	case got := <-done:
		if len(got) != 1 {
			t.Error(got)
		}
	case <-time.After(time.Minute):
		t.Fatal("it waits for a writer")
	}
}

func TestFoldersWithoutEnd(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a/b/c/d/e/f": "text", "a/large": strings.Repeat("x", 4096), "a/1": "", "a/2": "", "a/3": ""})
	roomy := image.FolderLimits{Entries: 100, Bytes: 1 << 20, FileBytes: 1 << 20, NameBytes: 100, Depth: 10}
	for name, limits := range map[string]image.FolderLimits{
		"files": {Entries: 5, Bytes: roomy.Bytes, FileBytes: roomy.FileBytes, NameBytes: roomy.NameBytes, Depth: roomy.Depth},
		"bytes": {Entries: roomy.Entries, Bytes: 4000, FileBytes: roomy.FileBytes, NameBytes: roomy.NameBytes, Depth: roomy.Depth},
		"large": {Entries: roomy.Entries, Bytes: roomy.Bytes, FileBytes: 4000, NameBytes: roomy.NameBytes, Depth: roomy.Depth},
		"names": {Entries: roomy.Entries, Bytes: roomy.Bytes, FileBytes: roomy.FileBytes, NameBytes: 8, Depth: roomy.Depth},
		"depth": {Entries: roomy.Entries, Bytes: roomy.Bytes, FileBytes: roomy.FileBytes, NameBytes: roomy.NameBytes, Depth: 3},
	} {
		t.Run(name, func(t *testing.T) {
			img := opened(t, "dir:"+dir)
			if err := sbom.CreateWithin(context.Background(), img, roomy); err != nil {
				t.Fatal(err)
			}
			if err := sbom.CreateWithin(context.Background(), img, limits); err == nil || outcome.Of(err).Reason != outcome.TooLarge {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestDocumentsOfAFolder(t *testing.T) {
	parent := t.TempDir()
	write(t, parent, map[string]string{"app/package-lock.json": fmt.Sprintf(lockFile, "left-pad")})
	t.Chdir(parent)
	first := documents(t, catalogue(t, opened(t, "dir:app")), time.Time{})
	second := documents(t, catalogue(t, opened(t, "dir:app")), time.Time{})
	for name, doc := range first {
		if !bytes.Equal(doc, second[name]) {
			t.Errorf("%s differs between two runs", name)
		}
		if bytes.Contains(doc, []byte(parent)) {
			t.Errorf("%s tells where the folder lies", name)
		}
		if name != "syft" && !bytes.Contains(doc, []byte(`"1970-01-01T00:00:00Z"`)) {
			t.Errorf("%s is of another time", name)
		}
		back, err := sbom.Read(name, doc)
		if err != nil || back.Subject() != "" || back.Packages() == 0 {
			t.Errorf("%s read back: %v", name, err)
		}
	}
	write(t, parent, map[string]string{"app/package-lock.json": fmt.Sprintf(lockFile, "right-pad")})
	third := documents(t, catalogue(t, opened(t, "dir:app")), time.Time{})
	for _, name := range []string{"cyclonedx", "spdx"} {
		if idOf(t, first[name]) == idOf(t, third[name]) {
			t.Errorf("%s has the id of a document with other content", name)
		}
	}
}

func idOf(t *testing.T, doc []byte) string {
	t.Helper()
	var head struct{ SerialNumber, DocumentNamespace string }
	if err := json.Unmarshal(doc, &head); err != nil {
		t.Fatal(err)
	}
	return head.SerialNumber + head.DocumentNamespace
}

// The documents of an image that no registry knows are bound to its id.
func TestDocumentsOfAnArchive(t *testing.T) {
	shop, err := registrytest.App(registrytest.AppOptions{})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "shop.tar")
	if err := registrytest.SaveArchive(file, registrytest.DockerSave, registrytest.Tagged{Image: shop}); err != nil {
		t.Fatal(err)
	}
	img := opened(t, "docker-archive:"+file)
	for name, doc := range documents(t, catalogue(t, img), time.Time{}) {
		back, err := sbom.Read(name, doc)
		if err != nil || back.Subject() != img.ID.String() || back.Name() != "docker-archive:"+file {
			t.Errorf("%s: %v, about %q at %q", name, err, back.Name(), back.Subject())
		}
		if name != "syft" && !bytes.Contains(doc, []byte("pkg:docker/shop.tar@sha256%3A"+img.ID.Hex)) {
			t.Errorf("%s has no package URL of type docker", name)
		}
	}
}
