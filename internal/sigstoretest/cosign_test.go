package sigstoretest_test

import (
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/sigstore/cosign/v2/pkg/cosign"
	ociremote "github.com/sigstore/cosign/v2/pkg/oci/remote"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/sign"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/sigstoretest"
)

func TestCosignVerifiesWhatIsStoredWithAnImage(t *testing.T) {
	for _, c := range configurations {
		t.Run(c.name, func(t *testing.T) {
			s, image := start(t), pushed(t)
			opt := options(t, s, time.Now(), c.services...)
			made := signed(t, &sign.DSSEData{Data: statementOf(image), PayloadType: "application/vnd.in-toto+json"}, opt)
			text, err := protojson.Marshal(made)
			if err != nil {
				t.Fatal(err)
			}
			access := ociremote.WithRemoteOptions(remote.WithContext(t.Context()))
			if err := ociremote.WriteAttestationNewBundleFormat(image, text, "https://sigstore.dev/cosign/sign/v1", access); err != nil {
				t.Fatal(err)
			}
			trusted, err := root.NewTrustedRootFromJSON(s.TrustedRoot())
			if err != nil {
				t.Fatal(err)
			}
			check := &cosign.CheckOpts{
				TrustedMaterial: trusted, RegistryClientOpts: []ociremote.Option{access}, NewBundleFormat: true, Offline: true,
				UseSignedTimestamps: len(opt.TimestampAuthorities) > 0, IgnoreTlog: len(opt.TransparencyLogs) == 0,
				ClaimVerifier: cosign.IntotoSubjectClaimVerifier,
				Identities:    []cosign.Identity{{Issuer: sigstoretest.GitHubIssuer, Subject: "https://github.com/acme/shop/.github/workflows/release.yml@refs/heads/main"}},
			}
			found, verified, err := cosign.VerifyImageAttestations(t.Context(), image, check)
			if err != nil || len(found) != 1 || !verified {
				t.Errorf("%d found, verified %t: %v", len(found), verified, err)
			}
			check.Identities[0].Subject = "https://github.com/acme/shop/.github/workflows/other.yml@refs/heads/main"
			if found, _, err := cosign.VerifyImageAttestations(t.Context(), image, check); err == nil {
				t.Errorf("%d found of another identity", len(found))
			}
		})
	}
}

func pushed(t *testing.T) name.Digest {
	t.Helper()
	registry, err := registrytest.Start(registrytest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(registry.Close)
	img, err := registrytest.App(registrytest.AppOptions{Version: "1.0", Log4jVersion: "2.17.1"})
	if err != nil {
		t.Fatal(err)
	}
	digest, err := registry.Push("shop:1.0", img)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.NewDigest(registry.Ref("shop@"+digest.String()), name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func statementOf(image name.Digest) []byte {
	return []byte(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"shop","digest":{"sha256":"` + image.DigestStr()[len("sha256:"):] +
		`"}}],"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{}}`)
}
