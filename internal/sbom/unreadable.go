package sbom

import (
	"bytes"
	"cmp"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/anchore/syft/syft/file"
	syft "github.com/anchore/syft/syft/sbom"
)

// Unreadable is a file that a cataloger took for one that names packages, and could not read.
type Unreadable struct {
	Path      string
	Cataloger string // syft's name of it
	Error     string // one line, short
	// Decisive says that the file is a package database of a distribution or a lock file, and that no package of the
	// catalogue comes from it: everything that it lists is missing. A jar, a binary or a package.json stands for itself,
	// and trees of real images hold broken ones as test data.
	Decisive bool
}

// maxError bounds the text of one error: it may quote the file.
const maxError = 200

// Unreadable lists what could not be read, the decisive first, then by path. CycloneDX and SPDX have no place for
// it: a catalogue read from them lists no more than the components that another one of the same bom-ref hides.
func (c *Catalogue) Unreadable() []Unreadable {
	artifacts := c.content.Artifacts
	found := file.NewCoordinateSet()
	for p := range artifacts.Packages.Enumerate() {
		found.Add(p.Locations.CoordinateSet().ToSlice()...)
	}
	list := slices.Clone(c.hidden)
	for at, texts := range artifacts.Unknowns {
		for _, text := range texts {
			cataloger, reason, _ := strings.Cut(text, ": ")
			if harmless(cataloger, reason, at.RealPath) {
				continue
			}
			list = append(list, Unreadable{
				Path: at.RealPath, Cataloger: cataloger, Error: oneLine(reason),
				Decisive: listsPackages(cataloger, at.RealPath) && !found.Contains(at),
			})
		}
	}
	slices.SortFunc(list, func(a, b Unreadable) int {
		if a.Decisive != b.Decisive {
			if a.Decisive {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Cataloger, b.Cataloger), cmp.Compare(a.Error, b.Error))
	})
	// One line for a file and a cataloger says enough.
	return slices.CompactFunc(list, func(a, b Unreadable) bool { return a.Path == b.Path && a.Cataloger == b.Cataloger })
}

// nothingIn is what many catalogers say of a file that they could read, and that names no package. Of dpkg's it may be
// garbage as well, for its reader skips every line that it does not understand.
const nothingIn = "unable to determine packages"

const dpkg = "dpkg-db-cataloger"

// harmless knows what syft says of files that it could read.
// https://github.com/anchore/syft/blob/v1.54.1/internal/task/unknowns_tasks.go
func harmless(cataloger, reason, name string) bool {
	if cataloger == "unknowns-labeler" || strings.HasPrefix(cataloger, "file-") || reason == "" {
		return true // labels for files without packages, and what catalogers of files say
	}
	if reason == nothingIn {
		return cataloger != dpkg || strings.HasSuffix(name, ".md5sums") // which distroless images have beside their packages
	}
	return reason == "no package identified in archive" || strings.HasPrefix(reason, "expected to find packages in deps.json")
}

// lists are the catalogers that read the packages of a whole system or application from one file, and what the names of
// these files end with: some of them read other files besides.
var lists = map[string][]string{
	dpkg:                              {"/status", ".control"},
	"rpm-db-cataloger":                {""},
	"apk-db-cataloger":                {""},
	"alpm-db-cataloger":               {"/desc"},
	"portage-cataloger":               {"/CONTENTS"},
	"dart-pubspec-lock-cataloger":     {""},
	"dotnet-packages-lock-cataloger":  {""},
	"elixir-mix-lock-cataloger":       {""},
	"erlang-rebar-lock-cataloger":     {""},
	"java-gradle-lockfile-cataloger":  {""},
	"javascript-lock-cataloger":       {""},
	"php-composer-lock-cataloger":     {""},
	"ruby-gemfile-cataloger":          {""},
	"rust-cargo-lock-cataloger":       {""},
	"cocoapods-cataloger":             {""},
	"swift-package-manager-cataloger": {""},
	"terraform-lock-cataloger":        {""},
	"conan-cataloger":                 {".lock"},
	"haskell-cataloger":               {".lock", ".freeze"},
	"python-package-cataloger":        {".lock"},
}

func listsPackages(cataloger, name string) bool {
	if cataloger == folderReader {
		return strings.HasSuffix(name, "/") // a folder that cannot be listed may hold any of them
	}
	if cataloger == linkReader {
		return true // it may be any of them
	}
	if cataloger == dpkg && path.Base(path.Dir(name)) == "status.d" {
		return true // a file for each package
	}
	return slices.ContainsFunc(lists[cataloger], func(end string) bool { return strings.HasSuffix(name, end) })
}

func oneLine(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
	if len(text) <= maxError {
		return text
	}
	return strings.ToValidUTF8(text[:maxError], "") + "..."
}

// tidy makes what syft noted down the same in every run, wherever temp is, and drops what it says of an empty dpkg
// database: systems with another package manager have one.
func tidy(content *syft.SBOM, files file.Resolver, temp string) {
	temporary := regexp.MustCompile(regexp.QuoteMeta(strings.TrimRight(temp, "/")) + `/[^\s:"',;)]*`)
	unknowns := content.Artifacts.Unknowns
	for at, texts := range unknowns {
		var keep []string
		for _, text := range texts {
			if text == dpkg+": "+nothingIn && blank(files, at.RealPath) {
				continue
			}
			keep = append(keep, temporary.ReplaceAllString(text, "a temporary file"))
		}
		if slices.Sort(keep); len(keep) > 0 {
			unknowns[at] = slices.Compact(keep)
		} else {
			delete(unknowns, at)
		}
	}
}

// blank says whether a file holds nothing but blanks; one that cannot be read does not.
func blank(files file.Resolver, name string) bool {
	found, err := files.FilesByPath(name)
	if err != nil || len(found) == 0 {
		return false
	}
	body, err := files.FileContentsByLocation(found[0])
	if err != nil {
		return false
	}
	defer body.Close()
	head, err := io.ReadAll(io.LimitReader(body, 4096))
	return err == nil && len(head) < 4096 && len(bytes.TrimSpace(head)) == 0
}
