package tekton

import (
	"fmt"
	"testing"
)

// OpenShift gives every namespace a user of its own, whom no image knows, in the group root.
func TestRandomUser(t *testing.T) {
	s := newSpace(t, openshift)
	const user = 1000660000
	repository, digest := app(t, "user/shop", "2.17.1")
	found := s.task("secure", run{step: "secure-image", params: params{"image": repository + "@" + digest},
		workspaces: []any{dockerconfig, authorities, advisories, signingKey},
		pod:        map[string]any{"securityContext": map[string]any{"runAsUser": user, "runAsGroup": 0, "fsGroup": user}}}, "accepted")
	has(t, found, map[string]string{"image-digest": digest, "signature-digest": "*", "verify-verdict": "accepted"})

	pod, err := the.cluster.Get(s.name, object("v1", "Pod", found.Text("status", "podName"), nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, container := range pod.List("spec", "containers") {
		if own := container.At("securityContext", "runAsUser"); own != nil {
			t.Errorf("the container %s runs as %v, not as the pod's user", container["name"], own)
		}
	}
	for _, status := range pod.List("status", "containerStatuses") {
		if got := fmt.Sprint(status.At("user", "linux", "uid")); status.At("user") != nil && got != fmt.Sprint(float64(user)) {
			t.Errorf("the container %s ran as %s", status["name"], got)
		}
	}
}
