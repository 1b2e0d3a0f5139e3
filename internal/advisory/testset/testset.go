// Package testset holds a small set of real advisories for tests and for the demo. It is no vulnerability database:
// silence about a package means nothing. ATTRIBUTION.md says where the records come from.
package testset

import "embed"

// FS holds the records: OSV as JSON lines, and the KEV catalogue.
//
//go:embed *.jsonl kev.json ATTRIBUTION.md
var FS embed.FS
