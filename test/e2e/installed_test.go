package e2e

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/stepseal/stepseal/internal/registrytest"
)

// held is one package of the corpus.
type held struct{ how, name, version string }

// installed writes what a package manager leaves where it has installed packages, by the type that syft gives them.
var installed = map[string]func([]held) ([]registrytest.File, error){
	"apk":          apkDatabase,
	"python":       pythonPackages,
	"java-archive": javaArchives,
	"rust-crate":   rustProgram,
	"gem":          gemSpecifications,
	"dotnet":       dotnetApplications,
	"php-composer": composerFolders,
}

// https://www.freedesktop.org/software/systemd/man/latest/os-release.html
var alpineRelease = []registrytest.File{
	{Path: "etc/alpine-release", Body: "3.10.9\n"},
	{Path: "etc/os-release", Body: `NAME="Alpine Linux"
ID=alpine
VERSION_ID=3.10.9
PRETTY_NAME="Alpine Linux v3.10"
HOME_URL="https://alpinelinux.org/"
BUG_REPORT_URL="https://bugs.alpinelinux.org/"
`},
	{Path: "etc/apk/repositories", Body: "http://dl-cdn.alpinelinux.org/alpine/v3.10/main\nhttp://dl-cdn.alpinelinux.org/alpine/v3.10/community\n"},
}

// apkDatabase is apk's list of what is installed, each package with its files; the word is its origin, if it has one.
// https://wiki.alpinelinux.org/wiki/Apk_spec
func apkDatabase(packages []held) ([]registrytest.File, error) {
	var b strings.Builder
	for _, p := range packages {
		fmt.Fprintf(&b, "C:%s\nP:%s\nV:%s\nA:x86_64\nS:1024\nI:4096\nT:the package %[2]s\nU:https://alpinelinux.org/\nL:MIT\n", apkChecksum(p.name+p.version), p.name, p.version)
		if p.how != "-" {
			fmt.Fprintf(&b, "o:%s\nm:Natanael Copa <ncopa@alpinelinux.org>\nt:1551292385\nc:0e8a4e5f3a7d6d8a3f4f4c7d3f3b7f5c9f1c2d3e\n", p.how)
		}
		fmt.Fprintf(&b, "D:so:libc.musl-x86_64.so.1 /bin/sh\np:so:%s.so.1=1.1 cmd:%[1]s\nF:usr\nF:usr/lib\nR:%[1]s.so.1\na:0:0:755\nZ:%s\n", p.name, apkChecksum(p.name))
		if p.name == "py3-requests" {
			fmt.Fprintf(&b, "F:%s\nR:requests-2.19.1.egg-info\nZ:%s\n", sitePackages, apkChecksum("requests"))
		}
		b.WriteString("\n")
	}
	return []registrytest.File{{Path: "lib/apk/db/installed", Body: b.String()}}, nil
}

func apkChecksum(of string) string {
	sum := sha1.Sum([]byte(of))
	return "Q1" + base64.StdEncoding.EncodeToString(sum[:])
}

const sitePackages = "usr/lib/python3/site-packages"

func wheelFolder(name, version string) string {
	return fmt.Sprintf("%s/%s-%s.dist-info", sitePackages, name, version)
}

