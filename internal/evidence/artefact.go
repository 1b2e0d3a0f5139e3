package evidence

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/stepseal/stepseal/internal/strictjson"
)

// ArtefactType is the artifactType of a hand-over that lies in a registry, and the media type of evidence.json in it.
const ArtefactType = "application/vnd.stepseal.evidence.v1+json"

// Limits on a hand-over in a registry: on how many documents there are, and on all of them together. Each is bounded as
// a file is.
const (
	maxArtefactLayers = 1 + 6*maxPlatforms
	maxArtefactBytes  = 4 << 30
)

const manifestMediaType = "application/vnd.oci.image.manifest.v1+json"

// Artefact is a hand-over as a registry holds it: an OCI image manifest whose first layer is evidence.json, and whose
// others are the documents. What a document is called is the record's word alone; layers are told apart by digest.
type Artefact struct {
	Layers []Layer
}

// Layer is one document of an artefact.
type Layer struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
}

// ParseArtefact reads a manifest. Whether anybody should fetch what it lists is Check's to say.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#image-manifest-property-descriptions
func ParseArtefact(manifest []byte) (Artefact, error) {
	if err := strictjson.Check(manifest, strictjson.Bounds{Depth: 12, FoldKeys: true}); err != nil {
		return Artefact{}, err
	}
	var m struct {
		SchemaVersion int     `json:"schemaVersion"`
		MediaType     string  `json:"mediaType"`
		ArtifactType  string  `json:"artifactType"`
		Layers        []Layer `json:"layers"`
	}
	if err := json.Unmarshal(manifest, &m); err != nil {
		return Artefact{}, errors.New("is no manifest")
	}
	switch {
	case m.SchemaVersion != 2 || m.MediaType != manifestMediaType:
		return Artefact{}, fmt.Errorf("is of the media type %.80q, not an OCI image manifest", m.MediaType)
	case m.ArtifactType != ArtefactType:
		return Artefact{}, fmt.Errorf("is of the artifactType %.80q, not %s", m.ArtifactType, ArtefactType)
	case len(m.Layers) == 0 || m.Layers[0].MediaType != ArtefactType:
		return Artefact{}, fmt.Errorf("does not begin with %s", RecordFile)
	}
	for _, l := range m.Layers {
		if !IsDigest(l.Digest) || l.Size < 0 {
			return Artefact{}, fmt.Errorf("lists a layer with the digest %.80q and %d bytes", l.Digest, l.Size)
		}
	}
	return Artefact{Layers: m.Layers}, nil
}

// Artefact is what the record and its documents are as an artefact; raw is evidence.json.
func (r *Record) Artefact(raw []byte) Artefact {
	a := Artefact{Layers: []Layer{{ArtefactType, Digest(raw), int64(len(raw))}}}
	for _, d := range r.Files() {
		a.Layers = append(a.Layers, Layer{d.MediaType, "sha256:" + d.SHA256, d.Size})
	}
	return a
}

// Files are the record's documents, each file once: one that speaks of several platforms stands with each of them.
func (r *Record) Files() []Document {
	var files []Document
	seen := map[[2]string]bool{}
	for _, p := range r.Platforms {
		for _, d := range p.Documents {
			if file := [2]string{d.Path, d.SHA256}; !seen[file] {
				seen[file] = true
				files = append(files, d)
			}
		}
	}
	return files
}

// Record is the layer with evidence.json.
func (a Artefact) Record() Layer { return a.Layers[0] }

// Check reports what is larger than may be fetched. Sizes are the manifest's claims, and hold when the layers are read.
func (a Artefact) Check() error {
	if size := a.Record().Size; size > maxRecordBytes {
		return fmt.Errorf("%s claims %d bytes, more than the %d allowed", RecordFile, size, maxRecordBytes)
	}
	if len(a.Layers) > maxArtefactLayers {
		return fmt.Errorf("it lists %d documents, more than the %d allowed", len(a.Layers), maxArtefactLayers)
	}
	left := int64(maxArtefactBytes)
	for _, l := range a.Layers {
		if l.Size > maxDocumentBytes {
			return fmt.Errorf("the document %s claims %d bytes, more than the %d allowed", l.Digest, l.Size, maxDocumentBytes)
		}
		if left -= l.Size; left < 0 {
			return fmt.Errorf("the documents claim more than the %d bytes allowed", int64(maxArtefactBytes))
		}
	}
	return nil
}

// Of finds the layer of every document of the record, in the order of Files.
func (a Artefact) Of(r *Record) ([]Layer, error) {
	by := map[string]Layer{}
	for _, l := range a.Layers[1:] {
		by[l.Digest] = l
	}
	at := map[string]bool{strings.ToLower(RecordFile): true}
	var layers []Layer
	for _, d := range r.Files() {
		l, ok := by["sha256:"+d.SHA256]
		if !ok || l.Size != d.Size {
			return nil, fmt.Errorf("the document %s, sha256:%s of %d bytes, is not in it", d.Path, d.SHA256, d.Size)
		}
		name := strings.ToLower(d.Path)
		if at[name] {
			return nil, fmt.Errorf("the path %s stands twice", d.Path)
		}
		at[name] = true
		layers = append(layers, l)
	}
	return layers, nil
}
