package evidence

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func manifestOf(layers ...Layer) []byte {
	raw, _ := Encode(map[string]any{"schemaVersion": 2, "mediaType": manifestMediaType, "artifactType": ArtefactType, "layers": layers}) // strings always encode
	return raw
}

func recordOfTwo(t *testing.T) (*Record, []byte) {
	t.Helper()
	r := NewRecord("shop@"+oneDigest, oneDigest, oneDigest)
	for _, platform := range []string{"linux/amd64", "linux/arm64"} {
		r.Add(platform, Digest([]byte(platform)))
	}
	for i := range r.Platforms {
		r.Platforms[i].Put(RoleSBOM, fmt.Sprintf("%d/sbom.cdx.json", i), "application/vnd.cyclonedx+json", []byte{byte(i)}, time.Time{})
		r.Platforms[i].Put(RoleVerification, "verification.json", "application/json", []byte("both"), time.Time{})
	}
	raw, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return r, raw
}

func TestArtefactHoldsEveryFileOnce(t *testing.T) {
	r, raw := recordOfTwo(t)
	a, err := ParseArtefact(manifestOf(r.Artefact(raw).Layers...))
	if err != nil || a.Check() != nil || len(a.Layers) != 4 || a.Record().Digest != Digest(raw) {
		t.Fatal(a, err, a.Check())
	}
	layers, err := a.Of(r)
	if err != nil || len(layers) != 3 {
		t.Fatal(layers, err)
	}
	for i, d := range r.Files() {
		if layers[i].Digest != "sha256:"+d.SHA256 {
			t.Errorf("%s is %s", d.Path, layers[i].Digest)
		}
	}
	for i := range a.Layers[1:] {
		without := Artefact{append(append([]Layer{}, a.Layers[:i+1]...), a.Layers[i+2:]...)}
		if _, err := without.Of(r); err == nil {
			t.Errorf("nothing is missed without %+v", a.Layers[i+1])
		}
	}
}

func TestPathsThatTwoDocumentsWant(t *testing.T) {
	for _, path := range []string{"evidence.json", "EVIDENCE.json", "verification.json", "1/SBOM.cdx.json"} {
		r, _ := recordOfTwo(t)
		r.Platforms[0].Put(RoleSBOM, path, "application/json", []byte("another"), time.Time{})
		if _, err := r.Artefact(nil).Of(r); err == nil || !strings.Contains(err.Error(), "stands twice") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestManifestsThatAreNoEvidence(t *testing.T) {
	good := string(manifestOf(Layer{ArtefactType, oneDigest, 2}))
	if _, err := ParseArtefact([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"another artifactType":  {`"artifactType":"` + ArtefactType, `"artifactType":"a/b`},
		"an index":              {manifestMediaType, "application/vnd.oci.image.index.v1+json"},
		"another schema":        {`"schemaVersion":2`, `"schemaVersion":1`},
		"another first layer":   {`"mediaType":"` + ArtefactType, `"mediaType":"a/b`},
		"no layers":             {`"layers":[`, `"layers":[],"other":[`},
		"no digest":             {oneDigest, "sha256:12"},
		"a negative size":       {`"size":2`, `"size":-2`},
		"a size beyond numbers": {`"size":2`, `"size":99999999999999999999`},
		"a key in two cases":    {`"layers":`, `"Layers":[],"layers":`},
	} {
		if _, err := ParseArtefact([]byte(strings.Replace(good, change[0], change[1], 1))); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestBoundsOfAnArtefact(t *testing.T) {
	for name, a := range map[string]Artefact{
		"a record":   {[]Layer{{ArtefactType, oneDigest, maxRecordBytes + 1}}},
		"a document": {[]Layer{{ArtefactType, oneDigest, 1}, {"a/b", oneDigest, maxDocumentBytes + 1}}},
		"all":        {append([]Layer{{ArtefactType, oneDigest, 1}}, repeated(Layer{"a/b", oneDigest, maxDocumentBytes}, 16)...)},
		"the number": {append([]Layer{{ArtefactType, oneDigest, 1}}, repeated(Layer{"a/b", oneDigest, 1}, maxArtefactLayers)...)},
	} {
		if a.Check() == nil {
			t.Errorf("%s may be too large", name)
		}
	}
	within := Artefact{append([]Layer{{ArtefactType, oneDigest, 1}}, repeated(Layer{"a/b", oneDigest, maxDocumentBytes}, 15)...)}
	if err := within.Check(); err != nil {
		t.Error(err)
	}
}

func repeated(l Layer, n int) (list []Layer) {
	for range n {
		list = append(list, l)
	}
	return list
}

func FuzzParseArtefact(f *testing.F) {
	f.Add(manifestOf(Layer{ArtefactType, oneDigest, 2}, Layer{"a/b", otherDigest, 3}))
	f.Add([]byte(`{"schemaVersion":2,"layers":null}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := ParseArtefact(raw)
		if err != nil {
			return
		}
		again, err := ParseArtefact(manifestOf(a.Layers...))
		if err != nil || fmt.Sprint(again) != fmt.Sprint(a) {
			t.Fatalf("%+v came back as %+v (%v)", a, again, err)
		}
		_ = a.Check()
	})
}
