package manifest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	pinfile "github.com/stepseal/stepseal/internal/pin"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tektoncd/pipeline/pkg/apis/config"
	tekton "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	yamlstream "k8s.io/apimachinery/pkg/util/yaml"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/yaml"

	"github.com/stepseal/stepseal/internal/steps"
)

const root = "../.."

func generatedFiles(t *testing.T) map[string][]byte {
	t.Helper()
	pin, err := pinfile.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	files, err := tektonFiles(slices.Concat(steps.All(), steps.Tools()), pin)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// exampleFiles are those that people wrote.
func exampleFiles(t *testing.T) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(root + "/examples/tekton/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		if files[strings.TrimPrefix(name, root+"/")], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// object is what the webhook sees.
type object interface {
	SetDefaults(context.Context)
	Validate(context.Context) *apis.FieldError
	GetName() string
	SetName(string)
	GetGenerateName() string
}

// known are the kinds that may stand in a file; those of Kubernetes itself are only decoded.
var known = map[string]func() any{
	"tekton.dev/v1 Task":            func() any { return &tekton.Task{} },
	"tekton.dev/v1 TaskRun":         func() any { return &tekton.TaskRun{} },
	"tekton.dev/v1 Pipeline":        func() any { return &tekton.Pipeline{} },
	"tekton.dev/v1 PipelineRun":     func() any { return &tekton.PipelineRun{} },
	"tekton.dev/v1beta1 StepAction": func() any { return &v1beta1.StepAction{} },
	"v1 ServiceAccount":             func() any { return &core.ServiceAccount{} },
	"v1 Secret":                     func() any { return &core.Secret{} },
	"v1 ConfigMap":                  func() any { return &core.ConfigMap{} },
	"v1 PersistentVolumeClaim":      func() any { return &core.PersistentVolumeClaim{} },
}

// decode is as strict as Tekton's webhook: a field that it does not know is an error.
func decode(raw []byte) ([]any, error) {
	var list []any
	reader := yamlstream.NewYAMLReader(bufio.NewReader(bytes.NewReader(raw)))
	for {
		doc, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		var kind meta.TypeMeta
		if err := yaml.Unmarshal(doc, &kind); err != nil {
			return nil, err
		}
		made := known[kind.APIVersion+" "+kind.Kind]
		if made == nil {
			return nil, fmt.Errorf("%q %q is no kind for such a file", kind.APIVersion, kind.Kind)
		}
		object := made()
		if err := yaml.UnmarshalStrict(doc, object); err != nil {
			return nil, fmt.Errorf("%s: %w", kind.Kind, err)
		}
		list = append(list, object)
	}
}

// features is what a cluster switched on. https://github.com/tektoncd/pipeline/blob/v1.14.1/docs/additional-configs.md
func features(t *testing.T, stability string) context.Context {
	t.Helper()
	flags, err := config.NewFeatureFlagsFromMap(map[string]string{"enable-api-fields": stability})
	if err != nil {
		t.Fatal(err)
	}
	defaults, err := config.NewDefaultsFromMap(map[string]string{})
	if err != nil {
		t.Fatal(err)
	}
	return config.ToContext(context.Background(), &config.Config{Defaults: defaults, FeatureFlags: flags})
}

// admit does what the webhook does when an object is created.
func admit(ctx context.Context, o object) error {
	ctx = apis.WithinCreate(ctx)
	if o.GetName() == "" && o.GetGenerateName() != "" {
		o.SetName(o.GetGenerateName() + "x") // the API server does so before it asks the webhook
	}
	o.SetDefaults(ctx)
	if err := o.Validate(ctx).Filter(apis.ErrorLevel); err != nil {
		return err
	}
	return nil
}

// needsBeta tells what a matrix or a resolver makes of an object.
func needsBeta(o any) bool {
	switch o := o.(type) {
	case *tekton.Pipeline:
		return slices.ContainsFunc(o.Spec.Tasks, func(t tekton.PipelineTask) bool { return t.Matrix != nil })
	case *tekton.TaskRun:
		return o.Spec.TaskRef != nil && o.Spec.TaskRef.Resolver != ""
	case *tekton.PipelineRun:
		if o.Spec.PipelineRef != nil && o.Spec.PipelineRef.Resolver != "" {
			return true
		}
		return o.Spec.PipelineSpec != nil && needsBeta(&tekton.Pipeline{Spec: *o.Spec.PipelineSpec})
	}
	return false
}

func TestTektonTakesEveryObject(t *testing.T) {
	files := generatedFiles(t)
	for name, raw := range exampleFiles(t) {
		files[name] = raw
	}
	seen := map[string]int{}
	for name, raw := range files {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			objects, err := decode(raw)
			if err != nil || len(objects) == 0 {
				t.Fatalf("%d objects: %v", len(objects), err)
			}
			for _, o := range objects {
				of, ours := o.(object)
				if !ours {
					continue
				}
				seen[fmt.Sprintf("%T", o)]++
				for _, stability := range []string{"stable", "beta", "alpha"} {
					if stability == "stable" && needsBeta(o) {
						continue
					}
					if err := admit(features(t, stability), of); err != nil {
						t.Errorf("%s: %v", stability, err)
					}
				}
			}
		})
	}
	// Five steps, in tasks, in openshift and in the catalogue, and the samples.
	for kind, least := range map[string]int{"*v1.Task": 20, "*v1beta1.StepAction": 15, "*v1.Pipeline": 4, "*v1.TaskRun": 5} {
		if seen[kind] < least {
			t.Errorf("%d of %s, expected at least %d", seen[kind], kind, least)
		}
	}
}

