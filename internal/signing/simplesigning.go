package signing

import (
	"encoding/json"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/strictjson"
)

// simpleSigning is the payload of a .sig layer.
// https://github.com/sigstore/cosign/blob/v2.6.5/specs/SIGNATURE_SPEC.md#simple-signing
type simpleSigning struct {
	Critical struct {
		Identity struct {
			Reference string `json:"docker-reference"`
		} `json:"identity"`
		Image struct {
			Digest string `json:"docker-manifest-digest"`
		} `json:"image"`
		Type string `json:"type"`
	} `json:"critical"`
	Optional json.RawMessage `json:"optional"`
}

const simpleSigningType = "cosign container image signature"

func newSimpleSigning(subject name.Digest) ([]byte, error) {
	var s simpleSigning
	s.Critical.Identity.Reference = subject.Context().Name()
	s.Critical.Image.Digest = subject.DigestStr()
	s.Critical.Type = simpleSigningType
	s.Optional = json.RawMessage("null")
	return evidence.Encode(s)
}

// parseSimpleSigning reads the payload as the statement that it amounts to: this digest is signed.
func parseSimpleSigning(payload []byte) (evidence.Statement, error) {
	var s simpleSigning
	if err := strictjson.Decode(payload, strictjson.Bounds{Bytes: 1 << 20, Depth: 16, FoldKeys: true}, &s); err != nil {
		return evidence.Statement{}, fmt.Errorf("signature payload: %w", err)
	}
	if err := s.isSimpleSigning(); err != nil {
		return evidence.Statement{}, err
	}
	if !evidence.IsDigest(s.Critical.Image.Digest) {
		return evidence.Statement{}, fmt.Errorf("signature payload: %.80q is not a digest", s.Critical.Image.Digest)
	}
	return evidence.NewStatement(evidence.SignaturePredicate, []byte("{}"), s.Critical.Identity.Reference, s.Critical.Image.Digest), nil
}
