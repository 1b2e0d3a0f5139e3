package example

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// manifests reads the example's, strictly: the containers and the Services by name.
func manifests(t *testing.T) (map[string]core.Container, map[string]core.Service) {
	t.Helper()
	text, err := os.ReadFile("../../../examples/private-sigstore/kubernetes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	containers, services := map[string]core.Container{}, map[string]core.Service{}
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		switch kind := read[struct{ Kind string }](t, document, false).Kind; kind {
		case "Namespace":
			read[core.Namespace](t, document, true)
		case "Service":
			service := read[core.Service](t, document, true)
			services[service.Name] = service
		case "Deployment":
			deployment := read[apps.Deployment](t, document, true)
			containers[deployment.Name] = deployment.Spec.Template.Spec.Containers[0]
		case "StatefulSet":
			set := read[apps.StatefulSet](t, document, true)
			containers[set.Name] = set.Spec.Template.Spec.Containers[0]
		default:
			t.Fatalf("%s is new here", kind)
		}
	}
	return containers, services
}

func read[T any](t *testing.T, document string, strict bool) T {
	t.Helper()
	var object T
	unmarshal := yaml.UnmarshalStrict
	if !strict {
		unmarshal = func(text []byte, to any, _ ...yaml.JSONOpt) error { return yaml.Unmarshal(text, to) }
	}
	if err := unmarshal([]byte(document), &object); err != nil {
		t.Fatalf("%v in\n%s", err, document)
	}
	return object
}

// probes are what Kubernetes asks before it takes a service for ready, at the service's name.
func probes(t *testing.T) map[string]string {
	t.Helper()
	containers, services := manifests(t)
	list := map[string]string{}
	for name, container := range containers {
		probe := container.ReadinessProbe.HTTPGet
		list[name] = fmt.Sprintf("http://%s:%d%s", name, services[name].Spec.Ports[0].Port, probe.Path)
	}
	return list
}

func TestTheManifestsAndTheComposeFileRunTheSame(t *testing.T) {
	containers, _ := manifests(t)
	want, got := map[string]served{}, map[string]served{}
	for name, of := range composed(t) {
		want[name] = served{Image: of.Image, Command: of.Command, Environment: of.Environment}
	}
	for name, container := range containers {
		one := served{Image: container.Image, Command: append(container.Command, container.Args...)}
		for _, variable := range container.Env {
			if one.Environment == nil {
				one.Environment = map[string]string{}
			}
			one.Environment[variable.Name] = variable.Value
		}
		got[name] = one
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
