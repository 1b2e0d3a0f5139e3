// Package advisory reads published vulnerability records (OSV JSON, NVD's, FIRST's EPSS scores, CISA's catalogue of known
// exploited ones, a company's own) and turns them into the records that a grype database is built from.
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
	NVD            Schema = "https://raw.githubusercontent.com/anchore/vunnel/main/schema/vulnerability/nvd/schema-1.0.1.json"
	EPSS           Schema = "https://raw.githubusercontent.com/anchore/vunnel/main/schema/epss/schema-1.0.0.json"
	KnownExploited Schema = "https://raw.githubusercontent.com/anchore/vunnel/main/schema/known-exploited/schema-1.0.0.json"
)

// Provider is one source of records, of one schema: a source with two kinds of records is there twice.
type Provider struct {
	Name     string
	Schema   Schema
	Captured time.Time // the newest date that any record of the source carries: how old the data is
	Items    []json.RawMessage
}

// Set is everything that was read, converted.
type Set struct {
	Providers []Provider // nvd first, whose ratings grype's builder gives to others; then by name
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

// sources are the publishers whose prefix is not their name.
var sources = map[string]string{
	"GHSA": "github", "GO": "govulndb", "BIT": "bitnami", "PYSEC": "pypa", "NSWG": "nodejs-security-wg", "MAL": "malicious-packages",
	"ALSA": "alma", "ALBA": "alma", "ALEA": "alma", "CGA": "chainguard", "ROOT": "rootio",
	"DSA": "debian", "DLA": "debian", "DTSA": "debian", "USN": "ubuntu", "LSN": "ubuntu", "openSUSE": "suse",
	// Never these: grype takes the names to mean records of another kind.
	"CVE": "osv", "NVD": "osv", "nvd": "osv", "KEV": "osv", "EPSS": "osv", "EOL": "osv", "": "osv",
}

// providerOf names the source of a record by the prefix of its id. Records of an unknown prefix, a company's own for
// example, get a provider of that name.
func providerOf(id string) string {
	prefix, _, _ := strings.Cut(id, "-")
	if name := sources[prefix]; name != "" {
		return name
	}
	if len(prefix) > 20 || strings.Trim(prefix, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") != "" || sources[strings.ToUpper(prefix)] == "osv" {
		return "osv"
	}
	return strings.ToLower(prefix)
}
