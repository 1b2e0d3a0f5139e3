package signing

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	bundles "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	common "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	"github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	"github.com/sigstore/sigstore-go/pkg/bundle"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/strictjson"
)

const (
	bundleType       = "application/vnd.dev.sigstore.bundle.v0.3+json"
	bundleTypePrefix = "application/vnd.dev.sigstore.bundle" // of every version

	annotationCreated   = "org.opencontainers.image.created"
	annotationContent   = "dev.sigstore.bundle.content"
	annotationPredicate = "dev.sigstore.bundle.predicateType"
)

// preAuthEncoding is what a DSSE signature is over.
// https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md
func preAuthEncoding(payload []byte) []byte {
	head := fmt.Sprintf("DSSEv1 %d %s %d ", len(evidence.PayloadType), evidence.PayloadType, len(payload))
	return append([]byte(head), payload...)
}

// newBundle puts a signed statement into a Sigstore bundle without log entry or timestamp: a key is trusted by itself.
// https://github.com/sigstore/protobuf-specs/blob/v0.5.0/protos/sigstore_bundle.proto
func newBundle(by PublicKey, payload, sig []byte) ([]byte, error) {
	hint := sha256.Sum256(by.der)
	return compactJSON(&bundles.Bundle{
		MediaType: bundleType,
		VerificationMaterial: &bundles.VerificationMaterial{Content: &bundles.VerificationMaterial_PublicKey{
			PublicKey: &common.PublicKeyIdentifier{Hint: base64.StdEncoding.EncodeToString(hint[:])}}},
		Content: &bundles.Bundle_DsseEnvelope{DsseEnvelope: &dsse.Envelope{
			Payload: payload, PayloadType: evidence.PayloadType, Signatures: []*dsse.Signature{{Sig: sig}}}},
	})
}

func bundleArtifact(content []byte, predicateType string, now time.Time) image.Artifact {
	return image.Artifact{Type: bundleType, MediaType: bundleType, Content: content, Annotations: map[string]string{
		annotationCreated:   now.UTC().Format(time.RFC3339),
		annotationContent:   "dsse-envelope",
		annotationPredicate: predicateType,
	}}
}

// openBundle reads a bundle that holds a statement. It verifies nothing. A bundle that comes with an error is one that could
// be read and not be used: what it claims can be told.
func openBundle(content []byte) (*bundle.Bundle, error) {
	if err := strictjson.Check(content, strictjson.Bounds{Bytes: maxDocument, Depth: 32, FoldKeys: true}); err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	var b bundle.Bundle
	if err := b.UnmarshalJSON(content); err != nil {
		return &b, fmt.Errorf("bundle: %w", plainer(&b, err))
	}
	if b.GetDsseEnvelope() == nil {
		return nil, errors.New("bundle: it signs a message, not a statement")
	}
	if err := evidence.IsPayloadType(b.GetDsseEnvelope().GetPayloadType()); err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	return &b, nil
}

// plainer says of a bundle with an entry of an early Rekor v2 what to do about it: entries of the envelope's hash took the
// place of those, and sigstore-go reads no others since v1.2. cosign v2.6.5 still makes the early ones.
// https://github.com/sigstore/rekor-tiles/releases/tag/v2.3.0
func plainer(b *bundle.Bundle, err error) error {
	for _, entry := range b.GetVerificationMaterial().GetTlogEntries() {
		if kind := entry.GetKindVersion(); kind.GetKind() == "dsse" && kind.GetVersion() == "0.0.2" {
			return errors.New("its log entry is of the kind dsse 0.0.2, which Rekor v2 no longer keeps since v2.3.0 and which is not read; " +
				"sign again with stepseal, or with a cosign that logs the hash of the envelope")
		}
	}
	return err
}
