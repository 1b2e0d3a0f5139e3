package example

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stepseal/stepseal/test/sigstore/programs"
)

// An operator has a folder with the example's files, and a Sigstore that compose would run from it.
type operator struct {
	t       *testing.T
	folder  string
	issuer  string // whose tokens Fulcio takes
	running *programs.Group
}

// newOperator gives the services' names an address, as compose does, in the namespace of the tests.
func newOperator(t *testing.T) *operator {
	t.Helper()
	o := &operator{t: t, folder: t.TempDir()}
	hosts := o.write("hosts", "127.0.0.1 localhost fulcio ctlog rekor rekor-2027 timestamps\n")
	if err := syscall.Mount(hosts, "/etc/hosts", "", syscall.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount("/etc/hosts", 0); err != nil {
			t.Error(err)
		}
	})
	return o
}

// exampleIssuer is whom the example's files and its page name.
const exampleIssuer = "https://issuer.example.com"

// names puts a file of the example where it belongs, with the operator's issuer.
func (o *operator) names(file, folder string) {
	o.t.Helper()
	text, err := os.ReadFile("../../../examples/private-sigstore/" + file)
	if err != nil {
		o.t.Fatal(err)
	}
	o.write(filepath.Join("sigstore", folder, file), strings.ReplaceAll(string(text), exampleIssuer, o.issuer))
}

// script runs one of the example's, with variables.
func (o *operator) script(name, folder string, environment ...string) {
	o.t.Helper()
	script := o.command("../../../examples/private-sigstore/"+name, o.path(folder))
	script.Env = append(script.Env, environment...)
	if said, err := script.CombinedOutput(); err != nil {
		o.t.Fatalf("%s: %v:\n%s", name, err, said)
	}
}

func (o *operator) command(name string, args ...string) *exec.Cmd {
	if name == "stepseal" {
		name = made.product
	}
	command := exec.Command(name, args...)
	command.Env = o.environment()
	return command
}

func (o *operator) read(name string) string {
	o.t.Helper()
	text, err := os.ReadFile(o.path(name))
	if err != nil {
		o.t.Fatal(err)
	}
	return string(text)
}

func (o *operator) rename(from, to string) {
	o.t.Helper()
	if err := os.Rename(o.path(from), o.path(to)); err != nil {
		o.t.Fatal(err)
	}
}

// volumes are the logs' files.
var volumes = []string{"certificates", "log"}

// backUp copies them while nothing writes them, as the page says.
func (o *operator) backUp() {
	o.t.Helper()
	for _, volume := range volumes {
		if said, err := o.command("cp", "-a", "--sparse=always", o.path(volume), o.mkdir("backup")).CombinedOutput(); err != nil {
			o.t.Fatalf("%v: %s", err, said)
		}
	}
}

// restore puts the copies in their place.
func (o *operator) restore() {
	o.t.Helper()
	for _, volume := range volumes {
		if err := os.RemoveAll(o.path(volume)); err != nil {
			o.t.Fatal(err)
		}
		o.rename("backup/"+volume, volume)
	}
}

func (o *operator) remove(names ...string) {
	o.t.Helper()
	for _, name := range names {
		if err := os.Remove(o.path(name)); err != nil {
			o.t.Fatal(err)
		}
	}
}

func (o *operator) path(name string) string { return filepath.Join(o.folder, name) }

func (o *operator) mkdir(name string) string {
	o.t.Helper()
	if err := os.MkdirAll(o.path(name), 0o700); err != nil {
		o.t.Fatal(err)
	}
	return o.path(name)
}

func (o *operator) write(name, text string) string {
	o.t.Helper()
	if err := os.WriteFile(o.path(name), []byte(text), 0o600); err != nil {
		o.t.Fatal(err)
	}
	return o.path(name)
}
