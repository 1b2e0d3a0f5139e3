package evidence

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/stepseal/stepseal/internal/strictjson"
)

// SPDXPredicate is what cosign, Kyverno and policy-controller look for. GitHub's tools look for SPDXVersionPredicate.
// https://github.com/in-toto/attestation/blob/main/spec/predicates/spdx.md
const SPDXPredicate = "https://spdx.dev/Document"

// SPDXVersionPredicate is the predicate type of documents of one version, such as 2.3.
func SPDXVersionPredicate(version string) string { return SPDXPredicate + "/v" + version }

// CheckSPDX reports why a document cannot stand as the predicate of an SBOM attestation, and otherwise its version.
// Verifiers of others demand the fields.
func CheckSPDX(doc []byte) (version string, err error) {
	if err := strictjson.Check(doc, strictjson.Bounds{Bytes: maxStatementBytes, Depth: maxDepth}); err != nil {
		return "", err
	}
	var head struct {
		Version   string `json:"spdxVersion"`
		ID        string `json:"SPDXID"`
		Namespace string `json:"documentNamespace"`
	}
	if err := json.Unmarshal(strictjson.Pick(doc, "spdxVersion", "SPDXID", "documentNamespace"), &head); err != nil {
		return "", fmt.Errorf("not SPDX: %w", err)
	}
	version, ok := strings.CutPrefix(head.Version, "SPDX-")
	switch {
	case !ok || head.ID != spdxDocument || head.Namespace == "":
		return "", errors.New("not SPDX JSON with spdxVersion, SPDXID and documentNamespace")
	case version != "2.3" && version != "2.2":
		return "", fmt.Errorf("SPDX of the version %.20q, and 2.3 and 2.2 are attested", version)
	}
	return version, nil
}
