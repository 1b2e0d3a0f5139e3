package sbom_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/sbom"
)

// shop is the sample image, opened from a registry.
func shop(t *testing.T, options registrytest.AppOptions) *image.Image {
	t.Helper()
	registry, err := registrytest.Start(registrytest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(registry.Close)
	app, err := registrytest.App(options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := registry.Push("team/shop:1", app); err != nil {
		t.Fatal(err)
	}
	access, err := image.NewRegistry(image.Access{})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := image.Parse(registry.Ref("team/shop:1"))
	if err != nil {
		t.Fatal(err)
	}
	set, err := access.Open(context.Background(), ref, v1.Platform{OS: "linux", Architecture: "amd64"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	img := set.Images[0]
	return img
}

func catalogue(t *testing.T, img *image.Image) *sbom.Catalogue {
	t.Helper()
	scratch := t.TempDir()
	pool, err := image.NewPool(scratch, sbom.Weigh(0))
	if err != nil {
		t.Fatal(err)
	}
	c, err := sbom.Create(context.Background(), img, sbom.Tool{Name: "stepseal", Version: "test"}, sbom.Place{Pool: pool, Scratch: scratch, Texts: &sbom.LicenceTexts{}}, sbom.Bounds{})
	if err != nil {
		t.Fatal(err)
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(scratch)
	if err != nil || len(left) != 0 {
		t.Errorf("left in the scratch folder: %v %v", left, err)
	}
	return c
}

// documents writes all three, by name.
func documents(t *testing.T, c *sbom.Catalogue, epoch time.Time) map[string][]byte {
	t.Helper()
	docs := map[string][]byte{}
	for name, write := range map[string]func() ([]byte, error){
		"cyclonedx": func() ([]byte, error) { return c.CycloneDX(epoch) },
		"spdx":      func() ([]byte, error) { return c.SPDX(epoch) },
		"syft":      c.Syft,
	} {
		doc, err := write()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		docs[name] = doc
	}
	return docs
}

func TestCatalogueFindsEveryEcosystem(t *testing.T) {
	c := catalogue(t, shop(t, registrytest.AppOptions{Log4jVersion: "2.14.1", Distro: registrytest.Debian("11")}))
	counts := map[string]int{}
	for _, count := range c.Types() {
		counts[count.Type] = count.Packages
	}
	for _, kind := range []string{"npm", "java-archive", "go-module", "deb"} {
		if counts[kind] == 0 {
			t.Errorf("no package of the type %s: %v", kind, counts)
		}
	}
}

func TestDocumentsAreDeterministicAndBound(t *testing.T) {
	img := shop(t, registrytest.AppOptions{Log4jVersion: "2.17.1", Distro: registrytest.Debian("11")})
	first := documents(t, catalogue(t, img), time.Time{})
	second := documents(t, catalogue(t, img), time.Time{})
	for name, doc := range first {
		if !bytes.Equal(doc, second[name]) {
			t.Errorf("%s differs between two runs", name)
		}
		if bytes.HasSuffix(doc, []byte("\n")) || bytes.Contains(doc, []byte(`\u003c`)) {
			t.Errorf("%s ends in a newline, or escapes HTML", name)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, doc); err != nil || compact.Len() != len(doc) {
			t.Errorf("%s is not compact: %v", name, err)
		}
		subject, err := evidence.SBOMSubject(doc)
		if err != nil || subject != img.Digest.String() {
			t.Errorf("%s describes %q (%v), the image is %s", name, subject, err, img.Digest)
		}
		back, err := sbom.Read(name, doc)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if back.Subject() != img.Digest.String() || back.Packages() == 0 {
			t.Errorf("%s read back: %q, %d packages", name, back.Subject(), back.Packages())
		}
	}
}

func TestDocumentTimeIsNotTheClock(t *testing.T) {
	img := shop(t, registrytest.AppOptions{})
	c := catalogue(t, img)
	created := img.Created.UTC().Format(time.RFC3339)
	for name, doc := range documents(t, c, time.Time{}) {
		if name != "syft" && !strings.Contains(string(doc), `"`+created+`"`) {
			t.Errorf("%s does not carry the image's creation time %s", name, created)
		}
	}
	epoch := time.Unix(1_700_000_000, 0)
	for name, doc := range documents(t, c, epoch) {
		if name != "syft" && !strings.Contains(string(doc), `"2023-11-14T22:13:20Z"`) {
			t.Errorf("%s does not carry SOURCE_DATE_EPOCH", name)
		}
	}
}

// TestTheDocumentHasNothingYoungerThanItsVersion: the library, which leaves out what 1.6 has not, leaves out nothing.
func TestTheDocumentHasNothingYoungerThanItsVersion(t *testing.T) {
	all := map[string]*sbom.Catalogue{"image": catalogue(t, shop(t, registrytest.AppOptions{Log4jVersion: "2.14.1", Distro: registrytest.Debian("11")}))}
	files, err := os.ReadDir("testdata/foreign")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		doc, err := os.ReadFile("testdata/foreign/" + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		if all[file.Name()], err = sbom.Read(file.Name(), doc); err != nil {
			delete(all, file.Name()) // another test says which cannot be read
		}
	}
	if len(all) < 15 {
		t.Fatalf("%d documents are few", len(all))
	}
	for name, c := range all {
		got, err := c.CycloneDX(time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		want, err := sbom.As16(c, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		serial := regexp.MustCompile(`urn:uuid:[0-9a-f-]{36}`)
		if diff := cmp.Diff(serial.ReplaceAllString(string(want), ""), serial.ReplaceAllString(string(got), "")); diff != "" {
			t.Errorf("%s: %.2000s", name, diff)
		}
	}
}

func TestRootComponentOfCycloneDX(t *testing.T) {
	img := shop(t, registrytest.AppOptions{})
	var bom struct {
		SerialNumber string
		SpecVersion  string
		Metadata     struct {
			Component struct {
				Name, Version, PURL string
				Hashes              []struct{ Alg, Content string }
			}
		}
		Components []struct{ Type string }
	}
	if err := json.Unmarshal(documents(t, catalogue(t, img), time.Time{})["cyclonedx"], &bom); err != nil {
		t.Fatal(err)
	}
	root := bom.Metadata.Component
	if root.Version != img.Digest.String() || len(root.Hashes) != 1 || root.Hashes[0].Content != img.Digest.Hex || bom.SpecVersion != "1.6" {
		t.Errorf("root component %+v", root)
	}
	if !strings.HasPrefix(root.PURL, "pkg:oci/shop@sha256%3A") || !strings.Contains(root.PURL, "repository_url=") || !strings.Contains(root.PURL, "arch=amd64") {
		t.Errorf("purl %s", root.PURL)
	}
	for _, component := range bom.Components {
		if component.Type == "file" {
			t.Error("a file component nobody asked for")
		}
	}
}

// TestForeignDocuments reads what nobody should be able to hurt us with: each file under testdata, whose name says what
// becomes of it.
func TestForeignDocuments(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d documents, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			doc, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, err := sbom.Read(file, doc)
			if strings.HasPrefix(filepath.Base(file), "good") {
				if err != nil || c.Packages() == 0 {
					t.Errorf("%v", err)
				}
				return
			}
			if err == nil || outcome.Of(err).Reason != outcome.SBOMUnreadable {
				t.Errorf("got %v", err)
			}
		})
	}
	deep := `{"bomFormat":"CycloneDX","specVersion":"1.6","components":` + strings.Repeat(`[`, 200) + strings.Repeat(`]`, 200) + `}`
	if _, err := sbom.Read("deep", []byte(deep)); err == nil || !strings.Contains(err.Error(), "nested deeper") {
		t.Errorf("a deep document: %v", err)
	}
}
