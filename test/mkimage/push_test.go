package main

import (
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
)

func TestAnImageThatIsTooLargeIsRefused(t *testing.T) {
	small, err := random.Image(1000, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := weigh("linux/amd64", small); err != nil {
		t.Error(err)
	}
	large, err := random.Image(maxCompressed/3, 3) // random bytes do not become fewer by compression
	if err != nil {
		t.Fatal(err)
	}
	if err := weigh("linux/amd64", large); err == nil || !strings.Contains(err.Error(), "must stay under") {
		t.Errorf("the image of %d bytes: %v", maxCompressed, err)
	}
}

func TestAReferenceIsPushedByTagOrByDigest(t *testing.T) {
	digest := v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("ab", 32)}
	for given, want := range map[string]string{
		"registry.example.com/team/stepseal:dev": "registry.example.com/team/stepseal:dev@" + digest.String(),
		"registry.example.com/team/stepseal":     "registry.example.com/team/stepseal@" + digest.String(),
		"registry.example.com:5000/stepseal":     "registry.example.com:5000/stepseal@" + digest.String(),
	} {
		ref, named, err := destination(given, digest)
		if err != nil || named != want {
			t.Errorf("%s: %s, %v; want %s", given, named, err, want)
		}
		if err == nil && !strings.HasPrefix(want, ref.Name()) {
			t.Errorf("%s is pushed to %s", given, ref)
		}
	}
	for _, wrong := range []string{"registry.example.com/team/stepseal@" + digest.String(), "registry.example.com/Team/x:dev", "x y"} {
		if ref, _, err := destination(wrong, digest); err == nil {
			t.Errorf("%s is pushed to %s", wrong, ref)
		}
	}
}
