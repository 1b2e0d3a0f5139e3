package tekton

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/test/sigstore/issuer"
	"github.com/stepseal/stepseal/test/sigstore/stack"
	"github.com/stepseal/stepseal/test/tekton/cluster"
)

const (
	privateSigstore = "../../examples/private-sigstore/"
	tokensAddress   = "10.244.0.1:5556" // pods reach it
)

// The manifests of the private Sigstore run as they stand, but for the registry in them, and for what a cluster has around
// them and this one has not: whoever provides volumes, and names for Services.
func TestPrivateSigstore(t *testing.T) {
	services := os.Getenv("STEPSEAL_TEKTON_SERVICES")
	if services == "" {
		t.Skip("STEPSEAL_TEKTON_SERVICES is not set: make private-sigstore sets it")
	}
	p := &privately{T: t, services: services, folder: t.TempDir(), addresses: map[string]string{}}
	tokens, err := issuer.Serve(tokensAddress)
	if err != nil {
		t.Fatal(err)
	}
	defer tokens.Close()
	p.prepare(tokens.URL(stack.Kubernetes))
	p.pushImages()
	p.nameServices()
	p.install()

	first := p.app("shop/first:1.0")
	if said, err := p.sign(tokens, first); err != nil {
		t.Fatalf("%v:\n%s", err, said)
	}
	p.accepted(first)
	second := p.app("shop/second:1.0")
	if said, err := p.verify(second); err == nil || !strings.Contains(said, "[signature-missing]") {
		t.Errorf("want a refusal of what nobody signed, got %v:\n%s", err, said)
	}

	// New pods go on with the logs of those before them.
	certificates, signatures := p.logged("ctlog"), p.logged("rekor")
	p.roll("ctlog", "rekor", "fulcio")
	if said, err := p.sign(tokens, second); err != nil {
		t.Fatalf("%v:\n%s", err, said)
	}
	p.accepted(second)
	p.accepted(first)
	if now := p.logged("ctlog"); certificates < 1 || now != 2*certificates {
		t.Errorf("the log of certificates has %d entries after the first image and %d after the second", certificates, now)
	}
	if now := p.logged("rekor"); signatures < 1 || now != 2*signatures {
		t.Errorf("the log of signatures has %d entries after the first image and %d after the second", signatures, now)
	}
}

// privately is what an operator has beside the cluster.
type privately struct {
	*testing.T
	services, folder string
	workloads        map[string]cluster.Object
	addresses        map[string]string // of the pods, by Service
	round            int
}

// prepare makes the keys and what is carried, with the example's scripts.
func (p *privately) prepare(issuer string) {
	p.Helper()
	p.script("keys")
	for file, folder := range map[string]string{"issuers.yaml": "fulcio", "trust.yaml": "public"} {
		text := strings.ReplaceAll(p.read(privateSigstore+file), "https://issuer.example.com", issuer)
		p.write(filepath.Join(folder, file), text)
	}
	p.script("trust")
}

func (p *privately) script(name string) {
	p.Helper()
	command := exec.Command(privateSigstore+name, p.folder)
	command.Env = append(os.Environ(), "PATH="+p.services+":"+os.Getenv("PATH"))
	if said, err := command.CombinedOutput(); err != nil {
		p.Fatalf("%s: %v:\n%s", name, err, said)
	}
}

func (p *privately) app(name string) string {
	p.Helper()
	image, err := registrytest.App(registrytest.AppOptions{Distro: registrytest.Debian("11")})
	if err != nil {
		p.Fatal(err)
	}
	digest, err := the.registry.Push(name, image)
	if err != nil {
		p.Fatal(err)
	}
	return the.registry.Ref(name) + "@" + digest.String()
}

func (p *privately) sign(tokens *issuer.Issuer, ref string) (string, error) {
	p.Helper()
	token, err := tokens.Token(stack.Kubernetes, issuer.Kubernetes("builds", "tekton"))
	if err != nil {
		p.Fatal(err)
	}
	p.write("token", token)
	return p.stepseal("secure-image", "--image", ref, "--identity-token-file", filepath.Join(p.folder, "token"),
		"--database", made.database, "--fail-on", "never", "--output-directory", p.TempDir())
}

func (p *privately) accepted(ref string) {
	p.Helper()
	if said, err := p.verify(ref); err != nil {
		p.Errorf("%v:\n%s", err, said)
	}
}

func (p *privately) verify(ref string) (string, error) {
	return p.stepseal("verify", "--image", ref)
}

func (p *privately) stepseal(args ...string) (string, error) {
	plain := "fulcio:5555,rekor:3000,timestamps:3004," + publicAddress
	command := exec.Command(made.product, append(args, "--config", filepath.Join(p.folder, "public", "trust.yaml"), "--insecure-registry", plain)...)
	command.Dir = p.folder
	said, err := command.CombinedOutput()
	return string(said), err
}

// logged is how many entries a log has: the second line of its checkpoint.
func (p *privately) logged(service string) (size int) {
	p.Helper()
	var origin string
	if _, err := fmt.Sscanf(p.read(filepath.Join(p.volume(service), "checkpoint")), "%s\n%d\n", &origin, &size); err != nil {
		p.Fatal(err)
	}
	return size
}

func (p *privately) read(path string) string {
	p.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		p.Fatal(err)
	}
	return string(content)
}

func (p *privately) write(name, text string) {
	p.Helper()
	if err := os.WriteFile(filepath.Join(p.folder, name), []byte(text), 0o600); err != nil {
		p.Fatal(err)
	}
}
