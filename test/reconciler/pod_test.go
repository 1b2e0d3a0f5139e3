// Package reconciler has Tekton's own controller make Pods of the Tasks, against a fake API server, and looks at them.
package reconciler

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/config"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline"
	tekton "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"github.com/tektoncd/pipeline/pkg/reconciler/taskrun"
	fakes "github.com/tektoncd/pipeline/pkg/reconciler/testing"
	_ "github.com/tektoncd/pipeline/pkg/taskrunmetrics/fake"
	"github.com/tektoncd/pipeline/test"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"k8s.io/utils/clock"
	informer "knative.dev/pkg/configmap/informer"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/reconciler"
	"knative.dev/pkg/system"
	_ "knative.dev/pkg/system/testing"
	"sigs.k8s.io/yaml"
)

const namespace = "team"

// steps are the folders of tasks.
func steps(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../tasks/*/task.yaml")
	if err != nil || len(files) != 5 {
		t.Fatalf("%d Tasks: %v", len(files), err)
	}
	var names []string
	for _, file := range files {
		names = append(names, filepath.Base(filepath.Dir(file)))
	}
	return names
}

func read[T any](t *testing.T, file string) *T {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("../..", file))
	if err != nil {
		t.Fatal(err)
	}
	object := new(T)
	if err := yaml.UnmarshalStrict(raw, object); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return object
}

// pod runs the controller until it has made one. features is the ConfigMap feature-flags of the cluster.
func pod(t *testing.T, data test.Data, features map[string]string) *core.Pod {
	t.Helper()
	ctx, _ := fakes.SetupFakeContext(t)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	data.ConfigMaps = []*core.ConfigMap{{ObjectMeta: meta.ObjectMeta{Name: config.GetFeatureFlagsConfigName(), Namespace: system.Namespace()}, Data: features}}
	data.ServiceAccounts = []*core.ServiceAccount{{ObjectMeta: meta.ObjectMeta{Name: "default", Namespace: namespace}}}
	test.EnsureConfigurationConfigMapsExist(&data)
	clients, _ := test.SeedTestData(t, ctx, data)
	watcher := informer.NewInformedWatcher(clients.Kube, system.Namespace())
	images := pipeline.Images{EntrypointImage: "entrypoint", NopImage: "nop", ShellImage: "shell", WorkingDirInitImage: "workingdir", SidecarLogResultsImage: "sidecar"}
	made := taskrun.NewController(&pipeline.Options{Images: images}, clock.RealClock{})(ctx, watcher)
	if err := watcher.Start(ctx.Done()); err != nil {
		t.Fatal(err)
	}
	if aware, ok := made.Reconciler.(reconciler.LeaderAware); ok {
		_ = aware.Promote(reconciler.UniversalBucket(), func(reconciler.Bucket, types.NamespacedName) {})
	}
	if err := made.Reconciler.Reconcile(ctx, namespace+"/run"); err != nil {
		if requeue, _ := controller.IsRequeueKey(err); !requeue {
			t.Fatal(err)
		}
	}
	pods, err := clients.Kube.CoreV1().Pods(namespace).List(ctx, meta.ListOptions{})
	if err != nil || len(pods.Items) != 1 {
		run, _ := clients.Pipeline.TektonV1().TaskRuns(namespace).Get(ctx, "run", meta.GetOptions{})
		t.Fatalf("%d pods: %v: %+v", len(pods.Items), err, run.Status.Conditions)
	}
	return &pods.Items[0]
}

// run is a TaskRun of a Task with the parameters that have no default, and with or without all workspaces.
func run(name string, params tekton.ParamSpecs, workspaces []tekton.WorkspaceDeclaration, bound bool) *tekton.TaskRun {
	r := &tekton.TaskRun{ObjectMeta: meta.ObjectMeta{Name: "run", Namespace: namespace}, Spec: tekton.TaskRunSpec{TaskRef: &tekton.TaskRef{Name: name, Kind: tekton.NamespacedTaskKind}}}
	for _, p := range params {
		if p.Default == nil {
			r.Spec.Params = append(r.Spec.Params, tekton.Param{Name: p.Name, Value: *tekton.NewStructuredValues("registry.example.com/team/app:1.0")})
		}
	}
	for _, w := range workspaces {
		if bound {
			r.Spec.Workspaces = append(r.Spec.Workspaces, tekton.WorkspaceBinding{Name: w.Name, EmptyDir: &core.EmptyDirVolumeSource{}})
		}
	}
	return r
}

// violations are what the restricted Pod Security Standard has against a Pod.
// https://kubernetes.io/docs/concepts/security/pod-security-standards/
func violations(t *testing.T, p *core.Pod) (found []string) {
	t.Helper()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range evaluator.EvaluatePod(api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}, &p.ObjectMeta, &p.Spec) {
		if !result.Allowed {
			found = append(found, result.ForbiddenReason+": "+result.ForbiddenDetail)
		}
	}
	return found
}

func TestThePodIsRestricted(t *testing.T) {
	for _, name := range steps(t) {
		for _, file := range []string{"tasks/" + name + "/task.yaml", "tasks/openshift/" + name + ".yaml"} {
			for _, bound := range []bool{false, true} {
				t.Run(file, func(t *testing.T) {
					task := read[tekton.Task](t, file)
					task.Namespace = namespace
					data := test.Data{Tasks: []*tekton.Task{task}, TaskRuns: []*tekton.TaskRun{run(task.Name, task.Spec.Params, task.Spec.Workspaces, bound)}}
					p := pod(t, data, map[string]string{"set-security-context": "true", "set-security-context-read-only-root-filesystem": "true"})
					look(t, p, "/tekton/results/verdict")
					for _, text := range violations(t, p) {
						t.Error(text)
					}
				})
			}
		}
	}
}

// look checks what holds of every Pod of ours.
func look(t *testing.T, p *core.Pod, results string) {
	t.Helper()
	raw, err := json.Marshal(p.Spec)
	if err != nil {
		t.Fatal(err)
	}
	if at := strings.Index(string(raw), "$("); at >= 0 {
		t.Errorf("nothing resolved %.60s", raw[at:])
	}
	// Kubernetes shares 12288 bytes of messages among the containers: three of them have 4096 each.
	if containers := len(p.Spec.Containers) + len(p.Spec.InitContainers); containers > 3 || len(p.Spec.InitContainers) != 1 {
		t.Errorf("%d containers, %d of them first", containers, len(p.Spec.InitContainers))
	}
	env := p.Spec.Containers[0].Env
	if !slices.Contains(env, core.EnvVar{Name: "STEPSEAL_RESULTS", Value: results}) {
		t.Errorf("the results do not go to %s: %v", results, env)
	}
	args := strings.Join(p.Spec.Containers[0].Args, " ")
	if !strings.Contains(args, "-entrypoint /stepseal -- ") {
		t.Errorf("the entrypoint runs something else: %s", args)
	}
}

// TestTheClusterHasOneThingToSet: without set-security-context it is Tekton's own container that is not restricted, and
// none of ours.
func TestTheClusterHasOneThingToSet(t *testing.T) {
	task := read[tekton.Task](t, "tasks/secure-image/task.yaml")
	task.Namespace = namespace
	data := test.Data{Tasks: []*tekton.Task{task}, TaskRuns: []*tekton.TaskRun{run(task.Name, task.Spec.Params, task.Spec.Workspaces, false)}}
	p := pod(t, data, map[string]string{"set-security-context": "false"})
	found := strings.Join(violations(t, p), "\n")
	if !strings.Contains(found, "prepare") || strings.Contains(found, "step-stepseal") {
		t.Errorf("got %q", found)
	}
}

func TestStepActionsToo(t *testing.T) {
	for _, name := range steps(t) {
		t.Run(name, func(t *testing.T) {
			action := read[v1beta1.StepAction](t, "tasks/"+name+"/stepaction.yaml")
			action.Namespace = namespace
			samples, err := filepath.Glob("../../catalog/stepaction/stepseal-" + name + "/*/samples/task.yaml")
			if err != nil || len(samples) != 1 {
				t.Fatal(samples, err)
			}
			task := read[tekton.Task](t, strings.TrimPrefix(samples[0], "../../"))
			task.Namespace = namespace
			data := test.Data{StepActions: []*v1beta1.StepAction{action}, Tasks: []*tekton.Task{task}, TaskRuns: []*tekton.TaskRun{run(task.Name, task.Spec.Params, task.Spec.Workspaces, true)}}
			p := pod(t, data, map[string]string{"set-security-context": "true"})
			look(t, p, "/tekton/steps/step-"+name+"/results/verdict")
			for _, text := range violations(t, p) {
				t.Error(text)
			}
		})
	}
}
