package evidence

import (
	"errors"
	"fmt"
	"strings"

	"github.com/stepseal/stepseal/internal/strictjson"
)

// ReferencePredicate is the type of a statement that names a document instead of holding it.
// https://github.com/in-toto/attestation/blob/main/spec/predicates/reference.md
const ReferencePredicate = "https://in-toto.io/attestation/reference/v0.1"

// Media types of documents that are referred to, and artifactTypes of what holds them.
const (
	CycloneDXMediaType = "application/vnd.cyclonedx+json"
	SPDXMediaType      = "application/spdx+json"
)

// Limits on a reference.
const (
	maxReferenceBytes = 1 << 20
	maxReferences     = 100
)

// Reference is a document that lies elsewhere. The digest is what counts: whoever follows it takes those bytes from where
// the image itself lies, and never from Location, which a signer could point at anything.
type Reference struct {
	Digest    string // sha256:<hex> of the document
	MediaType string
	Location  string // where it can be downloaded
	Artefact  string // a URI of what holds it in a registry; empty where nothing does
}

// writtenReference is a resource descriptor.
// https://github.com/in-toto/attestation/blob/main/spec/v1/resource_descriptor.md
type writtenReference struct {
	URI       string            `json:"uri,omitempty"`
	Digest    map[string]string `json:"digest"`
	Location  string            `json:"downloadLocation"`
	MediaType string            `json:"mediaType"`
}

// Predicate writes the predicate that refers to this one document.
func (r Reference) Predicate() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	type attester struct {
		ID string `json:"id"`
	}
	return Encode(struct {
		Attester   attester           `json:"attester"`
		References []writtenReference `json:"references"`
	}{attester{ScanMadeBy}, []writtenReference{{r.Artefact, map[string]string{"sha256": strings.TrimPrefix(r.Digest, "sha256:")}, r.Location, r.MediaType}}})
}

func (r Reference) check() error {
	switch {
	case !IsDigest(r.Digest):
		return fmt.Errorf("the digest %.80q is not a SHA-256", r.Digest)
	case r.MediaType == "":
		return errors.New("it has no media type")
	case !isURI(r.Location):
		return fmt.Errorf("the location %.120q is not a URI", r.Location)
	}
	return nil
}

// ParseReferences reads a predicate, of anybody's making.
func ParseReferences(predicate []byte) ([]Reference, error) {
	t, err := strictjson.ParseTree(predicate, strictjson.Bounds{Bytes: maxReferenceBytes, Depth: 16, FoldKeys: true})
	if err != nil {
		return nil, fmt.Errorf("reference: %w", err)
	}
	elements := t.At("references").Elements()
	if len(elements) == 0 || len(elements) > maxReferences || t.At("attester", "id").Text() == "" {
		return nil, fmt.Errorf("reference: %d references, and 1 to %d of a named attester are read", len(elements), maxReferences)
	}
	list := make([]Reference, len(elements))
	for i, e := range elements {
		list[i] = Reference{Digest: "sha256:" + e.At("digest", "sha256").Text(), MediaType: e.At("mediaType").Text(), Location: e.At("downloadLocation").Text(), Artefact: e.At("uri").Text()}
		if err := list[i].check(); err != nil {
			return nil, fmt.Errorf("reference: %w", err)
		}
	}
	return list, nil
}

// CheckReferred refuses a document that could be read in two ways, as ParseStatement does where it stands in its
// attestation.
func CheckReferred(document []byte) error {
	return strictjson.Check(document, strictjson.Bounds{Bytes: maxStatementBytes, Depth: maxDepth})
}
