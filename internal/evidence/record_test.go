package evidence

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/stepseal/stepseal/internal/outcome"
)

func writtenRecord(t *testing.T) (folder, digest string) {
	t.Helper()
	folder = t.TempDir()
	r := NewRecord("registry.example/shop@"+oneDigest, oneDigest, "")
	r.Add("linux/amd64", oneDigest)
	content := []byte(`{"bomFormat":"CycloneDX"}`)
	write(t, filepath.Join(folder, "sbom.cdx.json"), content)
	r.Platforms[0].Put(RoleSBOM, "sbom.cdx.json", "application/vnd.cyclonedx+json", content, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	raw, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, RecordFile), raw)
	return folder, Digest(raw)
}

func write(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func reason(err error) outcome.Reason {
	if err == nil {
		return ""
	}
	return outcome.Of(err).Reason
}

func TestRecordIsHandedOn(t *testing.T) {
	folder, digest := writtenRecord(t)
	r, err := ReadRecord(folder, digest)
	if err != nil {
		t.Fatal(err)
	}
	p, ok := r.Of(oneDigest)
	if !ok {
		t.Fatal("the record does not know its image")
	}
	d, ok := p.Document(RoleSBOM)
	if !ok || d.Finished != "2026-01-02T03:04:05Z" {
		t.Errorf("document %+v", d)
	}
	content, err := r.Read(d)
	if diff := cmp.Diff(`{"bomFormat":"CycloneDX"}`, string(content)); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestChangesAreNoticed(t *testing.T) {
	folder, digest := writtenRecord(t)
	r, err := ReadRecord(filepath.Join(folder, RecordFile), "")
	if err != nil {
		t.Fatal(err)
	}
	d, _ := r.Platforms[0].Document(RoleSBOM)
	write(t, filepath.Join(folder, "sbom.cdx.json"), []byte(`{"bomFormat":"cyclonedx"}`))
	if _, err := r.Read(d); reason(err) != outcome.EvidenceChanged {
		t.Errorf("changed document: %v", err)
	}
	write(t, filepath.Join(folder, RecordFile), []byte(`{}`))
	if _, err := ReadRecord(folder, digest); reason(err) != outcome.EvidenceChanged {
		t.Errorf("changed record: %v", err)
	}
	if _, err := ReadRecord(folder, ""); reason(err) != outcome.EvidenceUnusable {
		t.Errorf("no record: %v", err)
	}
	if _, err := ReadRecord(filepath.Join(folder, "absent"), ""); reason(err) != outcome.EvidenceUnusable {
		t.Errorf("absent record: %v", err)
	}
}

func TestRecordsThatLeadOutOfTheFolder(t *testing.T) {
	for _, path := range []string{"../secret", "/etc/passwd", "a/../../b", `..\secret`, "a\x00b", ""} {
		r := NewRecord("shop@"+oneDigest, oneDigest, "")
		r.Add("linux/amd64", oneDigest)
		r.Platforms[0].Documents = []Document{{Role: RoleSBOM, Path: path, SHA256: oneHex}}
		raw, err := r.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseRecord(raw); err == nil {
			t.Errorf("%q is taken", path)
		}
	}
}

func TestRecordsWithoutDigests(t *testing.T) {
	good := func(image, id string) *Record {
		r := NewRecord(image, "", "")
		r.AddUndigested("linux/amd64", id)
		return r
	}
	digested := NewRecord("shop@"+oneDigest, oneDigest, "")
	digested.Add("linux/amd64", oneDigest)
	for name, c := range map[string]struct {
		record *Record
		change func(*Record)
		ok     bool
	}{
		"an archive":                    {good("docker-archive:app.tar:team/app:1", oneDigest), nil, true},
		"a daemon":                      {good("docker:app", oneDigest), nil, true},
		"a daemon asked by digest":      {good("docker:app@"+oneDigest, oneDigest), nil, true},
		"a folder":                      {good("dir:rootfs", ""), nil, true},
		"a digest where there is none":  {good("dir:rootfs", ""), func(r *Record) { r.Digest = oneDigest }, false},
		"a platform's digest, likewise": {good("docker:app", oneDigest), func(r *Record) { r.Platforms[0].Digest = oneDigest }, false},
		"an index":                      {good("docker:app", oneDigest), func(r *Record) { r.Index = oneDigest }, false},
		"two platforms": {good("docker:app", oneDigest), func(r *Record) {
			r.Platforms = append(r.Platforms, Platform{Platform: "linux/arm64", ID: otherDigest, Documents: []Document{}})
		}, false},
		"an id that is none":                {good("docker:app", "app"), nil, false},
		"no digest in a registry":           {good("shop", oneDigest), nil, false},
		"an empty digest in a registry":     {good("shop@", ""), nil, false},
		"an id beside a digest":             {digested, func(r *Record) { r.Platforms[0].ID = otherDigest }, false},
		"a control character in the source": {good("dir:a\x1b[31m", ""), nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := *c.record
			r.Platforms = append([]Platform{}, c.record.Platforms...)
			if c.change != nil {
				c.change(&r)
			}
			raw, err := r.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			back, err := ParseRecord(raw)
			if (err == nil) != c.ok {
				t.Fatalf("%s: %v", raw, err)
			}
			if schemaErr := matchesSchema(t, raw); (schemaErr == nil) != c.ok && name != "a control character in the source" {
				t.Errorf("the schema says %v, ParseRecord %v", schemaErr, err)
			}
			if err != nil {
				return
			}
			if _, ok := back.Of(c.record.Platforms[0].ID); !ok {
				t.Error("the record does not know its image")
			}
		})
	}
}

func matchesSchema(t *testing.T, raw []byte) error {
	t.Helper()
	file, err := os.ReadFile("evidence.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("evidence.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("evidence.json")
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(value)
}
