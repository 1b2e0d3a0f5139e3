package evidence

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/stepseal/stepseal/internal/strictjson"
)

// Envelope is a DSSE envelope with its one signature.
// https://github.com/secure-systems-lab/dsse/blob/v1.0.2/envelope.md
type Envelope struct {
	Payload   []byte
	Signature []byte
}

// ParseEnvelope reads an envelope that holds a statement and exactly one signature. It verifies nothing.
func ParseEnvelope(raw []byte) (Envelope, error) {
	var doc struct {
		PayloadType string `json:"payloadType"`
		Payload     string `json:"payload"`
		Signatures  []struct {
			KeyID string `json:"keyid"`
			Sig   string `json:"sig"`
		} `json:"signatures"`
	}
	bounds := strictjson.Bounds{Bytes: 2 * maxStatementBytes, Depth: 8, FoldKeys: true}
	if err := strictjson.Decode(raw, bounds, &doc); err != nil {
		return Envelope{}, fmt.Errorf("envelope: %w", err)
	}
	if err := topLevel(raw, "payloadType", "payload", "signatures"); err != nil {
		return Envelope{}, fmt.Errorf("envelope: %w", err)
	}
	if err := IsPayloadType(doc.PayloadType); err != nil {
		return Envelope{}, fmt.Errorf("envelope: %w", err)
	}
	if len(doc.Signatures) != 1 {
		return Envelope{}, fmt.Errorf("envelope: %d signatures instead of one", len(doc.Signatures))
	}
	payload, err := base64.StdEncoding.Strict().DecodeString(doc.Payload)
	if err != nil {
		return Envelope{}, fmt.Errorf("envelope: payload: %w", err)
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(doc.Signatures[0].Sig)
	if err != nil {
		return Envelope{}, fmt.Errorf("envelope: signature: %w", err)
	}
	return Envelope{Payload: payload, Signature: signature}, nil
}

// IsPayloadType refuses what is signed as something else than a statement, whatever it looks like.
// https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md
// Attack 11.
func IsPayloadType(text string) error {
	if text != PayloadType {
		return fmt.Errorf("payload type %.80q is not %s", text, PayloadType)
	}
	return nil
}

// Marshal writes the envelope as cosign does.
func (e Envelope) Marshal() ([]byte, error) {
	type signature struct {
		KeyID string `json:"keyid"`
		Sig   string `json:"sig"`
	}
	return json.Marshal(struct {
		PayloadType string      `json:"payloadType"`
		Payload     string      `json:"payload"`
		Signatures  []signature `json:"signatures"`
	}{PayloadType, base64.StdEncoding.EncodeToString(e.Payload), []signature{{Sig: base64.StdEncoding.EncodeToString(e.Signature)}}})
}
