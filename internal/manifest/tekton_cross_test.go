package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	tekton "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"

	"github.com/stepseal/stepseal/internal/steps"
)

// shelf holds our definitions by name.
type shelf struct {
	tasks     map[string]*tekton.Task
	actions   map[string]*v1beta1.StepAction
	pipelines map[string]*tekton.Pipeline
}

func shelfOf(t *testing.T) shelf {
	t.Helper()
	s := shelf{map[string]*tekton.Task{}, map[string]*v1beta1.StepAction{}, map[string]*tekton.Pipeline{}}
	for name, raw := range generatedFiles(t) {
		if !strings.HasPrefix(name, "tasks/") || !strings.HasSuffix(name, ".yaml") || strings.HasPrefix(name, "tasks/openshift/") {
			continue
		}
		objects, err := decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		switch o := objects[0].(type) {
		case *tekton.Task:
			s.tasks[o.Name] = o
		case *v1beta1.StepAction:
			s.actions[o.Name] = o
		case *tekton.Pipeline:
			s.pipelines[o.Name] = o
		}
	}
	if len(s.tasks) != 5 || len(s.actions) != 5 || len(s.pipelines) != 2 {
		t.Fatalf("%d, %d, %d", len(s.tasks), len(s.actions), len(s.pipelines))
	}
	return s
}

// called is the name of what a reference means: by name, or by what it tells a resolver.
func called(name string, ref tekton.ResolverRef) string {
	for _, p := range ref.Params {
		switch p.Name {
		case "name":
			return p.Value.StringVal
		case "pathInRepo":
			file := strings.TrimPrefix(p.Value.StringVal, "tasks/")
			if folder, ok := strings.CutPrefix(file, "pipelines/"); ok {
				return "stepseal-" + strings.TrimSuffix(folder, ".yaml")
			}
			return "stepseal-" + path.Dir(file)
		}
	}
	return name
}

// call compares what is given with what is declared.
func call(what string, given []string, declared tekton.ParamSpecs) (wrong []string) {
	for _, name := range given {
		if !slices.Contains(declared.GetNames(), name) {
			wrong = append(wrong, what+" has no parameter "+name)
		}
	}
	for _, p := range declared {
		if p.Default == nil && !slices.Contains(given, p.Name) {
			wrong = append(wrong, what+" needs the parameter "+p.Name)
		}
	}
	return wrong
}

func bind(what string, given []string, declared []tekton.WorkspaceDeclaration) (wrong []string) {
	for _, name := range given {
		if !slices.ContainsFunc(declared, func(w tekton.WorkspaceDeclaration) bool { return w.Name == name }) {
			wrong = append(wrong, what+" has no workspace "+name)
		}
	}
	for _, w := range declared {
		if !w.Optional && !slices.Contains(given, w.Name) {
			wrong = append(wrong, what+" needs the workspace "+w.Name)
		}
	}
	return wrong
}

func paramNames(lists ...tekton.Params) (names []string) {
	for _, p := range slices.Concat(lists...) {
		names = append(names, p.Name)
	}
	return names
}

var taskResult = regexp.MustCompile(`\$\(tasks\.([a-z0-9-]+)\.results\.([A-Za-z0-9_-]+)(\[\*\]|\.uri|\.digest)?\)`)

// lintPipeline compares a Pipeline with the Tasks that it runs. Tasks that are not ours it leaves to the cluster.
func (s shelf) lintPipeline(spec tekton.PipelineSpec) (wrong []string) {
	runs := map[string]*tekton.Task{}
	for _, pt := range slices.Concat(spec.Tasks, spec.Finally) {
		for _, step := range stepsOfTask(pt) {
			wrong = append(wrong, s.lintStep(step)...)
		}
		if pt.TaskRef == nil {
			continue
		}
		name := called(pt.TaskRef.Name, pt.TaskRef.ResolverRef)
		t := s.tasks[name]
		if t == nil {
			if strings.HasPrefix(name, "stepseal-") {
				wrong = append(wrong, "there is no Task "+name)
			}
			continue
		}
		runs[pt.Name] = t
		given := paramNames(pt.Params)
		if pt.Matrix != nil {
			given = append(given, paramNames(pt.Matrix.Params)...)
		}
		wrong = append(wrong, call(pt.Name, given, t.Spec.Params)...)
		var bound []string
		for _, w := range pt.Workspaces {
			bound = append(bound, w.Name)
		}
		wrong = append(wrong, bind(pt.Name, bound, t.Spec.Workspaces)...)
	}
	raw, _ := json.Marshal(spec)
	for _, found := range taskResult.FindAllStringSubmatch(string(raw), -1) {
		if t := runs[found[1]]; t != nil && !slices.ContainsFunc(t.Spec.Results, func(r tekton.TaskResult) bool { return r.Name == found[2] }) {
			wrong = append(wrong, fmt.Sprintf("%s has no result %s", found[1], found[2]))
		}
	}
	return wrong
}

func stepsOfTask(pt tekton.PipelineTask) []tekton.Step {
	if pt.TaskSpec == nil {
		return nil
	}
	return pt.TaskSpec.Steps
}

