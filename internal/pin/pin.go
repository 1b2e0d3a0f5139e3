// Package pin is the image that every definition runs: one file of the repository names it by name, tag and digest.
package pin

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// File names the image, by its path in the repository. A release changes nothing else, but for what is generated from it.
const File = "internal/manifest/pin.yaml"

// Image is one by name, tag and digest.
type Image struct {
	Released bool   `yaml:"released"`
	Name     string `yaml:"image"`
	Tag      string `yaml:"tag"`
	Digest   string `yaml:"digest"` // sha256:<hex>
}

// String is the reference as definitions hold it: name:tag@sha256:...
func (p Image) String() string { return p.Name + ":" + p.Tag + "@" + p.Digest }

// https://github.com/distribution/reference/blob/v0.6.0/reference.go
// Compiled when first used: its repetitions make it large, and every start of the program would wait for it.
var pinned = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([a-z0-9][a-z0-9._-]*(?::[0-9]+)?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+):([A-Za-z0-9_][A-Za-z0-9._-]{0,127})@(sha256:[0-9a-f]{64})$`)
})

// Parse reads name:tag@sha256:..., where the name begins with the registry.
func Parse(text string) (Image, error) {
	parts := pinned().FindStringSubmatch(text)
	if parts == nil {
		return Image{}, fmt.Errorf("%q is not registry/name:tag@sha256:<64 hex digits>", text)
	}
	return Image{Name: parts[1], Tag: parts[2], Digest: parts[3]}, nil
}

// Read reads the repository's pin file.
func Read(root string) (Image, error) {
	return From(os.DirFS(root))
}

// From reads the pin file of a tree.
func From(tree fs.FS) (Image, error) {
	raw, err := fs.ReadFile(tree, File)
	if err != nil {
		return Image{}, err
	}
	var pin Image
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&pin); err != nil {
		return Image{}, fmt.Errorf("%s: %w", File, err)
	}
	if _, err := Parse(pin.String()); err != nil {
		return Image{}, fmt.Errorf("%s: %w", File, err)
	}
	return pin, nil
}

// Write writes it.
func Write(root string, pin Image) error {
	var b strings.Builder
	b.WriteString("# The image that every definition runs; the release writes it.\n")
	fmt.Fprintf(&b, "released: %v\nimage: %s\ntag: %s\ndigest: %s\n", pin.Released, pin.Name, pin.Tag, pin.Digest)
	return os.WriteFile(filepath.Join(root, filepath.FromSlash(File)), []byte(b.String()), 0o644)
}
