package e2e

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stepseal/stepseal/test/sample/load"
)

// storefront is where the sample image holds its npm application.
const storefront = "srv/storefront"

// The dependencies of each installed package are those that npm itself finds in the same tree.
func TestEdgesAreThoseOfNPM(t *testing.T) {
	u, ref := newUser(t), pushed(t, made.bullseye)
	u.stepseal("generate-sbom", "--image", ref).want(t, 0, "")
	ours := read[graph](u, "stepseal-out/sbom.cdx.json").edges()
	theirs := npmEdges(t)

	declaring, same := 0, 0
	for from, want := range theirs {
		if len(want) == 0 {
			continue
		}
		declaring++
		got := slices.Sorted(maps.Keys(ours[from]))
		if want := slices.Sorted(maps.Keys(want)); slices.Equal(want, got) {
			same++
		} else if declaring-same <= 20 {
			t.Logf("%s depends on\n  by npm   %v\n  by us    %v", from, want, got)
		}
	}
	t.Logf("%d of %d installed packages with dependencies have the edges that npm finds", same, declaring)
	if declaring < 1000 {
		t.Errorf("npm finds dependencies in %d packages, and the sample has more", declaring)
	}
	if same*100 < declaring*95 {
		t.Errorf("%d of %d packages have the edges that npm finds: less than 95 %%", same, declaring)
	}
	matchesSchema(t, u.path("stepseal-out/sbom.cdx.json"), cycloneDXSchema)
	matchesSchema(t, u.path("stepseal-out/sbom.spdx.json"), spdxSchema)
}

// What a person wants to know of a jar in a jar in a jar, as fast as one asks.
func TestWhyThreeLevelsDeep(t *testing.T) {
	u, ref := newUser(t), pushed(t, made.bullseye)
	u.stepseal("generate-sbom", "--image", ref).want(t, 0, "")
	var took []time.Duration
	for range 3 {
		began := time.Now()
		e := u.run(made.product, "why", "log4j-core", "--evidence", "stepseal-out")
		took = append(took, time.Since(began))
		e.want(t, 0, "")
		for _, line := range []string{
			"  image > shop 3.0.1 > orders 1.4.0 > log4j-core 2.14.1\n",
			"  in /srv/shop/shop-3.0.1.jar:lib/orders-1.4.0.jar:BOOT-INF/lib/log4j-core-2.14.1.jar, layer 3 of 4 sha256:",
			" (created by `jars and Python metadata`)\n",
		} {
			if !strings.Contains(e.stdout, line) {
				t.Errorf("the answer does not say %q:\n%s", line, e.stdout)
			}
		}
	}
	slices.Sort(took)
	t.Logf("took %v", took)
	if took[1] >= time.Second {
		t.Errorf("took %s, which is not at once", took[1])
	}
}

// graph is the part of a CycloneDX document that says what depends on what.
type graph struct {
	Components []struct {
		Ref        string `json:"bom-ref"`
		Properties []struct{ Name, Value string }
	}
	Dependencies []struct {
		Ref       string
		DependsOn []string
	}
}

// edges lead from folder to folder, of packages below the application.
func (g graph) edges() map[string]map[string]bool {
	folder := map[string]string{}
	for _, c := range g.Components {
		for _, p := range c.Properties {
			if inside, ok := strings.CutPrefix(p.Value, "/"+storefront+"/"); ok && p.Name == "syft:location:0:path" && path.Base(inside) == "package.json" {
				folder[c.Ref] = path.Dir(inside)
			}
		}
	}
	edges := map[string]map[string]bool{}
	for _, d := range g.Dependencies {
		for _, ref := range d.DependsOn {
			if from, to := folder[d.Ref], folder[ref]; from != "" && to != "" {
				if edges[from] == nil {
					edges[from] = map[string]bool{}
				}
				edges[from][to] = true
			}
		}
	}
	return edges
}

// npmEdges is what npm ls says of the tree in the image: for each package's folder the folders of what it depends on.
func npmEdges(t *testing.T) map[string]map[string]bool {
	t.Helper()
	tree := t.TempDir()
	extractManifests(t, tree)
	npm := exec.Command("npm", "ls", "--all", "--json", "--long")
	npm.Dir = filepath.Join(tree, storefront)
	npm.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "npm_config_update_notifier=false", "npm_config_offline=true"}
	text, err := npm.Output()
	var problems *exec.ExitError // peers that are not installed are a problem to npm
	if err != nil && !errors.As(err, &problems) {
		t.Fatal(err)
	}
	var root npmNode
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatalf("npm ls: %v\n%.500s", err, text)
	}
	edges := map[string]map[string]bool{}
	for pending := []npmNode{root}; len(pending) > 0; pending = pending[1:] {
		from := pending[0].in(t, npm.Dir)
		if edges[from] == nil {
			edges[from] = map[string]bool{}
		}
		for _, node := range pending[0].Dependencies {
			if node.Path == "" {
				continue // declared, and not installed
			}
			edges[from][node.in(t, npm.Dir)] = true
			pending = append(pending, node)
		}
	}
	return edges
}

type npmNode struct {
	Path         string
	Dependencies map[string]npmNode
}

func (n npmNode) in(t *testing.T, folder string) string {
	t.Helper()
	inside, err := filepath.Rel(folder, n.Path)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.ToSlash(inside)
}

// extractManifests writes the package.json files of the application as the image holds them. npm needs no more to see
// the tree, and its own notes about the installation stay away, so that it looks.
func extractManifests(t *testing.T, to string) {
	t.Helper()
	image, err := load.Layout(made.bullseye)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range layers {
		content, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		if err := extract(content, to); err != nil {
			t.Fatal(err)
		}
		content.Close()
	}
}

func extract(layer io.Reader, to string) error {
	for archive := tar.NewReader(layer); ; {
		entry, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := path.Clean(strings.TrimPrefix(entry.Name, "/"))
		if !strings.HasPrefix(name, storefront+"/") || path.Base(name) != "package.json" {
			continue
		}
		if entry.Typeflag != tar.TypeReg {
			return fmt.Errorf("%s is no regular file", name)
		}
		file := filepath.Join(to, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			return err
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return err
		}
	}
}
