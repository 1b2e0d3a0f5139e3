package lineage_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/lineage"
)

const sample = `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,
"metadata":{"component":{"bom-ref":"image","name":"image"},"properties":[
 {"name":"stepseal:layer:1","value":"sha256:one"},{"name":"stepseal:layer:2","value":"sha256:two"},{"name":"stepseal:layer:2:created-by","value":"COPY . ."}]},
"components":[
 {"type":"operating-system","bom-ref":"os","name":"debian"},
 {"type":"library","bom-ref":"app","name":"app","version":"1","purl":"pkg:npm/app@1","properties":[{"name":"syft:location:0:layerID","value":"sha256:two"},{"name":"syft:location:0:path","value":"/app/package.json"}]},
 {"type":"library","bom-ref":"lib","group":"@s","name":"lib","version":"2","purl":"pkg:npm/%40s/lib@2?arch=all#sub"},
 {"type":"library","bom-ref":"jar","group":"org.x","name":"core","version":"3","purl":"pkg:maven/org.x/core@3","properties":[{"name":"syft:package:type","value":"java-archive"},{"name":"syft:location:0:path","value":"/a.jar"},{"name":"syft:metadata:virtualPath","value":"/a.jar:b.jar"}],
  "components":[{"type":"library","name":"inner","version":"4"}]}],
"dependencies":[{"ref":"image","dependsOn":["app"]},{"ref":"app","dependsOn":["lib","lib","app","nothing"]},{"ref":"lib"}],
"compositions":[{"aggregate":"unknown","dependencies":["lib"]}]}`