// pythonPackages are the metadata of wheels and of eggs, of which some are a folder and old ones a file.
// https://packaging.python.org/en/latest/specifications/recording-installed-packages/
func pythonPackages(packages []held) ([]registrytest.File, error) {
	var list []registrytest.File
	for _, p := range packages {
		metadata := fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\nSummary: the package\nLicense: MIT\n\n# %[1]s\n", p.name, p.version)
		module := strings.ToLower(p.name)
		wheel, egg := wheelFolder(p.name, p.version), fmt.Sprintf("%s/%s-%s.egg-info", sitePackages, p.name, p.version)
		switch p.how {
		case "wheel":
			list = append(list,
				registrytest.File{Path: wheel + "/METADATA", Body: metadata},
				registrytest.File{Path: wheel + "/RECORD", Body: fmt.Sprintf("%s/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n%s-%s.dist-info/METADATA,,\n", module, p.name, p.version)},
				registrytest.File{Path: wheel + "/top_level.txt", Body: module + "\n"})
		case "egg":
			list = append(list,
				registrytest.File{Path: egg + "/PKG-INFO", Body: metadata},
				registrytest.File{Path: egg + "/top_level.txt", Body: module + "\n"})
		case "egg-file":
			list = append(list, registrytest.File{Path: egg, Body: metadata})
		default:
			return nil, fmt.Errorf("%s %s: nothing is installed as %q", p.name, p.version, p.how)
		}
	}
	return list, nil
}

// rustProgram is one program with all crates, the program itself first, and with one that was only there to build it.
func rustProgram(packages []held) ([]registrytest.File, error) {
	var crates []registrytest.Package
	for _, p := range packages {
		crates = append(crates, registrytest.Package{Name: p.name, Version: p.version})
	}
	program, err := registrytest.RustBinary(crates, []registrytest.Package{{Name: "regex", Version: "1.5.3"}})
	return []registrytest.File{{Path: "usr/bin/shop", Body: string(program)}}, err
}

// https://guides.rubygems.org/specification-reference/
func gemSpecifications(packages []held) ([]registrytest.File, error) {
	var list []registrytest.File
	for _, p := range packages {
		list = append(list, registrytest.File{
			Path: fmt.Sprintf("usr/lib/ruby/gems/3.0.0/specifications/%s-%s.gemspec", p.name, p.version),
			Body: fmt.Sprintf(`# -*- encoding: utf-8 -*-
# stub: %[1]s %[2]s ruby lib

Gem::Specification.new do |s|
  s.name = "%[1]s".freeze
  s.version = "%[2]s"

  s.require_paths = ["lib".freeze]
  s.authors = ["Somebody".freeze]
  s.homepage = "https://example.com/%[1]s".freeze
  s.licenses = ["BSD-3-Clause".freeze]
  s.rubygems_version = "3.3.5".freeze
end
`, p.name, p.version)})
	}
	return list, nil
}

// dotnetApplications are applications with one library each.
// https://github.com/dotnet/sdk/blob/main/documentation/specs/runtime-configuration-file.md
func dotnetApplications(packages []held) ([]registrytest.File, error) {
	type object map[string]any
	var list []registrytest.File
	for n, p := range packages {
		const framework = ".NETCoreApp,Version=v8.0"
		library := p.name + "/" + p.version
		text, err := json.MarshalIndent(object{
			"runtimeTarget": object{"name": framework, "signature": ""},
			"targets": object{framework: object{library: object{
				"runtime": object{"lib/netstandard2.0/" + p.name + ".dll": object{"assemblyVersion": "1.0.0.0", "fileVersion": "1.0.0.0"}},
			}}},
			"libraries": object{library: object{
				"type": "package", "serviceable": true, "sha512": "sha512-AAAA", "path": strings.ToLower(library), "hashPath": strings.ToLower(p.name) + ".nupkg.sha512",
			}},
		}, "", "  ")
		if err != nil {
			return nil, err
		}
		list = append(list, registrytest.File{Path: fmt.Sprintf("app/dotnet%d/shop.deps.json", n), Body: string(text)})
	}
	return list, nil
}

// composerFolders are applications with one library each.
func composerFolders(packages []held) ([]registrytest.File, error) {
	var list []registrytest.File
	for n, p := range packages {
		list = append(list, registrytest.File{
			Path: fmt.Sprintf("app/php%d/vendor/composer/installed.json", n),
			Body: fmt.Sprintf(`{"packages": [{"name": %q, "version": %q, "type": "library", "license": ["BSD-3-Clause"]}], "dev": false}`, p.name, p.version),
		})
	}
	return list, nil
}
