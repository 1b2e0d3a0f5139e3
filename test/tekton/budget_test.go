package tekton

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/test/tekton/cluster"
)

// The results of a step go through 4096 bytes. A name as long as registries allow and a list of platforms fill them; when
// they are full the least useful results are empty, and no run is lost.
func TestResultsNearTheBudget(t *testing.T) {
	s := newSpace(t, ordinary)
	repository := "budget/" + strings.Repeat("x", 230-len("budget/"))
	for name, platforms := range map[string]int{"few": 2, "full": 14, "too-many": 26} {
		t.Run(name, func(t *testing.T) {
			within := &space{t, s.name}
			hash := pushPlatforms(t, repository+"/"+name, platforms)
			image := the.private.Ref(repository+"/"+name) + "@" + hash
			found := within.task(name, run{step: "secure-image", params: params{"image": image},
				workspaces: []any{dockerconfig, authorities, advisories, signingKey}}, "accepted")
			has(t, found, map[string]string{"reason": "", "image": image, "image-digest": hash, "evidence-digest": "*",
				"signature-digest": "*",
				"gate-verdict":     "accepted", "verify-verdict": "accepted"})
			size, listed := within.message(found), found.Results()["platforms"] != ""
			t.Logf("%d platforms: the message has %d bytes", platforms, size)
			if full := name == "too-many"; listed == full {
				t.Errorf("the results list the platforms: %v, want %v", listed, !full)
			}
			if name == "full" && size < 3600 {
				t.Errorf("the message has %d bytes, which is not near 4096: the test has lost its point", size)
			}
		})
	}
	// Whoever has a pod with more containers has less room, and says so.
	repository, digest := app(t, "budget/shop", "2.14.1")
	image := repository + "@" + digest
	found := s.task("small", run{step: "scan-gate", params: params{"image": image, "results-limit": "1400"},
		workspaces: []any{dockerconfig, authorities, advisories}}, "refused")
	has(t, found, map[string]string{"reason": "vulnerable"})
	if n := s.message(found); n > 1400 {
		t.Errorf("the message has %d bytes, more than 1400", n)
	}
}

// message is how many bytes the step's container left for Tekton.
func (s *space) message(found cluster.Object) int {
	s.Helper()
	pod, err := the.cluster.Get(s.name, object("v1", "Pod", found.Text("status", "podName"), nil))
	if err != nil {
		s.Fatal(err)
	}
	for _, status := range pod.List("status", "containerStatuses") {
		if status.Text("name") == "step-stepseal" {
			n := len(status.Text("state", "terminated", "message"))
			if n == 0 || n > 4096 {
				s.Errorf("the message has %d bytes, want 1 to 4096", n)
			}
			return n
		}
	}
	s.Fatal("the pod has no container step-stepseal")
	return 0
}

// pushPlatforms pushes an index of as many platforms to the private registry.
func pushPlatforms(t *testing.T, repository string, n int) (digest string) {
	t.Helper()
	shops := make([]registrytest.AppOptions, n)
	for i := range shops {
		shops[i] = registrytest.AppOptions{Platform: fmt.Sprintf("linux/arm64/a-variant-with-a-long-name-%02d", i)}
	}
	index, err := registrytest.IndexOf(shops...)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := the.private.PushIndex(repository, index)
	if err != nil {
		t.Fatal(err)
	}
	return hash.String()
}