func (s shelf) lintStep(step tekton.Step) []string {
	if step.Ref == nil {
		return nil
	}
	name := called(step.Ref.Name, step.Ref.ResolverRef)
	action := s.actions[name]
	if action == nil {
		return []string{"there is no StepAction " + name}
	}
	return call(step.Name, paramNames(step.Params), action.Spec.Params)
}

// lintObject is lintPipeline for whatever runs something.
func (s shelf) lintObject(o any) (wrong []string) {
	switch o := o.(type) {
	case *tekton.Task:
		for _, step := range o.Spec.Steps {
			wrong = append(wrong, s.lintStep(step)...)
		}
	case *tekton.Pipeline:
		return s.lintPipeline(o.Spec)
	case *tekton.TaskRun:
		return s.lintTaskRun(o)
	case *tekton.PipelineRun:
		return s.lintPipelineRun(o)
	}
	return wrong
}

func boundNames(list []tekton.WorkspaceBinding) (names []string) {
	for _, w := range list {
		names = append(names, w.Name)
	}
	return names
}

func (s shelf) lintTaskRun(run *tekton.TaskRun) []string {
	if run.Spec.TaskRef == nil {
		return s.lintObject(&tekton.Task{Spec: *run.Spec.TaskSpec})
	}
	name := called(run.Spec.TaskRef.Name, run.Spec.TaskRef.ResolverRef)
	t := s.tasks[name]
	if t == nil {
		return []string{"there is no Task " + name}
	}
	return append(call(name, paramNames(run.Spec.Params), t.Spec.Params), bind(name, boundNames(run.Spec.Workspaces), t.Spec.Workspaces)...)
}

func (s shelf) lintPipelineRun(run *tekton.PipelineRun) (wrong []string) {
	spec := run.Spec.PipelineSpec
	if spec == nil {
		name := called(run.Spec.PipelineRef.Name, run.Spec.PipelineRef.ResolverRef)
		if s.pipelines[name] == nil {
			return []string{"there is no Pipeline " + name}
		}
		spec = &s.pipelines[name].Spec
	} else {
		wrong = s.lintPipeline(*spec)
	}
	var declared []tekton.WorkspaceDeclaration
	for _, w := range spec.Workspaces {
		declared = append(declared, tekton.WorkspaceDeclaration{Name: w.Name, Optional: w.Optional})
	}
	return append(append(wrong, call("the Pipeline", paramNames(run.Spec.Params), spec.Params)...), bind("the Pipeline", boundNames(run.Spec.Workspaces), declared)...)
}

func TestWhatRunsTheTasksAgreesWithThem(t *testing.T) {
	s := shelfOf(t)
	files := generatedFiles(t)
	maps.Copy(files, exampleFiles(t))
	for name, raw := range files {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		objects, err := decode(raw)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, o := range objects {
			if p, ok := o.(*tekton.Pipeline); ok {
				s.pipelines[p.Name] = p // a run in the same file may name it
			}
			for _, text := range s.lintObject(o) {
				t.Errorf("%s: %s", name, text)
			}
		}
	}
}

func TestTheComparisonFindsWhatItIsFor(t *testing.T) {
	s := shelfOf(t)
	for want, spoil := range map[string]func(*tekton.PipelineSpec){
		"secure has no parameter imago":    func(p *tekton.PipelineSpec) { p.Tasks[1].Params[0].Name = "imago" },
		"secure needs the parameter image": func(p *tekton.PipelineSpec) { p.Tasks[1].Params = nil },
		"secure has no workspace secret":   func(p *tekton.PipelineSpec) { p.Tasks[1].Workspaces[0].Name = "secret" },
		"there is no Task stepseal-secure": func(p *tekton.PipelineSpec) { p.Tasks[1].TaskRef.Name = "stepseal-secure" },
		"secure has no result verdicts": func(p *tekton.PipelineSpec) {
			p.Results[1].Value = *tekton.NewStructuredValues("$(tasks.secure.results.verdicts)")
		},
		"deploy-gate has no result critical": func(p *tekton.PipelineSpec) {
			p.Results[1].Value = *tekton.NewStructuredValues("$(tasks.deploy-gate.results.critical)")
		},
	} {
		bad := s.pipelines["stepseal-build-secure-deploy"].DeepCopy()
		spoil(&bad.Spec)
		if wrong := strings.Join(s.lintObject(bad), "\n"); !strings.Contains(wrong, want) {
			t.Errorf("expected %q, got %q", want, wrong)
		}
	}
	run := &tekton.TaskRun{Spec: tekton.TaskRunSpec{TaskRef: &tekton.TaskRef{Name: "stepseal-verify"}, Workspaces: []tekton.WorkspaceBinding{{Name: "database"}}}}
	if wrong := strings.Join(s.lintObject(run), "\n"); !strings.Contains(wrong, "has no workspace database") {
		t.Errorf("got %q", wrong)
	}
	sample := sampleTask(steps.Verify())
	sample.Spec.Steps[0].Params = sample.Spec.Steps[0].Params[:1]
	if wrong := strings.Join(s.lintObject(sample), "\n"); !strings.Contains(wrong, "needs the parameter scratch-volume") {
		t.Errorf("got %q", wrong)
	}
}
