// Package docker holds the tests that need a Docker daemon. The script run starts one, and them.
package docker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/registrytest"
)

// made is what the script run left for the tests.
var made struct{ product, database string }

func TestMain(m *testing.M) {
	host := ""
	for name, to := range map[string]*string{
		"STEPSEAL_DOCKER_PRODUCT":  &made.product,
		"STEPSEAL_DOCKER_DATABASE": &made.database,
		"DOCKER_HOST":              &host,
	} {
		if *to = os.Getenv(name); *to == "" {
			fmt.Fprintf(os.Stderr, "%s is not set: start these tests with test/docker/run\n", name)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// run runs a command in a folder and returns what it printed on standard error, and how it ended.
func run(t *testing.T, dir string, env []string, command ...string) (string, int) {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stderr, cmd.Env = dir, &stderr, append(os.Environ(), env...)
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return stderr.String(), cmd.ProcessState.ExitCode()
}

func must(t *testing.T, dir string, command ...string) {
	t.Helper()
	if said, code := run(t, dir, nil, command...); code != 0 {
		t.Fatalf("%s: %d: %s", strings.Join(command, " "), code, said)
	}
}

// judged is what came out of one source.
type judged struct {
	Packages []string
	Findings []string
	Verdict  string
	Failing  []string
	Coverage json.RawMessage
}

func judge(t *testing.T, dir, source string) judged {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	if said, code := run(t, dir, nil, made.product, "generate-sbom", "--image", source, "--output-directory", out); code != 0 {
		t.Fatalf("%s: %s", source, said)
	}
	if said, code := run(t, dir, nil, made.product, "scan-gate", "--evidence", out, "--output-directory", out, "--database", made.database, "--max-database-age", "0"); code != 10 {
		t.Fatalf("%s: %d %s", source, code, said)
	}
	var bom struct {
		Artifacts []struct {
			Name, Version, Type, PURL string
			Licenses                  []struct{ Value string }
			Locations                 []struct{ Path string }
		}
	}
	read(t, filepath.Join(out, "sbom.syft.json"), &bom)
	var scan struct {
		Verdict  string
		Failing  []string
		Coverage json.RawMessage
		Findings []struct {
			ID, Severity string
			Package      struct {
				Name, Version string
				Path          string
				Paths         []string
			}
		}
	}
	read(t, filepath.Join(out, "scan.json"), &scan)
	j := judged{Verdict: scan.Verdict, Failing: scan.Failing, Coverage: scan.Coverage}
	for _, a := range bom.Artifacts {
		var paths []string
		for _, l := range a.Locations {
			paths = append(paths, l.Path)
		}
		slices.Sort(paths)
		j.Packages = append(j.Packages, fmt.Sprintf("%s %s %s %s %v at %s", a.Type, a.Name, a.Version, a.PURL, a.Licenses, strings.Join(paths, ", ")))
	}
	for _, f := range scan.Findings {
		j.Findings = append(j.Findings, fmt.Sprintf("%s %s %s %s %s%v", f.ID, f.Severity, f.Package.Name, f.Package.Version, f.Package.Path, f.Package.Paths))
	}
	slices.Sort(j.Packages)
	slices.Sort(j.Findings)
	return j
}

func read(t *testing.T, file string, to any) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(raw, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The same content gives the same packages, findings and verdict, wherever it comes from. What differs is what only some
// sources have: a manifest digest, an id, and the layer that a file came with, which a folder does not have.
func TestSameContentFromEverySource(t *testing.T) {
	shop, err := registrytest.App(registrytest.AppOptions{Log4jVersion: "2.14.1",
		Distro: registrytest.Debian("11", registrytest.Package{Name: "libssl1.1", Version: "1.1.1k-1", Source: "openssl"})})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	registry, err := registrytest.Start(registrytest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(registry.Close)
	if _, err := registry.Push("team/shop:1", shop); err != nil {
		t.Fatal(err)
	}
	if err := registrytest.OCILayout(filepath.Join(dir, "layout"), shop, "1"); err != nil {
		t.Fatal(err)
	}
	for file, form := range map[string]registrytest.ArchiveForm{"24.tar": registrytest.DockerSave, "25.tar": registrytest.DockerSave25, "skopeo.tar": registrytest.Skopeo} {
		if err := registrytest.SaveArchive(filepath.Join(dir, file), form, registrytest.Tagged{Image: shop, Tags: []string{"team/shop:1"}}); err != nil {
			t.Fatal(err)
		}
	}
	must(t, dir, "docker", "load", "-i", "24.tar")
	must(t, dir, "docker", "save", "-o", "saved.tar", "team/shop:1")
	must(t, dir, "docker", "create", "--name", "shop", "--network", "none", "team/shop:1")
	t.Cleanup(func() { must(t, dir, "docker", "rm", "shop") })
	must(t, dir, "docker", "export", "-o", "exported.tar", "shop")
	must(t, dir, "mkdir", "rootfs")
	must(t, dir, "tar", "-xf", "exported.tar", "-C", "rootfs")
	must(t, dir, "docker", "import", "exported.tar", "team/imported:1")

	want := judge(t, dir, registry.Ref("team/shop:1"))
	if len(want.Packages) < 40 || len(want.Findings) < 3 || want.Verdict != "refused" {
		t.Fatalf("%d packages, %d findings, %s", len(want.Packages), len(want.Findings), want.Verdict)
	}
	for _, source := range []string{"oci-layout:layout:1", "docker-archive:24.tar", "docker-archive:25.tar", "docker-archive:skopeo.tar", "docker-archive:saved.tar:team/shop:1",
		"docker:team/shop:1", "docker:team/imported:1", "dir:rootfs"} {
		if diff := cmp.Diff(want, judge(t, dir, source)); diff != "" {
			t.Errorf("%s (-registry +%s):\n%s", source, source, diff)
		}
	}
}

func TestDaemonThatCannotBeAsked(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		host, image, reason, says string
	}{
		"no such image": {os.Getenv("DOCKER_HOST"), "docker:team/none:1", "image-not-found", "docker pull team/none:1"},
		"no socket":     {"unix://" + dir + "/nobody.sock", "docker:team/none:1", "daemon-unavailable", "nobody.sock"},
		"no host":       {"tcp://127.0.0.1:1", "docker:team/none:1", "daemon-unavailable", "127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			said, code := run(t, dir, []string{"DOCKER_HOST=" + c.host}, made.product, "generate-sbom", "--image", c.image)
			if code != 11 || !strings.Contains(said, "["+c.reason+"]") || !strings.Contains(said, c.says) {
				t.Errorf("%d %s", code, said)
			}
		})
	}
}

func TestSocketOfAnotherUser(t *testing.T) {
	said, code := run(t, "/", []string{"TMPDIR=/tmp"}, "setpriv", "--reuid", "65534", "--clear-groups", "--", made.product, "generate-sbom", "--image", "docker:team/none:1", "--output-directory", "/tmp/stepseal-nobody")
	t.Cleanup(func() { os.RemoveAll("/tmp/stepseal-nobody") })
	if code != 11 || !strings.Contains(said, "[daemon-unavailable]") || !strings.Contains(said, "may not talk") {
		t.Errorf("%d %s", code, said)
	}
}
