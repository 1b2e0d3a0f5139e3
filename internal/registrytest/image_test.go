package registrytest_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"debug/gosym"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/stepseal/stepseal/internal/registrytest"
)

func app(t *testing.T, opt registrytest.AppOptions) v1.Image {
	t.Helper()
	return must[v1.Image](t)(registrytest.App(opt))
}

// filesOf are the regular files of an image by path.
func filesOf(t *testing.T, img v1.Image) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for r := tar.NewReader(mutate.Extract(img)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag == tar.TypeReg {
			out[header.Name] = must[[]byte](t)(io.ReadAll(r))
		}
	}
}

func unzipped(t *testing.T, content []byte, path string) []byte {
	t.Helper()
	r := must[*zip.Reader](t)(zip.NewReader(bytes.NewReader(content), int64(len(content))))
	f, err := r.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return must[[]byte](t)(io.ReadAll(f))
}

func TestImagesHaveTheSameBytesEachTime(t *testing.T) {
	for title, build := range map[string]func() (v1.Image, error){
		"app": func() (v1.Image, error) {
			return registrytest.App(registrytest.AppOptions{Log4jVersion: "2.14.1", Distro: registrytest.Debian("12")})
		},
		"empty":   registrytest.Empty,
		"scratch": registrytest.Scratch,
		"layers":  func() (v1.Image, error) { return registrytest.ManyLayers(3) },
	} {
		t.Run(title, func(t *testing.T) {
			one, two := must[v1.Image](t)(build()), must[v1.Image](t)(build())
			first, second := must[v1.Hash](t)(one.Digest()), must[v1.Hash](t)(two.Digest())
			if first != second {
				t.Errorf("%s, then %s", first, second)
			}
		})
	}
}

