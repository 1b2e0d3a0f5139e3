package tekton

import "slices"

// goFirst are the results that are emptied first where not all fit, in this order: what evidence.json has too.
var goFirst = []string{
	// Objects, for Tekton Chains.
	"verification" + outputs, "scan" + outputs, "sbom" + outputs, "scanned" + inputs,
	// Paths.
	"sbom-spdx", "sbom", "scan", "verification", "evidence",
	// Counts, and what else is in scan.json.
	"negligible", "unknown", "low", "medium", "fixable", "high", "critical", "packages", "database-date", "policy-digest", "platforms",
}

// goLast are those that are emptied last, in this order: what a pipeline branches on, and hands on.
var goLast = []string{"image-id", "signer", "image", "stopped-at", "verify-verdict", "gate-verdict", "evidence-reference", "evidence-digest", "image-digest", "reason", "verdict"}

// rank is the higher, the longer a result stays. Those that no list names are between the two.
func rank(name string) int {
	if i := slices.Index(goFirst, name); i >= 0 {
		return i - len(goFirst)
	}
	return slices.Index(goLast, name) + 1
}
