package steps

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/step"
)

func parseDigest(text string) (string, error) {
	if !evidence.IsDigest(text) {
		return "", fmt.Errorf("%q is not a digest: sha256: and 64 lower-case hex digits are", text)
	}
	return text, nil
}

// parseAge refuses 0: it could mean "no age is allowed" and "any age is".
func parseAge(text string) (time.Duration, error) {
	age, err := step.ParseDuration(text)
	if err == nil && age == 0 {
		err = errors.New("0 would allow no scan at all; leave it away to allow any age")
	}
	return age, err
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
