package manifest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// PinFile names the image that every definition runs. A release changes nothing else, but for what is generated from it.
const PinFile = "internal/manifest/pin.yaml"

// Pin is an image by name, tag and digest.
type Pin struct {
	Released bool   `yaml:"released"`
	Image    string `yaml:"image"`
	Tag      string `yaml:"tag"`
	Digest   string `yaml:"digest"` // sha256:<hex>
}

// String is the reference as definitions hold it: name:tag@sha256:...
func (p Pin) String() string { return p.Image + ":" + p.Tag + "@" + p.Digest }

// https://github.com/distribution/reference/blob/v0.6.0/reference.go
var pinned = regexp.MustCompile(`^([a-z0-9][a-z0-9._-]*(?::[0-9]+)?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+):([A-Za-z0-9_][A-Za-z0-9._-]{0,127})@(sha256:[0-9a-f]{64})$`)

// ParsePin reads name:tag@sha256:..., where the name begins with the registry.
func ParsePin(text string) (Pin, error) {
	parts := pinned.FindStringSubmatch(text)
	if parts == nil {
		return Pin{}, fmt.Errorf("%q is not registry/name:tag@sha256:<64 hex digits>", text)
	}
	return Pin{Image: parts[1], Tag: parts[2], Digest: parts[3]}, nil
}

// ReadPin reads the repository's pin file.
func ReadPin(root string) (Pin, error) {
	raw, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(PinFile)))
	if err != nil {
		return Pin{}, err
	}
	var pin Pin
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&pin); err != nil {
		return Pin{}, fmt.Errorf("%s: %w", PinFile, err)
	}
	if _, err := ParsePin(pin.String()); err != nil {
		return Pin{}, fmt.Errorf("%s: %w", PinFile, err)
	}
	return pin, nil
}

// WritePin writes it.
func WritePin(root string, pin Pin) error {
	var b strings.Builder
	b.WriteString("# The image that every definition runs; the release writes it.\n")
	fmt.Fprintf(&b, "released: %v\nimage: %s\ntag: %s\ndigest: %s\n", pin.Released, pin.Image, pin.Tag, pin.Digest)
	return os.WriteFile(filepath.Join(root, filepath.FromSlash(PinFile)), []byte(b.String()), 0o644)
}