func TestDecodingIsStrict(t *testing.T) {
	good := generatedFiles(t)["tasks/verify/task.yaml"]
	for _, bad := range []string{
		strings.Replace(string(good), "  stepTemplate:", "  stepTemplat:", 1),
		strings.Replace(string(good), "kind: Task", "kind: Tusk", 1),
		string(good) + "status: {}\n",
	} {
		if _, err := decode([]byte(bad)); err == nil {
			t.Error("accepted what Tekton's webhook does not")
		}
	}
	broken, err := decode([]byte(strings.Replace(string(good), "$(params.image)", "$(params.imago)", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if err := admit(features(t, "beta"), broken[0].(object)); err == nil {
		t.Error("accepted a parameter that is not declared")
	}
}

func TestTheMatrixIsWhatNeedsBeta(t *testing.T) {
	files := generatedFiles(t)
	for name, beta := range map[string]bool{"tasks/pipelines/build-secure-deploy.yaml": false, "tasks/pipelines/secure-images.yaml": true} {
		objects, err := decode(files[name])
		if err != nil {
			t.Fatal(err)
		}
		if needsBeta(objects[0]) != beta {
			t.Errorf("%s: a matrix: %v", name, !beta)
		}
	}
}

func TestTheCatalogueIsWhatArtifactHubReads(t *testing.T) {
	files := generatedFiles(t)
	found := 0
	for name, raw := range files {
		parts := strings.Split(name, "/")
		if parts[0] != "catalog" || len(parts) != 5 || !strings.HasSuffix(name, ".yaml") {
			continue
		}
		found++
		if parts[4] != parts[2]+".yaml" || files[strings.Join(parts[:4], "/")+"/README.md"] == nil {
			t.Errorf("%s: the file is not named as its folder, or has no README.md beside it", name)
		}
		var o struct {
			meta.TypeMeta   `json:",inline"`
			meta.ObjectMeta `json:"metadata"`
			Spec            struct{ Description string }
		}
		if err := yaml.Unmarshal(raw, &o); err != nil {
			t.Fatal(err)
		}
		if o.Name != parts[2] || strings.ToLower(o.Kind) != parts[1] || o.Spec.Description == "" || !strings.HasPrefix(o.Labels["app.kubernetes.io/version"], parts[3]+".") {
			t.Errorf("%s: name %s, kind %s, version %s", name, o.Name, o.Kind, o.Labels["app.kubernetes.io/version"])
		}
	}
	if found != 12 {
		t.Errorf("%d objects in the catalogue, expected 12", found)
	}
}

func TestEveryTaskHasASmallEnoughBundle(t *testing.T) {
	objects := 0
	for name := range generatedFiles(t) {
		if strings.HasPrefix(name, "catalog/") && strings.HasSuffix(name, ".yaml") && !strings.Contains(name, "/samples/") {
			objects++
		}
	}
	// https://github.com/tektoncd/pipeline/blob/v1.14.1/docs/tekton-bundle-contracts.md
	if objects > 20 {
		t.Errorf("%d objects; a bundle takes 20", objects)
	}
}
