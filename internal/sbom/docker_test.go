//go:build docker

package sbom_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/registrytest"
)

// docker asks the daemon that test/docker/run has started.
func dockerCommand(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("docker", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("docker %s: %v %s", strings.Join(args, " "), err, stderr.String())
	}
	return out
}

// exported is the file system of a container of the image, without what a daemon puts into every container.
// https://github.com/moby/moby/blob/v20.10.24/daemon/initlayer/setup_unix.go
func exported(t *testing.T, name string) registrytest.View {
	t.Helper()
	container := strings.TrimSpace(string(dockerCommand(t, "create", "--network", "none", name, "/nothing")))
	defer dockerCommand(t, "rm", container)
	view, err := registrytest.ViewOfTar(dockerCommand(t, "export", container))
	if err != nil {
		t.Fatal(err)
	}
	for at := range view {
		for _, put := range []string{"/dev", "/proc", "/sys", "/etc", "/.dockerenv", "/app" /* the working directory */} {
			if at == put || strings.HasPrefix(at, put+"/") {
				delete(view, at)
			}
		}
	}
	return view
}

// Random images are the same files to us, read from the daemon and from an archive, as to Docker. The first seeds are
// always the same; the others are new ones each time, and are printed.
func TestViewIsThatOfDocker(t *testing.T) {
	if os.Getenv("DOCKER_HOST") == "" {
		t.Fatal("DOCKER_HOST is not set: start this test with test/docker/run")
	}
	first := rand.Uint64()
	for n := range uint64(30) {
		seed := n
		if n >= 20 {
			seed = first + n
		}
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			built, err := registrytest.Random(seed, registrytest.RandomOptions{})
			if err != nil {
				t.Fatal(err)
			}
			name, loaded, saved := fmt.Sprintf("random:%d", seed), filepath.Join(t.TempDir(), "loaded.tar"), filepath.Join(t.TempDir(), "saved.tar")
			if err := registrytest.SaveArchive(loaded, registrytest.DockerSave, registrytest.Tagged{Image: built, Tags: []string{name}}); err != nil {
				t.Fatal(err)
			}
			dockerCommand(t, "load", "-q", "-i", loaded)
			defer dockerCommand(t, "rmi", name)
			dockerCommand(t, "save", "-o", saved, name)
			want := exported(t, name)
			for _, source := range []string{"docker-archive:" + loaded, "docker-archive:" + saved} {
				if diff := cmp.Diff(want, ours(t, opened(t, source))); diff != "" {
					t.Errorf("%s (-docker +ours):\n%s", source, diff)
				}
			}
		})
	}
}
