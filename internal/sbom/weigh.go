package sbom

import (
	"path"
	"strings"

	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
)

// DefaultPackageFileBytes is more than any lock file, package database or embedded SBOM of a real image.
const DefaultPackageFileBytes = 256 << 20

// Weigh bounds the files that syft's cataloguers read whole into memory, and gives the size of these as their weight.
// https://github.com/anchore/syft/tree/v1.54.1/syft/pkg/cataloger
func Weigh(limit int64) image.Weigh {
	if limit == 0 {
		limit = DefaultPackageFileBytes
	}
	return func(name string, size int64) (int64, error) {
		if size < 4<<10 || !readWhole(name) { // the many small ones weigh as files
			return 0, nil
		}
		if size > limit {
			return 0, outcome.New(outcome.TooLarge, "the package data in %.200q has %s, more than the %s allowed", name, image.Size(size), image.Size(limit)).
				Hint("if the image is to be trusted, --max-package-file-size raises the bound")
		}
		return size, nil
	}
}

// wholeNames are the names of files, and wholeEnds and wholeFolders what their names and folders end with.
var (
	wholeNames = set("package.json package-lock.json yarn.lock pnpm-lock.yaml bun.lock deno.lock composer.lock installed.json " +
		"Cargo.lock Gemfile.lock Gemfile.next.lock go.mod go.sum pom.xml pom.properties poetry.lock Pipfile.lock uv.lock pdm.lock setup.py " +
		"METADATA PKG-INFO RECORD top_level.txt direct_url.json mix.lock rebar.lock packages.lock.json project.assets.json pubspec.lock " +
		"pubspec.yml pubspec.yaml Package.resolved .package.resolved Podfile.lock conan.lock conanfile.txt conaninfo.txt stack.yaml " +
		"stack.yaml.lock cabal.project.freeze .terraform.lock.hcl DESCRIPTION pack.pl install.json META.json META.yml .packlist " +
		"vcpkg.json CONTENTS status installed repositories desc mtree files Packages Packages.db rpmdb.sqlite container-manifest-2 " +
		"opam bom sbom dpkg.yaml manifest.yaml snapcraft.yaml components.json copyright opkg.list")
	wholeEnds = strings.Fields(".py.lock .deps.json .runtimeconfig.json .rockspec .opam .gemspec .control .md5sums .conffiles .reg .app .spdx .cdx .bom .sbom " +
		".spdx.json .cdx.json .syft.json .bom.json .sbom.json .spdx.xml .cdx.xml .bom.xml .sbom.xml .egg-info")
	wholeFolders = set("status.d conda-meta workflows")
	wholeStarts  = strings.Fields("gradle.lockfile LICENSE LICENCE COPYING NOTICE")
)

func readWhole(name string) bool {
	base := path.Base(name)
	if wholeNames[base] || wholeFolders[path.Base(path.Dir(name))] {
		return true
	}
	for _, end := range wholeEnds {
		if strings.HasSuffix(base, end) {
			return true
		}
	}
	for _, start := range wholeStarts {
		if len(base) >= len(start) && strings.EqualFold(base[:len(start)], start) {
			return true
		}
	}
	return strings.Contains(base, "requirements") && strings.HasSuffix(base, ".txt")
}

func set(names string) map[string]bool {
	all := map[string]bool{}
	for name := range strings.FieldsSeq(names) {
		all[name] = true
	}
	return all
}
