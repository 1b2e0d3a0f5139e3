package sbom_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anchore/syft/syft/artifact"
	"github.com/anchore/syft/syft/pkg"
	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/sbom"
)

// manifest is a package.json in the image; more is fields beyond name and version.
func manifest(path, name, version, more string) registrytest.File {
	if more != "" {
		more = "," + more
	}
	return registrytest.File{Path: path + "/package.json", Body: fmt.Sprintf(`{"name":%q,"version":%q%s}`, name, version, more)}
}

// edges are the dependencies of the packages below a folder, as "name version > name version".
func edges(c *sbom.Catalogue, folder string) []string {
	var list []string
	for _, r := range c.Content().Relationships {
		from, okFrom := r.To.(pkg.Package)
		to, okTo := r.From.(pkg.Package)
		if r.Type != artifact.DependencyOfRelationship || !okFrom || !okTo || !strings.HasPrefix(from.Locations.ToSlice()[0].RealPath, folder) {
			continue
		}
		list = append(list, from.Name+" "+from.Version+" > "+to.Name+" "+to.Version)
	}
	slices.Sort(list)
	return list
}

// each is a tree of installed packages under a folder of its own, and the edges in it.
var trees = []struct {
	name, folder string
	files        []registrytest.File
	want         []string
}{
	{"the nearest version wins, as in Node", "srv/nested", []registrytest.File{
		manifest("srv/nested", "nested", "1.0.0", `"dependencies":{"a":"^1.0.0","b":"^1.0.0"}`),
		manifest("srv/nested/node_modules/a", "a", "1.0.0", `"dependencies":{"b":"^2.0.0"}`),
		manifest("srv/nested/node_modules/a/node_modules/b", "b", "2.0.0", `"dependencies":{"c":"*","b":"*"}`),
		manifest("srv/nested/node_modules/b", "b", "1.0.0", `"dependencies":{"c":"*"}`),
		manifest("srv/nested/node_modules/c", "c", "3.0.0", ""),
	}, []string{"a 1.0.0 > b 2.0.0", "b 1.0.0 > c 3.0.0", "b 2.0.0 > c 3.0.0", "nested 1.0.0 > a 1.0.0", "nested 1.0.0 > b 1.0.0"}},

	{"scopes, aliases, and whatever version is installed", "srv/scoped", []registrytest.File{
		manifest("srv/scoped", "scoped", "1.0.0", `"dependencies":{"@s/a":"99.0.0","foo":"npm:bar@1"}`),
		manifest("srv/scoped/node_modules/@s/a", "@s/a", "1.0.0", `"dependencies":{"@s/b":"1"}`),
		manifest("srv/scoped/node_modules/@s/a/node_modules/@s/b", "@s/b", "1.0.0", ""),
		manifest("srv/scoped/node_modules/foo", "bar", "1.2.0", ""),
	}, []string{"@s/a 1.0.0 > @s/b 1.0.0", "scoped 1.0.0 > @s/a 1.0.0", "scoped 1.0.0 > bar 1.2.0"}},

	{"optional ones, peers and tools only where they are", "srv/kinds", []registrytest.File{
		manifest("srv/kinds", "kinds", "1.0.0", `"devDependencies":{"tool":"1","no-tool":"1"},"optionalDependencies":{"may":"1","may-not":"1"}`),
		manifest("srv/kinds/node_modules/tool", "tool", "1.0.0", `"devDependencies":{"may":"1"},"peerDependencies":{"peer":"1","no-peer":"1"}`),
		manifest("srv/kinds/node_modules/may", "may", "1.0.0", ""),
		manifest("srv/kinds/node_modules/peer", "peer", "1.0.0", ""),
	}, []string{"kinds 1.0.0 > may 1.0.0", "kinds 1.0.0 > tool 1.0.0", "tool 1.0.0 > peer 1.0.0"}},

	{"pnpm's store behind links", "srv/pnpm", []registrytest.File{
		manifest("srv/pnpm", "linked", "1.0.0", `"dependencies":{"a":"1","ws":"workspace:*"}`),
		{Path: "srv/pnpm/node_modules/a", Link: ".pnpm/a@1.0.0/node_modules/a"},
		manifest("srv/pnpm/node_modules/.pnpm/a@1.0.0/node_modules/a", "a", "1.0.0", `"dependencies":{"b":"2"}`),
		{Path: "srv/pnpm/node_modules/.pnpm/a@1.0.0/node_modules/b", Link: "../../b@2.0.0/node_modules/b"},
		manifest("srv/pnpm/node_modules/.pnpm/b@2.0.0/node_modules/b", "b", "2.0.0", `"dependencies":{"a":"1"}`),
		{Path: "srv/pnpm/node_modules/.pnpm/b@2.0.0/node_modules/a", Link: "/srv/pnpm/node_modules/a"},
		{Path: "srv/pnpm/node_modules/ws", Link: "../packages/ws"},
		manifest("srv/pnpm/packages/ws", "ws", "0.0.1", `"dependencies":{"c":"1"}`),
		manifest("srv/pnpm/packages/ws/node_modules/c", "c", "1.0.0", ""),
	}, []string{"a 1.0.0 > b 2.0.0", "b 2.0.0 > a 1.0.0", "linked 1.0.0 > a 1.0.0", "linked 1.0.0 > ws 0.0.1", "ws 0.0.1 > c 1.0.0"}},

	{"what is no object asks for nothing", "srv/odd", []registrytest.File{
		manifest("srv/odd", "odd", "1.0.0", `"Dependencies":{"a":"1"},"peerDependencies":[],"optionalDependencies":"a"`),
		manifest("srv/odd/node_modules/a", "a", "1.0.0", ""),
	}, nil},
}

