package policy

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Baseline are the findings of another scan: of the base image, the last release, the target branch. It matches by
// vulnerability, package name and kind, and class of place, so that it holds across rebuilds and across upgrades that do
// not remove the finding.
type Baseline struct {
	Name     string // what was scanned, for people
	Findings []Finding
	keys     map[string]bool
}

// NewBaseline takes the findings of another scan.
func NewBaseline(name string, findings []Finding) *Baseline {
	b := &Baseline{Name: name, Findings: findings, keys: map[string]bool{}}
	for _, f := range findings {
		for _, key := range keys(f) {
			b.keys[key] = true
		}
	}
	return b
}

// Has says whether the baseline has the finding too, in every place in which it was found now.
func (b *Baseline) Has(f Finding) bool {
	classes := classesOf(f.Locations)
	for _, class := range classes {
		if !slices.ContainsFunc(f.names(), func(id string) bool { return b.keys[key(id, f.Package, class)] }) {
			return false
		}
	}
	return len(classes) > 0
}

// Gone are the findings of the baseline that are no longer there, each vulnerability of a package once.
func (b *Baseline) Gone(now []Finding) []Finding {
	there := map[string]bool{}
	for _, f := range now {
		for _, id := range f.names() {
			there[key(id, f.Package, "")] = true
		}
	}
	var gone []Finding
	for _, f := range b.Findings {
		if !slices.ContainsFunc(f.names(), func(id string) bool { return there[key(id, f.Package, "")] }) {
			gone = append(gone, f)
			for _, id := range f.names() {
				there[key(id, f.Package, "")] = true
			}
		}
	}
	Sort(gone)
	return gone
}

func keys(f Finding) (all []string) {
	for _, class := range classesOf(f.Locations) {
		if class == unlisted {
			continue
		}
		for _, id := range f.names() {
			all = append(all, key(id, f.Package, class))
		}
	}
	return all
}

func key(id string, of Package, class string) string {
	return strings.Join([]string{strings.ToUpper(id), of.Type, fullName(of), class}, "\x00")
}

func classesOf(places []Location) []string {
	classes := []string{}
	for _, l := range places {
		class := placeClass(l)
		if !slices.Contains(classes, class) {
			classes = append(classes, class)
		}
		if l.More > 0 {
			classes = append(classes, unlisted)
		}
	}
	if len(classes) == 0 {
		return []string{""}
	}
	return classes
}

// unlisted is the class of places that are not listed: no baseline is known to have them.
const unlisted = "\x00"

// changing is what differs in a path from one build or version to the next: versions and digests.
var changing = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[0-9a-f]{12,}|[0-9]+`) })

// placeClass is a place without what changes from build to build: /app/lib/log4j-core-2.14.1.jar and
// /app/lib/log4j-core-2.15.0.jar are of one class.
func placeClass(l Location) string {
	path := l.Path
	if l.AccessPath != "" {
		path = l.AccessPath
	}
	class := changing().ReplaceAllString(path, "#")
	for strings.Contains(class, "#.#") {
		class = strings.ReplaceAll(class, "#.#", "#")
	}
	return class
}
