package main

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

//go:embed storefront.package.json
var packageJSON string

//go:embed storefront.package-lock.json
var packageLock string

//go:embed stockserver.txtar
var stockserver string

//go:embed image.go archive.go debian.go languages.go
var sources embed.FS

// releases lists what is installed beside a minimal system.
var releases = map[string][]string{
	"bullseye": {"ca-certificates", "curl", "libssl1.1", "openssl"},
	"bookworm": {"ca-certificates", "curl", "libssl3", "openssl"},
}

// made is the time of every file in the upper layers and of the image, so that equal inputs give equal bytes.
var made = time.Date(2024, time.March, 1, 0, 0, 0, 0, time.UTC)

// inputsDigest changes with everything that decides what the image holds, this program included.
func inputsDigest(suite string, packages []string) string {
	parts := []string{suite, strings.Join(packages, ","), packageJSON, packageLock, stockserver}
	for _, name := range []string{"image.go", "archive.go", "debian.go", "languages.go"} {
		text, _ := sources.ReadFile(name)
		parts = append(parts, string(text))
	}
	digest := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(digest[:8])
}

// build returns the image; what both releases share is made once and kept in cache.
func build(suite string, packages []string, cache, work string) (v1.Image, error) {
	system := filepath.Join(work, "system.tar")
	if err := debianSystem(suite, packages, system); err != nil {
		return nil, err
	}
	application := filepath.Join(cache, "application-"+inputsDigest("", nil)+".tar")
	if _, err := os.Stat(application); err != nil {
		if err := storefront(work, application); err != nil {
			return nil, err
		}
	}
	others := filepath.Join(work, "others.tar")
	if err := otherLanguages(others); err != nil {
		return nil, err
	}
	server := filepath.Join(work, "server.tar")
	if err := goServer(work, server); err != nil {
		return nil, err
	}
	return assemble([]addition{
		{system, "debian " + suite},
		{application, "npm ci"},
		{others, "jars and Python metadata"},
		{server, "go build"},
	})
}

// An addition is one layer with the line of history that says where it came from.
type addition struct{ path, from string }

func assemble(additions []addition) (v1.Image, error) {
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, add := range additions {
		layer, err := tarball.LayerFromFile(add.path, tarball.WithMediaType(types.OCILayer),
			tarball.WithCompressionLevel(1), tarball.WithCompressedCaching)
		if err != nil {
			return nil, fmt.Errorf("layer %s: %w", add.path, err)
		}
		image, err = mutate.Append(image, mutate.Addendum{
			Layer: layer, MediaType: types.OCILayer,
			History: v1.History{Created: v1.Time{Time: made}, CreatedBy: add.from},
		})
		if err != nil {
			return nil, err
		}
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.Created = v1.Time{Time: made}
	config.OS, config.Architecture = "linux", "amd64"
	config.Config.Entrypoint = []string{"/usr/local/bin/stockserver"}
	return mutate.ConfigFile(image, config)
}

func writeLayout(path string, image v1.Image) error {
	written, err := layout.Write(path, empty.Index)
	if err != nil {
		return err
	}
	return written.AppendImage(image)
}