func TestNPMEdges(t *testing.T) {
	var files []registrytest.File
	for _, tree := range trees {
		files = append(files, tree.files...)
	}
	c := catalogue(t, shop(t, registrytest.AppOptions{Files: files}))
	for _, tree := range trees {
		if diff := cmp.Diff(tree.want, edges(c, "/"+tree.folder)); diff != "" {
			t.Errorf("%s: %s", tree.name, diff)
		}
	}
}

// coverage is the coverage of one type.
func coverage(c *sbom.Catalogue, kind string) sbom.EdgeCoverage {
	for _, of := range c.Edges() {
		if of.Type == kind {
			return of
		}
	}
	return sbom.EdgeCoverage{}
}

func TestHostileManifests(t *testing.T) {
	many := map[string]string{}
	for i := range 6000 {
		many[fmt.Sprintf("p%d", i)] = "1"
	}
	list, err := json.Marshal(many)
	if err != nil {
		t.Fatal(err)
	}
	deep := strings.Repeat("x/", 80)
	before := coverage(catalogue(t, shop(t, registrytest.AppOptions{})), "npm")
	c := catalogue(t, shop(t, registrytest.AppOptions{Files: []registrytest.File{
		manifest("srv/bad/node_modules/huge", "huge", "1.0.0", `"pad":"`+strings.Repeat("x", 2<<20)+`"`),
		manifest("srv/bad/node_modules/many", "many", "1.0.0", `"dependencies":`+string(list)),
		manifest("srv/bad/node_modules/deep", "deep", "1.0.0", `"pad":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)),
		manifest("srv/bad/node_modules/away", "away", "1.0.0", `"dependencies":{"../../../app/node_modules/ms":"1","/etc":"1","..":"1","a\u0000b":"1","@/x":"1","a\u001b[2J":"1","":"1","x\\y":"1"}`),
		manifest("srv/bad/node_modules/loop", "loop", "1.0.0", `"dependencies":{"round":"1","away":"1"}`),
		{Path: "srv/bad/node_modules/round", Link: "rounder"},
		{Path: "srv/bad/node_modules/rounder", Link: "round"},
		manifest("srv/bad/"+deep+"node_modules/down", "down", "1.0.0", `"dependencies":{"loop":"1"}`),
		{Path: "srv/bad/node_modules/broken/package.json", Body: `{"name":"broken"`},
	}}))
	if diff := cmp.Diff([]string{"loop 1.0.0 > away 1.0.0"}, edges(c, "/srv/bad")); diff != "" {
		t.Error(diff)
	}
	npm := coverage(c, "npm")
	got := sbom.EdgeCoverage{Type: "npm", Packages: npm.Packages - before.Packages, Known: npm.Known - before.Known, Edges: npm.Edges - before.Edges, Missing: npm.Missing - before.Missing}
	// Six packages; huge, many and down are not known; away lacks all of its eight, loop one.
	if diff := cmp.Diff(sbom.EdgeCoverage{Type: "npm", Packages: 6, Known: 3, Edges: 1, Missing: 9}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCoverageInWords(t *testing.T) {
	for want, of := range map[string]sbom.EdgeCoverage{
		"no edges known for 3 packages":                                     {Packages: 3},
		"1 edge, known for 1 of 1 package":                                  {Packages: 1, Known: 1, Edges: 1},
		"5 edges, known for 2 of 3 packages, 1 needed and not in the image": {Packages: 3, Known: 2, Edges: 5, Missing: 1},
	} {
		if of.String() != want {
			t.Errorf("%q, not %q", of.String(), want)
		}
	}
}

// bom is what the tests read of a CycloneDX document.
type bom struct {
	Metadata struct {
		Component struct {
			BOMRef string `json:"bom-ref"`
		}
		Properties []struct{ Name, Value string }
	}
	Components []struct {
		BOMRef              string `json:"bom-ref"`
		Type, Name, Version string
	}
	Dependencies []struct {
		Ref       string
		DependsOn []string
	}
	Compositions []struct {
		Aggregate    string
		Dependencies []string
	}
}

func TestEveryComponentIsReachedFromTheImage(t *testing.T) {
	c := catalogue(t, shop(t, registrytest.AppOptions{Log4jVersion: "2.14.1", Distro: registrytest.Debian("11"), Files: []registrytest.File{
		manifest("srv/ring/node_modules/a", "ring-a", "1.0.0", `"dependencies":{"b":"1"}`),
		manifest("srv/ring/node_modules/b", "ring-b", "1.0.0", `"dependencies":{"a":"1"}`),
		// An application without a name is no package: what it asks for, the image asks for.
		{Path: "srv/plain/package.json", Body: `{"dependencies":{"x":"1","y":"1"}}`},
		manifest("srv/plain/node_modules/x", "plain-x", "1.0.0", ""),
		manifest("srv/plain/node_modules/y", "plain-y", "1.0.0", `"dependencies":{"x":"1"}`),
	}}))
	docs := documents(t, c, time.Time{})
	var b bom
	if err := json.Unmarshal(docs["cyclonedx"], &b); err != nil {
		t.Fatal(err)
	}
	next, names := map[string][]string{}, map[string]string{}
	for _, d := range b.Dependencies {
		if _, twice := next[d.Ref]; twice || !slices.IsSorted(d.DependsOn) || len(slices.Compact(slices.Clone(d.DependsOn))) != len(d.DependsOn) {
			t.Errorf("the entry of %s stands twice or is not in order", d.Ref)
		}
		next[d.Ref] = d.DependsOn
	}
	for _, p := range b.Components {
		names[p.BOMRef] = p.Name
	}
	root := b.Metadata.Component.BOMRef
	reached := map[string]bool{}
	for pending := []string{root}; len(pending) > 0; pending = pending[1:] {
		for _, ref := range next[pending[0]] {
			if !reached[ref] {
				reached[ref] = true
				pending = append(pending, ref)
			}
		}
	}
	for _, p := range b.Components {
		if p.Type != "operating-system" && !reached[p.BOMRef] {
			t.Errorf("%s is not reached from the image", p.Name)
		}
	}
	var direct []string
	for _, ref := range next[root] {
		direct = append(direct, names[ref])
	}
	for name, want := range map[string]bool{"shop": true, "shop-all": true, "payment": false, "log4j-core": false, "lodash": false, "plain-x": true, "plain-y": true} {
		if slices.Contains(direct, name) != want {
			t.Errorf("the image depends on %s itself: %t", name, !want)
		}
	}
	if slices.Contains(direct, "ring-a") == slices.Contains(direct, "ring-b") {
		t.Errorf("one of the ring is what the image depends on: %v", direct)
	}
	aggregates := map[string]int{}
	for _, composition := range b.Compositions {
		aggregates[composition.Aggregate] = len(composition.Dependencies)
		for _, ref := range composition.Dependencies {
			if _, listed := next[ref]; listed == (composition.Aggregate == "unknown") {
				t.Errorf("the dependencies of %s are %s, and it has an entry: %t", names[ref], composition.Aggregate, listed)
			}
		}
	}
	if aggregates["complete"] == 0 || aggregates["incomplete"] == 0 || aggregates["unknown"] == 0 {
		t.Errorf("%v", aggregates)
	}
	said := map[string]string{}
	for _, p := range b.Metadata.Properties {
		said[p.Name] = p.Value
	}
	if said["stepseal:edges:java-archive"] != "2 edges, known for 2 of 3 packages" || said["stepseal:layer:3:created-by"] != "COPY lib/ /app/lib/" {
		t.Errorf("%v", said)
	}
	spdxReached(t, docs["spdx"])
}

func spdxReached(t *testing.T, raw []byte) {
	t.Helper()
	var doc struct {
		CreationInfo  struct{ Comment string }
		Packages      []struct{ SPDXID, Name string }
		Relationships []struct{ SPDXElementID, RelatedSPDXElement, RelationshipType string }
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	next, root := map[string][]string{}, ""
	for _, r := range doc.Relationships {
		switch r.RelationshipType {
		case "DEPENDENCY_OF":
			next[r.RelatedSPDXElement] = append(next[r.RelatedSPDXElement], r.SPDXElementID)
		case "DESCRIBES":
			root = r.RelatedSPDXElement
		}
	}
	reached := map[string]bool{root: true}
	for pending := []string{root}; len(pending) > 0; pending = pending[1:] {
		for _, id := range next[pending[0]] {
			if !reached[id] {
				reached[id] = true
				pending = append(pending, id)
			}
		}
	}
	for _, p := range doc.Packages {
		if !reached[p.SPDXID] {
			t.Errorf("SPDX: %s is not reached from the image", p.Name)
		}
	}
	if !strings.Contains(doc.CreationInfo.Comment, "java-archive: 2 edges, known for 2 of 3 packages") {
		t.Errorf("SPDX: the comment is %q", doc.CreationInfo.Comment)
	}
}

func TestEdgesSurviveTheDocuments(t *testing.T) {
	c := catalogue(t, shop(t, registrytest.AppOptions{Log4jVersion: "2.14.1"}))
	want := map[string]int{}
	for _, of := range c.Edges() {
		want[of.Type] = of.Edges
	}
	if want["npm"] < 20 || want["java-archive"] != 2 || want["go-module"] < 2 {
		t.Fatalf("%v", want)
	}
	for name, doc := range documents(t, c, time.Time{}) {
		back, err := sbom.Read(name, doc)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, of := range back.Edges() {
			got[of.Type] = of.Edges
		}
		if !maps.Equal(want, got) {
			t.Errorf("%s: %s", name, cmp.Diff(want, got))
		}
	}
}

// An archive without a manifest is no package, and syft ties what lies in it to nothing.
func TestJarsBehindAnArchiveWithoutAManifest(t *testing.T) {
	jar, err := registrytest.JarIn("outer", "inner")
	if err != nil {
		t.Fatal(err)
	}
	c := catalogue(t, shop(t, registrytest.AppOptions{Files: []registrytest.File{{Path: "srv/outer.jar", Body: string(jar)}}}))
	if diff := cmp.Diff([]string{"outer 1.0.0 > inner 1.0.0"}, edges(c, "/srv/outer.jar")); diff != "" {
		t.Error(diff)
	}
}