func TestTheConfigSaysWhatWasAskedFor(t *testing.T) {
	created := time.Date(2020, 2, 2, 0, 0, 0, 0, time.UTC)
	config := must[*v1.ConfigFile](t)(app(t, registrytest.AppOptions{Platform: "linux/arm64/v8", Created: created}).ConfigFile())
	got := []string{config.OS, config.Architecture, config.Variant, config.Created.Format(time.DateOnly)}
	if diff := cmp.Diff([]string{"linux", "arm64", "v8", "2020-02-02"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestLayersAreCounted(t *testing.T) {
	for _, c := range []struct {
		title string
		img   v1.Image
		want  int
	}{
		{"scratch", must[v1.Image](t)(registrytest.Scratch()), 0},
		{"empty", must[v1.Image](t)(registrytest.Empty()), 1},
		{"app", app(t, registrytest.AppOptions{}), 4},
		{"many", must[v1.Image](t)(registrytest.ManyLayers(7)), 7},
	} {
		if got := len(must[[]v1.Layer](t)(c.img.Layers())); got != c.want {
			t.Errorf("%s has %d layers, want %d", c.title, got, c.want)
		}
	}
}

func TestNPMPackagesAreReplacedAddedAndTakenAway(t *testing.T) {
	files := filesOf(t, app(t, registrytest.AppOptions{NPM: []registrytest.Package{
		{Name: "lodash", Version: "4.17.15"}, {Name: "semver", Version: "7.5.1"}, {Name: "vary"},
	}}))
	var lock struct {
		Packages map[string]struct{ Version string } `json:"packages"`
	}
	if err := json.Unmarshal(files["app/package-lock.json"], &lock); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"lodash": "4.17.15", "semver": "7.5.1", "minimist": "1.2.8", "vary": ""} {
		var manifest struct{ Version string }
		if content, found := files["app/node_modules/"+name+"/package.json"]; found {
			if err := json.Unmarshal(content, &manifest); err != nil {
				t.Fatal(err)
			}
		}
		if manifest.Version != want || lock.Packages["node_modules/"+name].Version != want {
			t.Errorf("%s is %q, locked at %q, want %q", name, manifest.Version, lock.Packages["node_modules/"+name].Version, want)
		}
	}
	if got, want := len(lock.Packages), len(registrytest.DefaultNPM())+1; got != want {
		t.Errorf("%d packages are locked, want %d with the shop itself", got, want)
	}
}

func TestLog4jLiesInAJarInAJarInAJar(t *testing.T) {
	files := filesOf(t, app(t, registrytest.AppOptions{Log4jVersion: "2.14.1"}))
	payment := unzipped(t, files["app/lib/shop-all.jar"], "BOOT-INF/lib/payment.jar")
	core := unzipped(t, payment, "lib/log4j-core-2.14.1.jar")
	got := string(unzipped(t, core, "META-INF/maven/org.apache.logging.log4j/log4j-core/pom.properties"))
	if diff := cmp.Diff("artifactId=log4j-core\ngroupId=org.apache.logging.log4j\nversion=2.14.1\n", got); diff != "" {
		t.Error(diff)
	}
	if jar := filesOf(t, app(t, registrytest.AppOptions{}))["app/lib/shop-all.jar"]; bytes.Contains(jar, []byte("log4j")) {
		t.Error("there is a log4j that nobody asked for")
	}
}

func TestTheBinaryTellsItsModules(t *testing.T) {
	for platform, machine := range map[string]elf.Machine{"linux/amd64": elf.EM_X86_64, "linux/arm64": elf.EM_AARCH64} {
		t.Run(platform, func(t *testing.T) {
			files := filesOf(t, app(t, registrytest.AppOptions{
				Platform: platform, GoVersion: "go1.21.0",
				GoModules: []registrytest.Package{{Name: "golang.org/x/text", Version: "v0.3.7"}},
			}))
			binary := bytes.NewReader(files["app/bin/shopd"])
			if got := must[*elf.File](t)(elf.NewFile(binary)).Machine; got != machine {
				t.Errorf("machine %s, want %s", got, machine)
			}
			info := must[*buildinfo.BuildInfo](t)(buildinfo.Read(binary))
			got := []string{info.GoVersion, info.Main.Path + " " + info.Main.Version}
			for _, module := range info.Deps {
				got = append(got, module.Path+" "+module.Version)
			}
			want := []string{
				"go1.21.0", "example.com/shop v1.4.2", "github.com/google/uuid v1.6.0", "github.com/gorilla/mux v1.8.1",
				"github.com/spf13/pflag v1.0.10", "golang.org/x/text v0.3.7", "gopkg.in/yaml.v3 v3.0.1",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, err := registrytest.App(registrytest.AppOptions{Platform: "linux/s390x"}); err == nil {
		t.Error("a binary for s390x")
	}
}

func TestTheBinaryTellsItsFunctions(t *testing.T) {
	files := filesOf(t, app(t, registrytest.AppOptions{GoSymbols: []string{"golang.org/x/text/language.ParseAcceptLanguage"}}))
	binary := must[*elf.File](t)(elf.NewFile(bytes.NewReader(files["app/bin/shopd"])))
	table := must[[]byte](t)(binary.Section(".gopclntab").Data())
	if _, err := gosym.NewTable(nil, gosym.NewLineTable(table, 0)); err != nil {
		t.Error(err)
	}
	if !bytes.Contains(table, []byte("\x00golang.org/x/text/language.ParseAcceptLanguage\x00")) {
		t.Error("the function is not in the table")
	}
}

func TestDistributionsHaveTheirDatabase(t *testing.T) {
	for _, c := range []struct {
		title    string
		distro   registrytest.Distro
		path     string
		contains []string
	}{
		{"Debian 11 with an old OpenSSL", registrytest.Debian("11", registrytest.Package{Name: "libssl1.1", Version: "1.1.1k-1"}),
			"var/lib/dpkg/status", []string{"Package: libssl1.1\n", "Source: openssl\nVersion: 1.1.1k-1\n", "Package: libc6\n"}},
		{"Debian 12", registrytest.Debian("12"), "etc/os-release", []string{"VERSION_ID=\"12\"\n", "\nID=debian\n"}},
		{"a Debian with one package", registrytest.Debian("10", registrytest.Package{Name: "bash", Version: "5.0-4"}),
			"var/lib/dpkg/status", []string{"Package: bash\n"}},
		{"Alpine 3.11", registrytest.Alpine("3.11"), "lib/apk/db/installed", []string{"P:libssl1.1\n", "A:x86_64\n", "\no:openssl\n"}},
	} {
		t.Run(c.title, func(t *testing.T) {
			got := string(filesOf(t, app(t, registrytest.AppOptions{Distro: c.distro}))[c.path])
			for _, want := range c.contains {
				if !strings.Contains(got, want) {
					t.Errorf("%s lacks %q:\n%s", c.path, want, got)
				}
			}
		})
	}
	if _, found := filesOf(t, app(t, registrytest.AppOptions{}))["etc/os-release"]; found {
		t.Error("there is a distribution that nobody asked for")
	}
}

func TestAnIndexListsAttestationsAfterTheImages(t *testing.T) {
	index := must[v1.ImageIndex](t)(registrytest.Index(registrytest.AppOptions{}))
	manifests := must[*v1.IndexManifest](t)(index.IndexManifest()).Manifests
	var got []string
	for _, one := range manifests {
		got = append(got, one.Platform.String()+" "+one.Annotations["vnd.docker.reference.type"])
	}
	want := []string{"linux/amd64 ", "linux/arm64 ", "unknown/unknown attestation-manifest", "unknown/unknown attestation-manifest"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got, want := manifests[3].Annotations["vnd.docker.reference.digest"], manifests[1].Digest.String(); got != want {
		t.Errorf("the attestation is about %s, want %s", got, want)
	}
	if got, want := manifests[2].Annotations["vnd.docker.reference.digest"], manifests[0].Digest.String(); got != want {
		t.Errorf("the attestation is about %s, want %s", got, want)
	}
}

func TestALayoutHoldsImagesAndIndexes(t *testing.T) {
	dir := t.TempDir()
	img, index := small(t), must[v1.ImageIndex](t)(registrytest.Index(registrytest.AppOptions{}))
	for _, err := range []error{
		registrytest.OCILayout(dir, img, "1.0", "latest"),
		registrytest.OCILayout(dir, index),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	listed := must[v1.ImageIndex](t)(layout.ImageIndexFromPath(dir))
	var got []string
	for _, one := range must[*v1.IndexManifest](t)(listed.IndexManifest()).Manifests {
		got = append(got, one.Digest.String()+" "+one.Annotations["org.opencontainers.image.ref.name"])
	}
	image := must[v1.Hash](t)(img.Digest()).String()
	want := []string{image + " 1.0", image + " latest", must[v1.Hash](t)(index.Digest()).String() + " "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestADockerArchiveIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shop.tar")
	if err := registrytest.DockerArchive(path, "shop:1.0", small(t)); err != nil {
		t.Fatal(err)
	}
	read := must[v1.Image](t)(tarball.ImageFromPath(path, nil))
	want, got := must[v1.Hash](t)(small(t).ConfigName()), must[v1.Hash](t)(read.ConfigName())
	if want != got {
		t.Errorf("image id %s, want %s", got, want)
	}
}
