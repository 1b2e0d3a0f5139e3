package transcripts

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/registrytest"
)

// push REF KIND [LOG4J] puts an image into the script's registry and its digest into the variable of the kind's name.
func push(ts *testscript.TestScript, neg bool, args []string) {
	registry := registryOf(ts)
	digest, err := Pushed(registry, args[0], args[1], args[2:])
	ts.Check(err)
	ts.Setenv(strings.ToUpper(strings.ReplaceAll(args[1], "-", "_")), digest.String())
}

// Pushed puts an image of that kind into a registry.
func Pushed(registry *registrytest.Registry, ref, kind string, rest []string) (v1.Hash, error) {
	options := registrytest.AppOptions{Log4jVersion: "2.17.1"}
	switch kind {
	case "good":
	case "bad":
		options.Log4jVersion = "2.14.1"
	case "debian11":
		options.Distro = registrytest.Debian("11", registrytest.Package{Name: "libssl1.1", Version: "1.1.1k-1", Source: "openssl"})
	case "debian12", "debian12-bad":
		if kind == "debian12-bad" {
			options.Log4jVersion = "2.14.1"
		}
		options.Distro = registrytest.Debian("12", registrytest.Package{Name: "libssl3", Version: "3.0.9-1", Source: "openssl"})
	case "index":
		index, err := registrytest.Index(options)
		if err != nil {
			return v1.Hash{}, err
		}
		return registry.PushIndex(ref, index)
	case "buildkit", "buildkit-stages":
		options.Platform, options.SBOMs = "linux/amd64", []string{buildKitSBOM("sbom-build", "4.17.21"), buildKitSBOM("sbom", "4.17.15")}
		if kind == "buildkit-stages" {
			options.SBOMs[1] = buildKitSBOM("sbom-test", "4.17.15")
		}
		index, err := registrytest.IndexOf(options)
		if err != nil {
			return v1.Hash{}, err
		}
		return registry.PushIndex(ref, index)
	case "three", "three-bad", "three-replaced":
		return pushThree(registry, ref, kind)
	case "empty", "scratch":
		img, err := map[string]func() (v1.Image, error){"empty": registrytest.Empty, "scratch": registrytest.Scratch}[kind]()
		if err != nil {
			return v1.Hash{}, err
		}
		return registry.Push(ref, img)
	case "garbage":
		img, err := mutate.AppendLayers(empty.Image, static.NewLayer(bytes.Repeat([]byte("no tar"), 400), types.DockerLayer))
		if err != nil {
			return v1.Hash{}, err
		}
		return registry.Push(ref, img)
	case "foreign":
		img, err := registrytest.App(options)
		if err != nil {
			return v1.Hash{}, err
		}
		left := static.NewLayer([]byte("no registry hands this on"), types.DockerForeignLayer)
		if img, err = mutate.Append(img, mutate.Addendum{Layer: left, URLs: []string{"https://layers.example.com/base"}}); err != nil {
			return v1.Hash{}, err
		}
		return registry.Push(ref, img)
	case "artefact":
		return registry.Push(ref, mutate.ConfigMediaType(empty.Image, types.MediaType("application/vnd.cncf.helm.config.v1+json")))
	default:
		return v1.Hash{}, fmt.Errorf("no image of the kind %s", kind)
	}
	img, err := registrytest.App(options)
	if err != nil {
		return v1.Hash{}, err
	}
	return registry.Push(ref, img)
}

// buildKitSBOM is an SBOM as BuildKit's scanner writes it, of one version of lodash.
func buildKitSBOM(name, version string) string {
	return fmt.Sprintf(`{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":%q,"packages":[{"SPDXID":"SPDXRef-a","name":"lodash","versionInfo":%q,`+
		`"externalRefs":[{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:npm/lodash@%[2]s"}]}]}`, name, version)
}

// pushThree pushes an index of three platforms, with the one of linux/riscv64 vulnerable or replaced.
func pushThree(registry *registrytest.Registry, ref, kind string) (v1.Hash, error) {
	shops := make([]registrytest.AppOptions, 3)
	for i, platform := range []string{"linux/amd64", "linux/riscv64", "linux/arm64"} {
		shops[i] = registrytest.AppOptions{Platform: platform, Log4jVersion: "2.17.1"}
	}
	switch kind {
	case "three-bad":
		shops[1].Log4jVersion = "2.14.1"
	case "three-replaced":
		shops[1].Version = "6.6.6"
	}
	index, err := registrytest.IndexOf(shops...)
	if err != nil {
		return v1.Hash{}, err
	}
	return registry.PushIndex(ref, index)
}

// platform REF PLATFORM NAME puts the digest of one platform of an index into a variable.
func platformOf(ts *testscript.TestScript, neg bool, args []string) {
	access, err := image.NewRegistry(image.Access{})
	ts.Check(err)
	ref, err := image.Parse(args[0])
	ts.Check(err)
	platform, err := image.ParsePlatform(args[1])
	ts.Check(err)
	set, err := access.Open(context.Background(), ref, platform, nil)
	ts.Check(err)
	ts.Setenv(args[2], set.Digest().String())
}

// archive FILE REF KIND writes an image as docker save does.
func archive(ts *testscript.TestScript, neg bool, args []string) {
	log4j := map[string]string{"good": "2.17.1", "bad": "2.14.1"}[args[2]]
	img, err := registrytest.App(registrytest.AppOptions{Log4jVersion: log4j})
	ts.Check(err)
	ts.Check(registrytest.SaveArchive(ts.MkAbs(args[0]), registrytest.DockerSave, registrytest.Tagged{Image: img, Tags: []string{args[1]}}))
}