func TestFind(t *testing.T) {
	img, err := lineage.ReadCycloneDX([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"app": "app", "app@1": "app", "app@2": "", "lib": "lib", "@s/lib": "lib", "@s/lib@2": "lib", "@s/lib@1": "", "@t/lib": "",
		"core": "core", "org.x:core": "core", "org.x:core@3": "core", "org.y:core": "", "inner": "inner", "debian": "",
		"pkg:npm/app": "app", "pkg:npm/app@1": "app", "pkg:npm/app@2": "", "pkg:maven/app": "", "pkg:npm/%40s/lib": "lib",
		"pkg:npm/%40s/lib?arch=all": "lib", "pkg:npm/%40s/lib?arch=any": "", "pkg:npm/%40s/lib@2#sub": "lib", "pkg:npm/lib": "",
		"pkg:maven/org.x/core": "core", "CVE-2021-44228": "",
	} {
		q, err := lineage.ParseQuery(query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		var got []string
		for _, at := range img.Find(q) {
			got = append(got, img.Components[at].Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s finds %q, not %q", query, got, want)
		}
	}
}

func TestQueries(t *testing.T) {
	for query, advisory := range map[string]bool{
		"CVE-2021-44228": true, "cve-2021-44228": true, "GHSA-jfh8-c2jp-5v3q": true, "GO-2021-0113": true, "DEBIAN-CVE-2021-1": true, "RHSA-2021:0001": true,
		"DLA-2021-1": true, "log4j-core": false, "ghsa": false, "CVE": false, "foo-2021-1": false, "left-pad@1": false,
	} {
		q, err := lineage.ParseQuery(query)
		if err != nil || q.Advisory() != advisory {
			t.Errorf("%s: an advisory: %t, %v", query, q.Advisory(), err)
		}
	}
	for _, query := range []string{" ", "a\nb", "a\x1b[2J", "pkg:", "pkg:npm", strings.Repeat("x", 3000)} {
		if _, err := lineage.ParseQuery(query); err == nil {
			t.Errorf("%q is taken", query)
		}
	}
}

func TestWhatTheDocumentKnows(t *testing.T) {
	img, err := lineage.ReadCycloneDX([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for at, c := range img.Components {
		ways, all := img.Ways(at, 5)
		got = append(got, fmt.Sprintf("%s %v of %d, direct %t", c.Name, ways, all, img.Direct(at)))
	}
	want := []string{"app [[0]] of 1, direct true", "lib [[0 1]] of 1, direct false", "core [[2]] of 1, direct true", "inner [[2 3]] of 1, direct false"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if known, all := img.Covered("npm"); known != 1 || all != 2 {
		t.Errorf("%d of %d", known, all)
	}
	if number, layer, ok := img.Layer("sha256:two"); !ok || number != 2 || layer.CreatedBy != "COPY . ." {
		t.Errorf("%d %+v %t", number, layer, ok)
	}
	if _, _, ok := img.Layer(""); ok {
		t.Error("a layer without a digest")
	}
	if diff := cmp.Diff([]lineage.Place{{Path: "/a.jar:b.jar"}}, img.Components[2].Places); diff != "" {
		t.Error(diff)
	}
}

func TestSyftDocument(t *testing.T) {
	img, err := lineage.ReadSyft([]byte(`{"artifacts":[{"id":"a","name":"a","version":"1","type":"npm","locations":[{"path":"/a","layerID":"sha256:one"}]},
		{"id":"b","name":"b","version":"1","type":"npm"},{"id":"c","name":"c","version":"1","type":"npm","metadata":7}],
		"artifactRelationships":[{"parent":"b","child":"a","type":"dependency-of"},{"parent":"c","child":"a","type":"contains"}],
		"source":{"metadata":{"layers":[{"digest":"sha256:one"}]}},"schema":{"url":"x"}}`))
	if err != nil {
		t.Fatal(err)
	}
	ways, _ := img.Ways(1, 5)
	if diff := cmp.Diff([][]int{{0, 1}}, ways); diff != "" || !img.Direct(0) || img.Direct(1) || !img.Direct(2) {
		t.Error(diff)
	}
	if known, all := img.Covered("npm"); known != 1 || all != 3 {
		t.Errorf("%d of %d", known, all)
	}
}

func TestWhatIsNoDocument(t *testing.T) {
	for _, doc := range []string{"", "null", "[]", `{}`, `{"bomFormat":"SPDX"}`, `{"bomFormat":"CycloneDX","bomFormat":"CycloneDX"}`, `{"bomFormat":"CycloneDX","components":7}`,
		`{"bomFormat":"CycloneDX","components":` + strings.Repeat(`[`, 200) + strings.Repeat(`]`, 200) + `}`} {
		if _, err := lineage.ReadCycloneDX([]byte(doc)); err == nil {
			t.Errorf("CycloneDX: %.60q is taken", doc)
		}
		if _, err := lineage.ReadSyft([]byte(doc)); err == nil {
			t.Errorf("syft: %.60q is taken", doc)
		}
	}
}

// A hundred thousand components in one chain, which also leads back.
func TestALargeDocument(t *testing.T) {
	const n = 100_000
	type dependency struct {
		Ref       string   `json:"ref"`
		DependsOn []string `json:"dependsOn"`
	}
	components, dependencies := make([]map[string]string, n), make([]dependency, n)
	for i := range n {
		name := fmt.Sprint("c", i)
		components[i] = map[string]string{"type": "library", "bom-ref": name, "name": name}
		dependencies[i] = dependency{name, []string{fmt.Sprint("c", (i+1)%n), "c0"}}
	}
	doc, err := json.Marshal(map[string]any{"bomFormat": "CycloneDX", "components": components, "dependencies": dependencies})
	if err != nil {
		t.Fatal(err)
	}
	img, err := lineage.ReadCycloneDX(doc)
	if err != nil {
		t.Fatal(err)
	}
	if ways, all := img.Ways(n-1, 5); all != 1 || len(ways) != 1 || len(ways[0]) != n {
		t.Errorf("%d ways", all)
	}
}

// FuzzCycloneDX holds that every component of whatever is taken is reached from the image.
func FuzzCycloneDX(f *testing.F) {
	f.Add([]byte(sample), "pkg:npm/app")
	f.Add([]byte(`{"bomFormat":"CycloneDX","components":[{"bom-ref":"a"},{"bom-ref":"a"},{"bom-ref":""}],"dependencies":[{"ref":"a","dependsOn":["a",""]}]}`), "a@")
	f.Fuzz(func(t *testing.T, doc []byte, query string) {
		img, err := lineage.ReadCycloneDX(doc)
		if err != nil {
			return
		}
		for at := range img.Components {
			ways, all := img.Ways(at, 2)
			if all == 0 || len(ways) == 0 || ways[0][len(ways[0])-1] != at {
				t.Fatalf("component %d is not reached", at)
			}
		}
		if q, err := lineage.ParseQuery(query); err == nil {
			for _, at := range img.Find(q) {
				img.Covered(img.Components[at].Type)
			}
		}
	})
}

// FuzzSyft holds the same of syft's own form.
func FuzzSyft(f *testing.F) {
	f.Add([]byte(`{"schema":{"url":"x"},"artifacts":[{"id":"a","name":"a","type":"npm","version":"1","locations":[{"path":"/a","layerID":"l"}],"metadata":{"virtualPath":"/a:b"}},{"id":"a"},{}],"artifactRelationships":[{"parent":"a","child":"b","type":"dependency-of"},{"parent":"a","child":"a","type":"dependency-of"}],"source":{"metadata":{"layers":[{"digest":"l"}]}}}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		img, err := lineage.ReadSyft(doc)
		if err != nil {
			return
		}
		for at := range img.Components {
			if ways, all := img.Ways(at, 2); all == 0 || len(ways) == 0 || ways[0][len(ways[0])-1] != at {
				t.Fatalf("component %d is not reached", at)
			}
		}
	})
}
