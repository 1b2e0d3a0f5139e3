// Package scan finds the known vulnerabilities of what is in an image, and says how much its silence is worth. It is
// the door to grype: it opens or builds the advisory database, matches a catalogue against it in process, and writes
// what it found as scan.json.
//
// It decides nothing (package policy does), never runs another program, and contacts nothing but the database's update
// URL, and that only when it was not given a database.
package scan

import (
	"runtime/debug"

	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/sbom"
)

// Result is what one catalogue's scan has to say.
type Result struct {
	policy.Found
	MatchedFrom sbom.Format // what the catalogue was read from: documents say less than the image
	Notes       []string    // for people: what makes the result coarser than it could be
}

// GrypeVersion is the version of grype that is built in, or "unknown".
func GrypeVersion() string { return moduleVersion("github.com/anchore/grype") }

func moduleVersion(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, dep := range info.Deps {
		if dep.Path == path {
			if dep.Replace != nil {
				dep = dep.Replace
			}
			return dep.Version
		}
	}
	return "unknown"
}
