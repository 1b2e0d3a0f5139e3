package image

import (
	"fmt"
	"regexp"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// HostPlatform is the platform of this machine, of which images exist: linux on everything but Windows.
func HostPlatform() v1.Platform {
	os := "linux"
	if runtime.GOOS == "windows" {
		os = runtime.GOOS
	}
	return v1.Platform{OS: os, Architecture: runtime.GOARCH}
}

// ParsePlatform reads os/architecture[/variant].
func ParsePlatform(text string) (v1.Platform, error) {
	p, err := v1.ParsePlatform(text)
	if err != nil || p.OS == "" || p.Architecture == "" || p.OSVersion != "" || plain(text) != nil {
		return v1.Platform{}, fmt.Errorf("%q is not a platform: os/architecture[/variant] is, such as linux/arm64/v8", text)
	}
	return *p, nil
}

// satisfies knows that arm64 and arm64/v8 are the same.
func satisfies(is, want v1.Platform) bool {
	for _, p := range []*v1.Platform{&is, &want} {
		if p.Architecture == "arm64" && p.Variant == "v8" {
			p.Variant = ""
		}
	}
	return is.Satisfies(want)
}

const unnamed = "unnamed"

// platformName is os/architecture[/variant][:os.version]; Windows has images for several versions in one index.
func platformName(p *v1.Platform) string {
	if p == nil || p.OS == "" {
		return unnamed
	}
	parts := []string{p.OS, p.Architecture}
	if p.Variant != "" {
		parts = append(parts, p.Variant)
	}
	name := strings.Join(parts, "/")
	if p.OSVersion != "" {
		name += ":" + p.OSVersion
	}
	return name
}

// platformWord keeps platforms, which name folders, to what the specification's own have in them.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md#image-index-property-descriptions
var platformWord = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func checkPlatform(p v1.Platform) error {
	for _, word := range []string{p.OS, p.Architecture, p.Variant, p.OSVersion} {
		if word != "" && !platformWord.MatchString(word) {
			return fmt.Errorf("%.64q is part of no platform", word)
		}
	}
	return nil
}
