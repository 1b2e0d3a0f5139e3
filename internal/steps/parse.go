package steps

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stepseal/stepseal/internal/evidence"
)

func parseDigest(text string) (string, error) {
	if !evidence.IsDigest(text) {
		return "", fmt.Errorf("%q is not a digest: sha256: and 64 lower-case hex digits are", text)
	}
	return text, nil
}

// requirements is what verify demands.
type requirements []string

func (r requirements) has(name string) bool { return slices.Contains(r, name) }

func parseRequire(text string) (requirements, error) {
	var list requirements
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains([]string{"signature", "sbom", "scan"}, name) {
			return nil, fmt.Errorf("%q is not one of signature, sbom, scan", name)
		}
		if !list.has(name) {
			list = append(list, name)
		}
	}
	return list, nil
}
