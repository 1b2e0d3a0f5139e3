package sbom_test

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/sbom"
)

// holding is an image with these files.
func holding(t *testing.T, files map[string]string) *image.Image {
	t.Helper()
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	for name := range files {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if err := w.WriteHeader(&tar.Header{Name: dir + "/", Mode: 0o755, Typeflag: tar.TypeDir}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, content := range files {
		head := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg}
		if err := w.WriteHeader(head); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := registrytest.OCILayout(dir, img, "1"); err != nil {
		t.Fatal(err)
	}
	access, err := image.NewRegistry(image.Access{})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := image.Parse("oci-layout:" + dir + ":1")
	if err != nil {
		t.Fatal(err)
	}
	set, err := access.Open(context.Background(), ref, v1.Platform{OS: "linux", Architecture: "amd64"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	opened := set.Images[0]
	return opened
}

const garbage = "this is not what it should be\n\x00\x01\x02"

func TestWhatCannotBeReadIsListed(t *testing.T) {
	status := "Package: gzip\nStatus: install ok installed\nVersion: 1.10-4\nArchitecture: amd64\n\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  map[string]bool // decisive, by path
	}{
		"an RPM database":      {map[string]string{"var/lib/rpm/rpmdb.sqlite": garbage}, map[string]bool{"/var/lib/rpm/rpmdb.sqlite": true}},
		"a dpkg database":      {map[string]string{"var/lib/dpkg/status": garbage}, map[string]bool{"/var/lib/dpkg/status": true}},
		"an apk database":      {map[string]string{"lib/apk/db/installed": garbage}, map[string]bool{"/lib/apk/db/installed": true}},
		"a lock file":          {map[string]string{"app/packages.lock.json": "{\"version\":1,"}, map[string]bool{"/app/packages.lock.json": true}},
		"a jar":                {map[string]string{"app/log4j-core-2.14.1.jar": garbage}, map[string]bool{"/app/log4j-core-2.14.1.jar": false}},
		"a broken fixture":     {map[string]string{"app/node_modules/x/test/fixtures/broken/package.json": "{"}, map[string]bool{"/app/node_modules/x/test/fixtures/broken/package.json": false}},
		"an empty dpkg status": {map[string]string{"var/lib/dpkg/status": "\n"}, nil},
		"a distroless image": {map[string]string{
			"var/lib/dpkg/status.d/gzip": status, "var/lib/dpkg/status.d/gzip.md5sums": "0123  usr/bin/gzip\n", "var/lib/dpkg/status.d/other.md5sums": "0123  usr/bin/gzip\n",
		}, nil},
		"a text that calls itself a program": {map[string]string{"usr/bin/hello.exe": "MZ" + garbage}, map[string]bool{"/usr/bin/hello.exe": false}},
		"an archive of nothing":              {map[string]string{"app/empty.jar": "PK\x05\x06" + strings.Repeat("\x00", 18)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c1 := catalogue(t, holding(t, c.files))
			got := map[string]bool{}
			for _, u := range c1.Unreadable() {
				t.Logf("%+v", u)
				got[u.Path] = u.Decisive
				if u.Cataloger == "" || u.Error == "" || len(u.Error) > 250 || strings.Contains(u.Error, "/tmp") {
					t.Errorf("%+v", u)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" && len(c.want)+len(got) > 0 {
				t.Error(diff)
			}
			doc, err := c1.Syft()
			if err != nil {
				t.Fatal(err)
			}
			back, err := sbom.Read("syft", doc)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c1.Unreadable(), back.Unreadable()); diff != "" {
				t.Errorf("read back: %s", diff)
			}
		})
	}
}

func TestUnreadableFilesAreNoComponents(t *testing.T) {
	c := catalogue(t, holding(t, map[string]string{"var/lib/rpm/rpmdb.sqlite": garbage, "app/a.jar": garbage}))
	if doc := documents(t, c, time.Time{})["cyclonedx"]; strings.Contains(string(doc), `"type":"file"`) {
		t.Errorf("%s", doc)
	}
}
