package example

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/stepseal/stepseal/test/sigstore/programs"
)

// served is what a service is in the compose file, as far as the example uses it.
type served struct {
	Image       string            `json:"image"`
	Command     []string          `json:"command"`
	Environment map[string]string `json:"environment"`
	Volumes     []string          `json:"volumes"`
}

// composed reads the compose file, in which an operator has changed something: old and new by turns.
func composed(t *testing.T, changes ...string) map[string]served {
	t.Helper()
	text, err := os.ReadFile("../../../examples/private-sigstore/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]served `json:"services"`
	}
	if err := yaml.Unmarshal([]byte(strings.NewReplacer(changes...).Replace(string(text))), &file); err != nil {
		t.Fatal(err)
	}
	return file.Services
}

// programOf is what each image runs.
var programOf = map[string]string{
	"fulcio":             "fulcio",
	"posix":              "tesseract",
	"rekor-server-posix": "rekor-tiles",
	"timestamp-server":   "timestamp-server",
}

// up runs every service of the compose file with the command that stands there, and the files of its volumes. It waits until
// Kubernetes would take each for ready.
func (o *operator) up(changes ...string) {
	o.t.Helper()
	probes := probes(o.t)
	var all []programs.Program
	for name, of := range composed(o.t, changes...) {
		all = append(all, o.program(name, of, probes[name]))
	}
	o.running = programs.In(o.mkdir("home"))
	o.t.Cleanup(o.running.Close)
	if err := o.running.Start(all...); err != nil {
		o.t.Fatal(err)
	}
}

// down ends them; the files of volumes stay.
func (o *operator) down() {
	o.t.Helper()
	o.running.Close()
	if err := os.RemoveAll(o.path("tmp")); err != nil {
		o.t.Fatal(err)
	}
}

func (o *operator) program(name string, of served, ready string) programs.Program {
	o.t.Helper()
	image, _, _ := strings.Cut(filepath.Base(of.Image), ":")
	program, ok := programOf[image]
	if !ok {
		o.t.Fatalf("nobody knows what %s runs", of.Image)
	}
	args := slices.Clone(of.Command)
	if args[0] == "rekor-server" { // its image has no entry point
		args = args[1:]
	}
	var mounted []string
	for _, volume := range append(of.Volumes, "tmp:/tmp") {
		parts := strings.Split(volume, ":")
		mounted = append(mounted, "="+parts[1], "="+o.mkdir(parts[0]))
	}
	for i, arg := range args {
		args[i] = strings.NewReplacer(mounted...).Replace(arg)
	}
	var environment []string
	for variable, value := range of.Environment {
		environment = append(environment, variable+"="+value)
	}
	return programs.Program{Name: name, Path: filepath.Join(made.services, program), Args: args, Env: environment, Ready: ready}
}
