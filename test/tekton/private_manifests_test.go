package tekton

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/stepseal/stepseal/test/tekton/cluster"
)

// private is the namespace that the manifests make.
const private = "private-sigstore"

// privatePrograms are the programs of the images that the manifests name: as Sigstore publishes them, but without a distribution.
var privatePrograms = []struct{ image, service, path string }{
	{"sigstore/fulcio:v1.8.7", "fulcio", "usr/bin/fulcio"},
	{"transparency-dev/tesseract/posix:v0.1.2", "tesseract", "usr/bin/tesseract"},
	{"sigstore/rekor-server-posix:v2.2.1", "rekor-tiles", "usr/bin/rekor-server"},
	{"sigstore/timestamp-server:v2.0.6", "timestamp-server", "usr/bin/timestamp-server"},
}

func (p *privately) pushImages() {
	p.Helper()
	for _, one := range privatePrograms {
		program := filepath.Join(p.services, one.service)
		image, err := cluster.ImageOf(program, one.path)
		if err != nil {
			p.Fatal(err)
		}
		if one.service == "rekor-tiles" { // its image has no entry point: the manifest says what runs
			image = p.withoutEntrypoint(image)
		}
		if _, err := the.registry.Push(one.image, p.withLibraries(image, program)); err != nil {
			p.Fatal(err)
		}
	}
}

// withLibraries adds what the program is linked with, as this machine has it.
func (p *privately) withLibraries(image v1.Image, program string) v1.Image {
	p.Helper()
	linked, _ := exec.Command("ldd", program).Output() // it fails for one that is linked with nothing
	for _, path := range strings.Fields(string(linked)) {
		if !strings.HasPrefix(path, "/") {
			continue
		}
		library, err := cluster.ImageOf(path, strings.TrimPrefix(path, "/"))
		if err != nil {
			p.Fatal(err)
		}
		layers, err := library.Layers()
		if err != nil {
			p.Fatal(err)
		}
		if image, err = mutate.AppendLayers(image, layers...); err != nil {
			p.Fatal(err)
		}
	}
	return image
}

func (p *privately) withoutEntrypoint(image v1.Image) v1.Image {
	p.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		p.Fatal(err)
	}
	config = config.DeepCopy()
	config.Config.Entrypoint, config.Config.Env = nil, []string{"PATH=/usr/bin"}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		p.Fatal(err)
	}
	return image
}

// install applies the manifests, with what they read.
func (p *privately) install() {
	p.Helper()
	objects, err := cluster.Decode(strings.ReplaceAll(p.read(privateSigstore+"kubernetes.yaml"), "registry.example.com", publicAddress))
	if err != nil {
		p.Fatal(err)
	}
	p.workloads = map[string]cluster.Object{}
	for _, object := range objects {
		switch object.Text("kind") {
		case "Deployment", "StatefulSet":
			p.workloads[object.Text("metadata", "name")] = object
		case "Namespace":
			p.apply(object)
			p.surround()
		default:
			p.apply(object)
		}
	}
	p.roll("ctlog", "rekor", "timestamps", "fulcio")
}

// roll gives workloads new pods and waits for them. Fulcio comes after the log of certificates: nothing here serves names, so
// that it has to be told where that is.
func (p *privately) roll(services ...string) {
	p.Helper()
	p.round++
	for _, service := range services {
		template := p.workloads[service].At("spec", "template").(map[string]any)
		template["metadata"].(map[string]any)["annotations"] = map[string]any{"round": strconv.Itoa(p.round)}
		if service == "fulcio" {
			template["spec"].(map[string]any)["hostAliases"] = []any{map[string]any{"ip": p.addresses["ctlog"], "hostnames": []any{"ctlog"}}}
		}
		p.apply(p.workloads[service])
		p.addresses[service] = p.address(service)
	}
	var hosts strings.Builder
	for service, address := range p.addresses {
		fmt.Fprintln(&hosts, address, service)
	}
	p.write("hosts", hosts.String()) // of this mount namespace, below
}

