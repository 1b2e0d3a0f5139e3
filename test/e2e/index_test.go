package e2e

import (
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/stepseal/stepseal/internal/registrytest"
)

// pushedIndex is the reference, by digest, of a shop for three platforms, of which one may be vulnerable.
func pushedIndex(t *testing.T, registry *registrytest.Registry, log4j string) string {
	t.Helper()
	var shops []registrytest.AppOptions
	for _, platform := range []string{"linux/amd64", "linux/arm64", "linux/riscv64"} {
		shops = append(shops, registrytest.AppOptions{Platform: platform, Distro: registrytest.Debian("11"), Log4jVersion: "2.17.1"})
	}
	shops[2].Log4jVersion = log4j
	index, err := registrytest.IndexOf(shops...)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := registry.PushIndex("shop/api:1.0", index)
	if err != nil {
		t.Fatal(err)
	}
	return registry.Ref("shop/api@" + digest.String())
}

func TestAVulnerablePlatformRefusesTheIndex(t *testing.T) {
	u, ref := newUser(t), pushedIndex(t, startRegistry(t, registrytest.ReferrersOn), "2.14.1")
	refused := u.secure(ref)
	refused.want(t, 10, "vulnerable")
	if !strings.Contains(refused.stderr, "linux/riscv64 (vulnerable)") || strings.Contains(refused.stderr, "linux/arm64 (vulnerable)") {
		t.Errorf("the platform is not named:\n%s", refused.stderr)
	}
	if verified := u.run("cosign", append([]string{"verify", ref}, cosignReads["legacy"]...)...); verified.code == 0 {
		t.Error("it is signed")
	}
}

// The cosign command line resolves a tag to the index, and finds there what was said of each platform.
func TestCosignVerifiesAnIndexAndItsPlatforms(t *testing.T) {
	for _, format := range []string{"bundle", "legacy"} {
		t.Run(format, func(t *testing.T) {
			u, ref := newUser(t), pushedIndex(t, startRegistry(t, registrytest.ReferrersOn), "2.17.1")
			secured := u.secure(ref, "--signature-format", format)
			secured.want(t, 0, "")
			if secured.outputs["image"] != ref {
				t.Errorf("the image is %s, want %s", secured.outputs["image"], ref)
			}
			u.cosignVerifies(ref, cosignReads[format]...)
			for _, platform := range platformsOf(t, ref) {
				u.cosignVerifies(platform, cosignReads[format]...)
			}
			u.verify(ref).want(t, 0, "")
			u.verify(ref, "--platform", "linux/riscv64").want(t, 0, "")
		})
	}
}

// platformsOf are the references of the images in an index, by digest.
func platformsOf(t *testing.T, ref string) []string {
	t.Helper()
	parsed, err := name.NewDigest(ref)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(parsed)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var refs []string
	for _, entry := range manifest.Manifests {
		if !entry.Platform.Equals(v1.Platform{OS: "unknown", Architecture: "unknown"}) {
			refs = append(refs, parsed.Context().Digest(entry.Digest.String()).String())
		}
	}
	if len(refs) != 3 {
		t.Fatalf("%d platforms", len(refs))
	}
	return refs
}
