package tekton

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stepseal/stepseal/internal/registrytest"
)

// A Task's own overhead is what a TaskRun takes from being created to being seen as done, less what the same command takes
// on the same machine without Tekton. The numbers go to the log; the bound is only there to notice a disaster.
func TestOverhead(t *testing.T) {
	s := newSpace(t, ordinary)
	image, err := registrytest.Empty()
	if err != nil {
		t.Fatal(err)
	}
	hash, err := the.registry.Push("overhead/empty", image)
	if err != nil {
		t.Fatal(err)
	}
	ref := the.registry.Ref("overhead/empty") + "@" + hash.String()

	const runs = 7
	var with, without []time.Duration
	for i := range runs {
		began := time.Now()
		s.task("run-"+string(rune('a'+i)), run{step: "generate-sbom", params: params{"image": ref, "insecure-registry": publicAddress}}, "accepted")
		with = append(with, time.Since(began))

		began = time.Now()
		command := exec.Command(made.product, "generate-sbom", "--image", ref, "--insecure-registry", publicAddress,
			"--output-directory", filepath.Join(t.TempDir(), "out"))
		command.Env = append(os.Environ(), "DOCKER_CONFIG="+t.TempDir())
		if said, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		without = append(without, time.Since(began))
	}
	slices.Sort(with)
	slices.Sort(without)
	overhead := with[runs/2] - without[runs/2]
	t.Logf("TaskRun: median %.2f s (%.2f to %.2f); the command alone: %.2f s (%.2f to %.2f); overhead: %.2f s",
		with[runs/2].Seconds(), with[0].Seconds(), with[runs-1].Seconds(),
		without[runs/2].Seconds(), without[0].Seconds(), without[runs-1].Seconds(), overhead.Seconds())
	if overhead > time.Minute {
		t.Errorf("the overhead is %s", overhead)
	}
}
