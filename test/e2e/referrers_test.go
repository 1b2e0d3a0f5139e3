package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/stepseal/stepseal/internal/registrytest"
)

func TestRegistryWithReferrers(t *testing.T) {
	u, ref := newUser(t), pushedApp(t, startRegistry(t, registrytest.ReferrersOn))
	u.secure(ref, "--signature-format", "bundle").want(t, 0, "")
	u.verify(ref).want(t, 0, "")
	if _, fallback := fallbackTag(t, ref); fallback {
		t.Error("there is a fallback tag on a registry that lists referrers itself")
	}
}

// Without the API the bundles are listed by an index under the fallback tag, which carries what the API would say.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
func TestRegistryWithoutReferrers(t *testing.T) {
	u, ref := newUser(t), pushedApp(t, startRegistry(t, registrytest.ReferrersOff))
	u.secure(ref, "--signature-format", "bundle").want(t, 0, "")
	u.verify(ref).want(t, 0, "")
	u.cosignVerifies(ref, cosignReads["bundle"]...)

	tag, there := fallbackTag(t, ref)
	if !there {
		t.Fatalf("no fallback tag among %v", tagsOf(t, ref))
	}
	index, err := remote.Index(tag)
	if err != nil {
		t.Fatal(err)
	}
	listed, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, d := range listed.Manifests {
		if !strings.HasPrefix(d.ArtifactType, "application/vnd.dev.sigstore.bundle.") {
			t.Errorf("%s is listed with the artifact type %q", d.Digest, d.ArtifactType)
		}
		types = append(types, d.Annotations["dev.sigstore.bundle.predicateType"])
	}
	slices.Sort(types)
	want := []string{"https://cosign.sigstore.dev/attestation/vuln/v1", "https://cyclonedx.org/bom", "https://sigstore.dev/cosign/sign/v1"}
	if !slices.Equal(types, want) {
		t.Errorf("the fallback index lists %q, want %q", types, want)
	}
}

// A registry that does not say whether there are signatures is not one without signatures.
func TestRegistryThatRefusesReferrers(t *testing.T) {
	for _, status := range []registrytest.Referrers{http.StatusMethodNotAllowed, http.StatusForbidden} {
		t.Run(http.StatusText(int(status)), func(t *testing.T) {
			registry := startRegistry(t, status)
			u, ref := newUser(t), pushedApp(t, registry)
			u.secure(ref, "--signature-format", "bundle").want(t, 11, "referrers-unreadable")

			registry.SetReferrers(registrytest.ReferrersOn)
			u.secure(ref).want(t, 0, "")
			u.verify(ref).want(t, 0, "")
			registry.SetReferrers(status)
			u.verify(ref).want(t, 11, "referrers-unreadable")
		})
	}
}

func TestLegacyFormatNeedsNoReferrers(t *testing.T) {
	u, ref := newUser(t), pushedApp(t, startRegistry(t, registrytest.ReferrersOff))
	u.secure(ref, "--signature-format", "legacy").want(t, 0, "")
	u.verify(ref).want(t, 0, "")
	u.cosignVerifies(ref, cosignReads["legacy"]...)
	if _, fallback := fallbackTag(t, ref); fallback {
		t.Error("there is a fallback tag, and no bundle that it could list")
	}
}

// One format hides nothing of the other: what .sig and .att prove counts, but a newer scan may be among the bundles that
// the registry does not list.
func TestLegacyFormatWhereReferrersAreRefused(t *testing.T) {
	for _, status := range []registrytest.Referrers{http.StatusMethodNotAllowed, http.StatusForbidden} {
		t.Run(http.StatusText(int(status)), func(t *testing.T) {
			u, ref := newUser(t), pushedApp(t, startRegistry(t, status))
			u.secure(ref, "--signature-format", "legacy").want(t, 11, "referrers-unreadable")
			u.verify(ref, "--require", "signature,sbom").want(t, 0, "")
			u.verify(ref).want(t, 11, "referrers-unreadable")
		})
	}
}

func TestSigningTwiceAddsNothing(t *testing.T) {
	for _, referrers := range []registrytest.Referrers{registrytest.ReferrersOn, registrytest.ReferrersOff} {
		u, ref := newUser(t), pushedApp(t, startRegistry(t, referrers))
		first := u.secure(ref)
		first.want(t, 0, "")
		before := tagsOf(t, ref)
		again := u.stepseal("sign-attest", "--image", ref, "--key", "cosign.key", "--evidence", "stepseal-out/evidence.json")
		again.want(t, 0, "")
		for _, output := range []string{"signature-digest", "sbom-attestation-digest", "scan-attestation-digest"} {
			if first.outputs[output] == "" || again.outputs[output] != first.outputs[output] {
				t.Errorf("%s is %q after the first run and %q after the second", output, first.outputs[output], again.outputs[output])
			}
		}
		if after := tagsOf(t, ref); !slices.Equal(before, after) {
			t.Errorf("the tags were %v and are %v", before, after)
		}
	}
}

func (u user) verify(ref string, args ...string) ended {
	u.t.Helper()
	return u.stepseal(append([]string{"verify", "--image", ref, "--public-key", "cosign.pub"}, args...)...)
}

// fallbackTag finds the tag sha256-<hex>, without .sig or .att behind it.
func fallbackTag(t *testing.T, ref string) (name.Tag, bool) {
	t.Helper()
	digest, err := name.NewDigest(ref)
	if err != nil {
		t.Fatal(err)
	}
	tag := digest.Context().Tag(strings.Replace(digest.DigestStr(), ":", "-", 1))
	return tag, slices.Contains(tagsOf(t, ref), tag.TagStr())
}
