package evidence

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
