package tekton

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/test/tekton/cluster"
)

// elsewhere are the examples that run in another test, or whose Tasks come from places that are not here.
var elsewhere = []string{"deploy-gate.yaml", "resolvers.yaml"}

// The examples run as they stand, but for the names in them and for two things that a cluster has around it and this one has
// not: a registry that everybody trusts, and the way to the public advisory database.
func TestExamples(t *testing.T) {
	s := newSpace(t, ordinary)
	// The example's own reporting step says nothing of its rights.
	s.apply(object("v1", "Namespace", s.name, map[string]any{"metadata": map[string]any{"labels": map[string]any{
		"pod-security.kubernetes.io/enforce": "baseline"}}}))
	for _, account := range []string{"default", "releaser"} {
		s.apply(object("v1", "ServiceAccount", account, map[string]any{"secrets": []any{map[string]any{"name": "registry-login"}}}))
	}
	s.apply(object("v1", "ConfigMap", "company-ca", map[string]any{"data": map[string]any{"ca.crt": string(the.private.CertificateAuthority())}}))
	for _, name := range []string{"team/app:1.0", "team/cart:1.0", "team/checkout:1.0", "team/search:1.0"} {
		app(t, name, "2.17.1")
	}
	s.pushEcho()
	s.claim("source")
	s.unclaimed("by-template")
	s.claim("advisories")
	if err := os.WriteFile(filepath.Join(s.folder("advisories"), "advisories.tar.gz"), []byte(s.read(made.database)), 0o644); err != nil {
		t.Fatal(err)
	}

	paths, err := filepath.Glob("../../examples/tekton/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no examples (%v)", err)
	}
	names := strings.NewReplacer("registry.example.com/tools", publicAddress+"/tools", "registry.example.com", privateAddress, "mirror.internal", privateAddress)
	for _, path := range paths {
		if slices.Contains(elsewhere, filepath.Base(path)) {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			objects, err := cluster.Decode(names.Replace(s.read(path)))
			if err != nil {
				t.Fatal(err)
			}
			(&space{t, s.name}).example(objects)
		})
	}
}

// pushEcho pushes the image that examples take echo from.
func (s *space) pushEcho() {
	s.Helper()
	echo, err := cluster.ImageOf(made.builder, "bin/echo")
	if err != nil {
		s.Fatal(err)
	}
	if _, err := the.registry.Push("tools/busybox:1.37", echo); err != nil {
		s.Fatal(err)
	}
}

func (s *space) example(objects []cluster.Object) {
	s.Helper()
	ran := false
	for _, o := range objects {
		metadata := o["metadata"].(map[string]any)
		if o.Text("kind") != "TaskRun" && o.Text("kind") != "PipelineRun" {
			s.apply(o)
			continue
		}
		ran = true
		metadata["name"] = strings.TrimSuffix(o.Text("metadata", "generateName"), "-")
		delete(metadata, "generateName")
		surround(o)
		found, err := the.cluster.Finish(s.name, o, 2*limit)
		s.reportLogs(found)
		for _, each := range s.tasksOf(o.Text("metadata", "name"), "") {
			s.reportLogs(each)
		}
		if err != nil {
			s.Fatal(err)
		}
		s.ended(found, "True")
	}
	if !ran {
		s.Error("the example runs nothing")
	}
}

// surround binds the workspaces ssl-ca and database where the example leaves them open.
func surround(run cluster.Object) {
	spec := run["spec"].(map[string]any)
	for name, workspace := range map[string]any{"ssl-ca": authorities, "database": advisories} {
		if task := run.Text("spec", "taskRef", "name"); task != "" && !takes(task, name) {
			continue
		}
		if add(spec, name, workspace) {
			inner, ok := run.At("spec", "pipelineSpec").(map[string]any)
			if !ok {
				continue
			}
			add(inner, name, map[string]any{"name": name})
			for _, task := range cluster.Object(inner).List("tasks") {
				if takes(task.Text("taskRef", "name"), name) {
					add(task, name, map[string]any{"name": name, "workspace": name})
				}
			}
		}
	}
}

// takes tells whether a Task has a workspace of ours; all but the scanning ones do without the database.
func takes(task, workspace string) bool {
	return workspace != "database" || task == "stepseal-scan-gate" || task == "stepseal-secure-image"
}

// add binds a workspace that is not bound.
func add(to map[string]any, name string, workspace any) bool {
	list, _ := to["workspaces"].([]any)
	for _, bound := range list {
		if cluster.Object(bound.(map[string]any)).Text("name") == name {
			return false
		}
	}
	to["workspaces"] = append(list, workspace)
	return true
}
