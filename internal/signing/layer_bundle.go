package signing

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	bundles "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	common "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	"github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	rekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/strictjson"
)

// What cosign puts beside a keyless signature in a .sig or .att manifest.
// https://github.com/sigstore/cosign/blob/v2.6.5/specs/SIGNATURE_SPEC.md#properties
const (
	annotationCertificate = "dev.sigstore.cosign/certificate"
	annotationChain       = "dev.sigstore.cosign/chain"
	annotationEntry       = "dev.sigstore.cosign/bundle"
	annotationTimestamp   = "dev.sigstore.cosign/rfc3161timestamp"
)

// layerBundleType is the form of a bundle that needs no more than a layer has: a promise of the log, and no proof.
const layerBundleType = "application/vnd.dev.sigstore.bundle+json;version=0.1"

// logEntry is a Rekor v1 entry with its signed entry timestamp, as cosign writes it.
type logEntry struct {
	SignedEntryTimestamp []byte
	Payload              entryPayload
}

type entryPayload struct {
	Body           []byte `json:"body"`
	IntegratedTime int64  `json:"integratedTime"`
	LogIndex       int64  `json:"logIndex"`
	LogID          string `json:"logID"`
}

// stamp is a response of a timestamp authority (RFC 3161), as cosign writes it.
type stamp struct{ SignedRFC3161Timestamp []byte }

// bundle is the layer in the form that sigstore-go verifies. The chain beside it is left out: whom to trust, the trusted
// root alone says.
func (d document) bundle(of signed) (*bundle.Bundle, error) {
	if d.annotations[annotationCertificate] == "" {
		return nil, errOtherKind
	}
	certificate, err := d.certificate()
	if err != nil {
		return nil, err
	}
	material := &bundles.VerificationMaterial{Content: &bundles.VerificationMaterial_X509CertificateChain{
		X509CertificateChain: &common.X509CertificateChain{Certificates: []*common.X509Certificate{{RawBytes: certificate}}}}}
	if material.TlogEntries, err = d.entries(); err != nil {
		return nil, err
	}
	if material.TimestampVerificationData, err = d.stamps(); err != nil {
		return nil, err
	}
	b := &bundles.Bundle{MediaType: layerBundleType, VerificationMaterial: material}
	if of.payload == nil {
		sum := sha256.Sum256(of.message)
		b.Content = &bundles.Bundle_MessageSignature{MessageSignature: &common.MessageSignature{
			MessageDigest: &common.HashOutput{Algorithm: common.HashAlgorithm_SHA2_256, Digest: sum[:]}, Signature: of.signature}}
	} else {
		b.Content = &bundles.Bundle_DsseEnvelope{DsseEnvelope: &dsse.Envelope{
			Payload: of.payload, PayloadType: evidence.PayloadType, Signatures: []*dsse.Signature{{Sig: of.signature}}}}
	}
	return bundle.NewBundle(b)
}

func (d document) certificate() ([]byte, error) {
	block, rest := pem.Decode([]byte(d.annotations[annotationCertificate]))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("its certificate is not in PEM form")
	}
	if more, _ := pem.Decode(rest); more != nil {
		return nil, errors.New("it has more than one certificate")
	}
	return block.Bytes, nil
}

func (d document) entries() ([]*rekor.TransparencyLogEntry, error) {
	text := d.annotations[annotationEntry]
	if text == "" {
		return nil, nil
	}
	var entry logEntry
	if err := strictjson.Decode([]byte(text), strictjson.Bounds{Bytes: maxDocument, Depth: 8, FoldKeys: true}, &entry); err != nil {
		return nil, fmt.Errorf("log entry: %w", err)
	}
	id, err := hex.DecodeString(entry.Payload.LogID)
	if err != nil {
		return nil, errors.New("log entry: the id of the log is not in hex")
	}
	var kind struct {
		Kind    string `json:"kind"`
		Version string `json:"apiVersion"`
	}
	if err := json.Unmarshal(entry.Payload.Body, &kind); err != nil {
		return nil, fmt.Errorf("log entry: %w", err)
	}
	return []*rekor.TransparencyLogEntry{{
		LogIndex: entry.Payload.LogIndex, LogId: &common.LogId{KeyId: id}, IntegratedTime: entry.Payload.IntegratedTime,
		KindVersion:       &rekor.KindVersion{Kind: kind.Kind, Version: kind.Version},
		InclusionPromise:  &rekor.InclusionPromise{SignedEntryTimestamp: entry.SignedEntryTimestamp},
		CanonicalizedBody: entry.Payload.Body,
	}}, nil
}

func (d document) stamps() (*bundles.TimestampVerificationData, error) {
	text := d.annotations[annotationTimestamp]
	if text == "" {
		return nil, nil
	}
	var s stamp
	if err := strictjson.Decode([]byte(text), strictjson.Bounds{Bytes: 1 << 20, Depth: 4, FoldKeys: true}, &s); err != nil {
		return nil, fmt.Errorf("timestamp: %w", err)
	}
	return &bundles.TimestampVerificationData{Rfc3161Timestamps: []*common.RFC3161SignedTimestamp{{SignedTimestamp: s.SignedRFC3161Timestamp}}}, nil
}

// layerAnnotations are what cosign's verifiers look for beside a layer that was signed as the bundle says.
func layerAnnotations(of *bundles.Bundle, chain []byte) (map[string]string, error) {
	material := of.GetVerificationMaterial()
	annotations := map[string]string{annotationCertificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: material.GetCertificate().GetRawBytes()}))}
	if len(chain) > 0 {
		annotations[annotationChain] = string(chain)
	}
	for _, e := range material.GetTlogEntries() {
		entry := logEntry{e.GetInclusionPromise().GetSignedEntryTimestamp(), entryPayload{
			e.GetCanonicalizedBody(), e.GetIntegratedTime(), e.GetLogIndex(), hex.EncodeToString(e.GetLogId().GetKeyId())}}
		if len(entry.SignedEntryTimestamp) == 0 {
			return nil, errors.New("the transparency log promises nothing, and cosign's own form rests on its promise")
		}
		text, err := json.Marshal(entry)
		if err != nil {
			return nil, err
		}
		annotations[annotationEntry] = string(text)
	}
	for _, t := range material.GetTimestampVerificationData().GetRfc3161Timestamps() {
		text, err := json.Marshal(stamp{t.GetSignedTimestamp()})
		if err != nil {
			return nil, err
		}
		annotations[annotationTimestamp] = string(text)
	}
	return annotations, nil
}

// decodeSignature reads a signature as the annotations have it.
func decodeSignature(text string) ([]byte, error) {
	sig, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	return sig, nil
}
