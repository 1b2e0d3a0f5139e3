package registrytest

import (
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// AppOptions say what differs from the ordinary shop. The zero value has no operating system and no known vulnerability.
type AppOptions struct {
	Platform     string    // as in "linux/arm64"; empty: linux/amd64
	Version      string    // of the shop itself; empty: 1.4.2
	Created      time.Time // zero: the same time for all
	Distro       Distro    // see Debian and Alpine
	NPM          []Package // change or add to DefaultNPM
	Log4jVersion string    // of the log4j-core in a jar in a jar in a jar; empty: none
	GoVersion    string    // that built the binary, as in "go1.26.8"; empty: DefaultGoVersion
	GoModules    []Package // change or add to DefaultGoModules
	GoSymbols    []string  // functions in the binary, as in "golang.org/x/text/language.ParseAcceptLanguage"
	SBOMs        []string  // SPDX documents that BuildKit left about it, in an index
	Files        []File    // a layer more, on top
}

// File is a file of one's own in the image: a regular one, or a symbolic link where Link says where to.
type File struct{ Path, Body, Link string }

// Package is one package by name; Source is for Linux distributions, where it is built from another one.
type Package struct{ Name, Version, Source string }

// App is the shop: an npm application, a jar and a Go binary, each with the metadata that real ones carry.
// A Go module counts as used in full until GoSymbols names one of its functions; then only these count.
func App(opt AppOptions) (v1.Image, error) {
	platform, err := opt.platform()
	if err != nil {
		return nil, err
	}
	if opt.Version == "" {
		opt.Version = "1.4.2"
	}
	jars, err := shopJar(opt.Version, opt.Log4jVersion)
	if err != nil {
		return nil, err
	}
	binary, err := shopBinary(opt, platform)
	if err != nil {
		return nil, err
	}
	npm, err := npmApplication(opt.Version, replaced(DefaultNPM(), opt.NPM))
	if err != nil {
		return nil, err
	}
	steps := []step{
		{"COPY rootfs/ /", append(rootFiles(), opt.Distro.files(platform.Architecture)...)},
		{"COPY app/ /app/", npm},
		{"COPY lib/ /app/lib/", []file{{"app/lib/shop-all.jar", 0o644, jars}}},
		{"COPY bin/ /app/bin/", []file{{"app/bin/shopd", 0o755, binary}}},
	}
	if len(opt.Files) > 0 {
		steps = append(steps, step{"COPY more/ /", own(opt.Files)})
	}
	return build(*platform, opt.created(), steps)
}

func own(list []File) []file {
	files := make([]file, len(list))
	for i, one := range list {
		files[i] = file{one.Path, 0o644, []byte(one.Body)}
		if one.Link != "" {
			files[i] = file{one.Path, symlink, []byte(one.Link)}
		}
	}
	return files
}

// Empty is an image with a file and without a single package.
func Empty() (v1.Image, error) {
	return build(linux("amd64"), fixedTime(), []step{{"COPY motd /etc/motd", []file{{"etc/motd", 0o644, []byte("nothing to see here\n")}}}})
}

// Scratch is an image without a layer.
func Scratch() (v1.Image, error) { return build(linux("amd64"), fixedTime(), nil) }

// ManyLayers is an image of n small layers.
func ManyLayers(n int) (v1.Image, error) {
	var steps []step
	for i := range n {
		path := fmt.Sprintf("layers/%04d", i)
		steps = append(steps, step{"COPY " + path, []file{{path, 0o644, []byte(path + "\n")}}})
	}
	return build(linux("amd64"), fixedTime(), steps)
}

// step is one line of a Dockerfile, which makes one layer.
type step struct {
	createdBy string
	files     []file
}

func build(platform v1.Platform, created time.Time, steps []step) (v1.Image, error) {
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.ConfigFile(base, &v1.ConfigFile{
		Architecture: platform.Architecture, OS: platform.OS, Variant: platform.Variant,
		Created: v1.Time{Time: created},
		RootFS:  v1.RootFS{Type: "layers"},
		Config:  v1.Config{User: "65532:65532", WorkingDir: "/app", Entrypoint: []string{"/app/bin/shopd"}},
	})
	if err != nil {
		return nil, err
	}
	for _, one := range steps {
		layer, err := newLayer(one.files)
		if err != nil {
			return nil, err
		}
		history := v1.History{Created: v1.Time{Time: created}, CreatedBy: one.createdBy}
		if img, err = mutate.Append(img, mutate.Addendum{Layer: layer, History: history}); err != nil {
			return nil, err
		}
	}
	return img, nil
}

func (opt AppOptions) platform() (*v1.Platform, error) {
	if opt.Platform == "" {
		opt.Platform = "linux/amd64"
	}
	return v1.ParsePlatform(opt.Platform)
}

func (opt AppOptions) created() time.Time {
	if opt.Created.IsZero() {
		return fixedTime()
	}
	return opt.Created.UTC()
}

func fixedTime() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func linux(architecture string) v1.Platform {
	return v1.Platform{OS: "linux", Architecture: architecture}
}

// replaced takes the changes by name into the list; a change without a version takes the package away.
func replaced(list, changes []Package) []Package {
	version := map[string]Package{}
	for _, change := range changes {
		version[change.Name] = change
	}
	var out []Package
	for _, one := range list {
		if change, found := version[one.Name]; found {
			if change.Source == "" {
				change.Source = one.Source
			}
			delete(version, one.Name)
			one = change
		}
		if one.Version != "" {
			out = append(out, one)
		}
	}
	for _, change := range changes {
		if _, found := version[change.Name]; found && change.Version != "" {
			out = append(out, change)
		}
	}
	return out
}