// nameServices has the names of Services lead to pods, for the tests.
func (p *privately) nameServices() {
	p.Helper()
	p.write("hosts", "")
	if err := syscall.Mount(filepath.Join(p.folder, "hosts"), "/etc/hosts", "", syscall.MS_BIND, ""); err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() {
		if err := syscall.Unmount("/etc/hosts", 0); err != nil {
			p.Error(err)
		}
	})
}

// surround makes what the manifests read, from the folders as the page says, and the volumes that they claim.
func (p *privately) surround() {
	p.Helper()
	for _, service := range []string{"fulcio", "ctlog", "rekor", "timestamps"} {
		p.apply(secret(service, "Opaque", p.files(service)))
	}
	data := map[string]any{}
	for name, text := range p.files("public") {
		data[name] = text
	}
	p.apply(object("v1", "ConfigMap", "public", map[string]any{"data": data}))
	for _, service := range []string{"ctlog", "rekor"} {
		if err := os.MkdirAll(p.volume(service), 0o777); err != nil {
			p.Fatal(err)
		}
		if err := os.Chmod(p.volume(service), 0o777); err != nil { // as a volume with an fsGroup would be for the group
			p.Fatal(err)
		}
		p.apply(object("v1", "PersistentVolume", private+"-"+service, map[string]any{"spec": map[string]any{
			"capacity": map[string]any{"storage": "10Gi"}, "accessModes": []any{"ReadWriteOncePod"},
			"claimRef": map[string]any{"namespace": private, "name": "log-" + service + "-0"},
			"hostPath": map[string]any{"path": p.volume(service)},
		}}))
	}
}

func (p *privately) volume(service string) string {
	return filepath.Join(made.state, "volumes", private+"-"+service)
}

func (p *privately) files(folder string) map[string]string {
	p.Helper()
	paths, err := filepath.Glob(filepath.Join(p.folder, folder, "*"))
	if err != nil || len(paths) == 0 {
		p.Fatalf("%s: no file (%v)", folder, err)
	}
	files := map[string]string{}
	for _, path := range paths {
		files[filepath.Base(path)] = p.read(path)
	}
	return files
}

func (p *privately) apply(o cluster.Object) {
	p.Helper()
	if err := the.cluster.ApplyObject(private, o); err != nil {
		p.Fatal(err)
	}
}

// address is that of the new pod, when it is ready and the Service leads to it.
func (p *privately) address(service string) (address string) {
	p.Helper()
	if err := the.cluster.Eventually("the Service "+service, 3*time.Minute, func(context.Context) (bool, error) {
		pods, err := the.cluster.List(private, "v1", "Pod", "app="+service)
		if err != nil {
			return false, err
		}
		for _, pod := range pods {
			if pod.Text("metadata", "annotations", "round") == strconv.Itoa(p.round) {
				address = pod.Text("status", "podIP")
			}
		}
		leads, err := p.leads(service, address)
		return leads, errors.Join(err, fmt.Errorf("the pod at %q is not ready:\n%s", address, p.logs(service)))
	}); err != nil {
		p.Fatal(err)
	}
	return address
}

func (p *privately) leads(service, address string) (bool, error) {
	slices, err := the.cluster.List(private, "discovery.k8s.io/v1", "EndpointSlice", "kubernetes.io/service-name="+service)
	if err != nil {
		return false, err
	}
	for _, slice := range slices {
		for _, endpoint := range slice.List("endpoints") {
			if addresses, _ := endpoint["addresses"].([]any); len(addresses) == 1 && addresses[0] == address && endpoint.At("conditions", "ready") == true {
				return true, nil
			}
		}
	}
	return false, nil
}

func (p *privately) logs(service string) string {
	pods, err := the.cluster.List(private, "v1", "Pod", "app="+service)
	if err != nil {
		return err.Error()
	}
	var all strings.Builder
	for _, pod := range pods {
		all.WriteString(the.cluster.Logs(private, pod.Text("metadata", "name")))
	}
	return all.String()
}
