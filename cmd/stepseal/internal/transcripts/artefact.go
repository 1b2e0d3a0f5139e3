package transcripts

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/registrytest"
)

// reference puts the evidence that the last run handed on into the variables EVIDENCE and EVIDENCE_DIGEST.
func reference(ts *testscript.TestScript, neg bool, args []string) {
	var got map[string]string
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(ts.Getenv("STEPSEAL_OUTPUTS"))), &got))
	if got["evidence-reference"] == "" {
		ts.Fatalf("no evidence was put into a registry")
	}
	ts.Setenv("EVIDENCE", got["evidence-reference"])
	ts.Setenv("EVIDENCE_DIGEST", got["evidence-digest"])
}

// document FOLDER ROLE NAME puts the digest of a document of the evidence in a folder into a variable.
func document(ts *testscript.TestScript, neg bool, args []string) {
	record, err := evidence.ReadRecord(ts.MkAbs(args[0]), "")
	ts.Check(err)
	d, ok := record.Platforms[0].Document(evidence.Role(args[1]))
	if !ok {
		ts.Fatalf("no document of the role %s", args[1])
	}
	ts.Setenv(args[2], "sha256:"+d.SHA256)
}

// swap DIGEST REPOSITORY OTHER makes the registry give one blob where another is asked for.
func swap(ts *testscript.TestScript, neg bool, args []string) {
	blobs := "/v2/" + args[1] + "/blobs/"
	registryOf(ts).Behave(registrytest.Rule{Method: "GET", Path: blobs + args[0], Answer: registrytest.From(blobs + args[2])})
}

// calm takes all misbehaviour away.
func calm(ts *testscript.TestScript, neg bool, args []string) { registryOf(ts).Calm() }

// artefact REPOSITORY FOLDER KIND pushes the evidence in a folder, changed, and puts it into the variable EVIDENCE.
func artefact(ts *testscript.TestScript, neg bool, args []string) {
	raw, err := os.ReadFile(filepath.Join(ts.MkAbs(args[1]), evidence.RecordFile))
	ts.Check(err)
	record, err := evidence.ParseRecord(raw)
	ts.Check(err)
	of := record.Artefact(raw)
	kind := evidence.ArtefactType
	switch args[2] {
	case "other-type":
		kind = "application/vnd.other"
	case "without-documents":
		of.Layers = of.Layers[:1]
	case "huge-record":
		of.Layers[0].Size = 5 << 20
	case "huge-document":
		of.Layers[2].Size = 300_000_000
	case "many-documents":
		for len(of.Layers) <= 7000 {
			of.Layers = append(of.Layers, of.Layers[1])
		}
	}
	manifest, err := evidence.Encode(map[string]any{"schemaVersion": 2, "mediaType": types.OCIManifestSchema1, "artifactType": kind,
		"config": v1.Descriptor{MediaType: "application/vnd.oci.empty.v1+json", Digest: v1.Hash{Algorithm: "sha256", Hex: strings.TrimPrefix(evidence.Digest([]byte("{}")), "sha256:")}, Size: 2},
		"layers": of.Layers})
	ts.Check(err)
	digest := evidence.Digest(manifest)
	ts.Check(registryOf(ts).PushManifest(args[0]+"@"+digest, string(types.OCIManifestSchema1), manifest))
	ts.Setenv("EVIDENCE", "oci:"+args[0]+"@"+digest)
}
