// Package advisory reads published vulnerability records (OSV JSON and CISA's catalogue of known exploited ones) and
// turns them into the records that a grype database is built from.
//
// It knows nothing about grype's code, only the shape of its inputs (the workspaces of vunnel). It guesses nothing: a
// record that it cannot read is an error that names the file and the record, and a record that it leaves out on
// purpose is counted with the reason.
package advisory

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Bounds limit what is read. A zero bound means the default.
type Bounds struct {
	FileBytes   int64 // of one file, uncompressed
	RecordBytes int   // of one record
	Records     int   // in all files together
}

func (b Bounds) orDefaults() Bounds {
	if b.FileBytes == 0 {
		b.FileBytes = 4 << 30
	}
	if b.RecordBytes == 0 {
		b.RecordBytes = 16 << 20
	}
	if b.Records == 0 {
		b.Records = 2_000_000
	}
	return b
}

// maxDepth is how deep a record may be nested. OSV itself needs eight.
const maxDepth = 64

// Schema is the kind of a provider's records: one of vunnel's JSON schemas.
type Schema string

// The schemas. Grype looks at the path segment and at the major version.
const (
	GitHub         Schema = "https://raw.githubusercontent.com/anchore/vunnel/main/schema/vulnerability/github-security-advisory/schema-1.0.3.json"
	OS             Schema = "https://raw.githubusercontent.com/anchore/vunnel/main/schema/vulnerability/os/schema-1.1.0.json"
	OSV            Schema = "https://raw.githubusercontent.com/anchore/vunnel/main/schema/vulnerability/osv/schema-1.5.0.json"
	KnownExploited Schema = "https://raw.githubusercontent.com/anchore/vunnel/main/schema/known-exploited/schema-1.0.0.json"
)

// Provider is one source of records.
type Provider struct {
	Name     string
	Schema   Schema
	Captured time.Time // the newest date that any of its records carries: how old the data is
	Items    []json.RawMessage
}

// Set is everything that was read, converted.
type Set struct {
	Providers []Provider // by name
	Summary   Summary
}

// Summary says what was read and what was left out.
type Summary struct {
	Files   int            `json:"files"`
	Records int            `json:"records"`
	Items   map[string]int `json:"items"`             // written, by provider
	Skipped map[string]int `json:"skipped,omitempty"` // by reason
}

func (s Summary) String() string {
	line := fmt.Sprintf("%d records from %d files", s.Records, s.Files)
	for _, reason := range sortedKeys(s.Skipped) {
		line += fmt.Sprintf("; %d left out: %s", s.Skipped[reason], reason)
	}
	return line
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// providerOf names the source of a record by the prefix of its id. Records of an unknown prefix, a company's own for
// example, get a provider of that name.
func providerOf(id string) string {
	prefix, _, _ := strings.Cut(id, "-")
	switch prefix {
	case "GHSA":
		return "github"
	case "GO":
		return "govulndb"
	case "BIT":
		return "bitnami"
	case "PYSEC":
		return "pypa"
	case "NSWG":
		return "nodejs-security-wg"
	case "CVE", "NVD", "":
		return "osv" // never "nvd": grype takes that name to mean records with CPEs
	}
	if len(prefix) > 20 || strings.Trim(prefix, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return "osv"
	}
	return strings.ToLower(prefix)
}
