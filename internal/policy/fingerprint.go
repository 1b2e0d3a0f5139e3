package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// Fingerprint names the finding as a baseline matches it: by vulnerability, kind and name of the package, and the classes
// of its places. It stays the same across rebuilds and across upgrades that do not remove the finding; two versions of a
// package in places of one class share it.
func (f Finding) Fingerprint() string {
	classes := classesOf(f.Locations)
	slices.Sort(classes)
	return fingerprint(append([]string{key(f.ID, f.Package, "")}, classes...))
}

// Fingerprint names the violation in the same way.
func (v Violation) Fingerprint() string {
	return Finding{ID: v.ID, Package: v.Package, Locations: v.Locations}.Fingerprint()
}

func fingerprint(parts []string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}
