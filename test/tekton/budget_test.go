package tekton

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/test/tekton/cluster"
)

// The results of a step go through 4096 bytes. Names as long as registries allow fill them; then the least useful results
// are empty, and no run is lost.
func TestResultsNearTheBudget(t *testing.T) {
	s := newSpace(t, ordinary)
	index, err := registrytest.Index(registrytest.AppOptions{Log4jVersion: "2.14.1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, length := range []int{100, 200, 230} {
		t.Run(fmt.Sprint(length), func(t *testing.T) {
			within := &space{t, s.name}
			repository := "budget/" + strings.Repeat("x", length-len("budget/"))
			digest, err := the.private.PushIndex(repository, index)
			if err != nil {
				t.Fatal(err)
			}
			image := the.private.Ref(repository) + "@" + digest.String()
			found := within.task(fmt.Sprint("budget-", length), run{step: "secure-image", params: params{"image": image},
				workspaces: []any{dockerconfig, authorities, advisories, signingKey}}, "refused")
			has(t, found, map[string]string{"reason": "vulnerable", "image": image, "image-digest": digest.String(), "evidence-digest": "*"})
			t.Logf("the message has %d bytes", within.message(found))
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
