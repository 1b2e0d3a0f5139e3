package evidence

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/stepseal/stepseal/internal/strictjson"
)

// CheckCycloneDX reports why a document cannot stand as the predicate of an SBOM attestation. Verifiers of others demand
// the three fields.
func CheckCycloneDX(doc []byte) error {
	if err := strictjson.Check(doc, strictjson.Bounds{Bytes: maxStatementBytes, Depth: maxDepth}); err != nil {
		return err
	}
	var head struct {
		BOMFormat    string `json:"bomFormat"`
		SpecVersion  string `json:"specVersion"`
		SerialNumber string `json:"serialNumber"`
	}
	if err := json.Unmarshal(doc, &head); err != nil {
		return fmt.Errorf("not CycloneDX: %w", err)
	}
	if head.BOMFormat != "CycloneDX" || head.SpecVersion == "" || head.SerialNumber == "" {
		return errors.New("not CycloneDX JSON with bomFormat, specVersion and serialNumber")
	}
	return nil
}
