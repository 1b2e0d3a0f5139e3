package tekton

import (
	"fmt"
	"testing"
	"time"

	"github.com/stepseal/stepseal/test/tekton/cluster"
)

// limit is for one run. The image under test is small; the machine may be slow.
const limit = 4 * time.Minute

// The workspaces that a team binds.
var (
	signingKey   = bound("secrets", "secret", map[string]any{"secretName": "signing-key"})
	publicKey    = bound("secrets", "secret", map[string]any{"secretName": "public-key"})
	dockerconfig = bound("dockerconfig", "secret", map[string]any{"secretName": "registry-login"})
	authorities  = bound("ssl-ca", "configMap", map[string]any{"name": "authorities"})
	advisories   = bound("database", "configMap", map[string]any{"name": "advisories"})
)

func bound(workspace, kind string, source map[string]any) any {
	return map[string]any{"name": workspace, kind: source}
}

type params map[string]any

func (p params) list() []any {
	list := []any{}
	for name, value := range p {
		list = append(list, map[string]any{"name": name, "value": value})
	}
	return list
}

// run is what a TaskRun is made of.
type run struct {
	step       string // the Task is stepseal's of this name
	task       string // or this one
	params     params
	workspaces []any
	account    string
	pod        map[string]any // podTemplate
}

// task runs a Task to its end, which must be the given one, and returns the TaskRun.
func (s *space) task(name string, r run, verdict string) cluster.Object {
	s.Helper()
	if r.task == "" {
		r.task = "stepseal-" + r.step
	}
	spec := map[string]any{"taskRef": map[string]any{"name": r.task}, "params": r.params.list(), "workspaces": r.workspaces}
	if r.account != "" {
		spec["serviceAccountName"] = r.account
	}
	if r.pod != nil {
		spec["podTemplate"] = r.pod
	}
	found, err := the.cluster.Finish(s.name, object("tekton.dev/v1", "TaskRun", name, map[string]any{"spec": spec}), limit)
	s.reportLogs(found)
	if err != nil {
		s.Fatal(err)
	}
	s.endsAs(found, verdict)
	return found
}

// reportLogs prints the logs of a TaskRun if the test fails.
func (s *space) reportLogs(found cluster.Object) {
	pod := found.Text("status", "podName")
	if pod == "" {
		return
	}
	s.Cleanup(func() {
		if s.Failed() {
			s.Log(the.cluster.Logs(s.name, pod))
		}
	})
}

// endsAs checks the verdict among the results, and that the TaskRun has ended as the verdict wants.
func (s *space) endsAs(found cluster.Object, verdict string) {
	s.Helper()
	succeeded, _ := found.Condition("Succeeded")
	want := "False"
	if verdict == "accepted" {
		want = "True"
	}
	if got := found.Results()["verdict"]; got != verdict || succeeded["status"] != want {
		s.Fatalf("%s: the verdict is %v, want %s; Succeeded is %v: %v\n%v", found.Text("metadata", "name"), got, verdict,
			succeeded["status"], succeeded["message"], found.At("status", "conditions"))
	}
}

// has checks results by name; "*" stands for any value but none.
func has(t *testing.T, found cluster.Object, want map[string]string) {
	t.Helper()
	got := found.Results()
	for name, value := range want {
		if is := fmt.Sprint(got[name]); is != value && (value != "*" || is == "" || got[name] == nil) {
			t.Errorf("%s: the result %s is %q, want %q", found.Text("metadata", "name"), name, is, value)
		}
	}
}
