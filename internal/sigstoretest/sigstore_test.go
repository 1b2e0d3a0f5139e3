package sigstoretest_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"sync"
	"testing"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/sign"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/stepseal/stepseal/internal/sigstoretest"
)

const (
	statement = `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"shop","digest":{"sha256":"` + digest + `"}}],"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{}}`
	digest    = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // of "hello"
	artefact  = "hello"
)

func start(t *testing.T) *sigstoretest.Sigstore {
	t.Helper()
	return startAt(t, time.Now)
}

func startAt(t *testing.T, now func() time.Time) *sigstoretest.Sigstore {
	t.Helper()
	key, err := issuerKey()
	if err != nil {
		t.Fatal(err)
	}
	s, err := sigstoretest.StartWithKey(now, key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

var issuerKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func token(t *testing.T, s *sigstoretest.Sigstore, claims map[string]any) string {
	t.Helper()
	text, err := s.Token(claims)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var (
	release  = sigstoretest.GitHub("acme/shop", ".github/workflows/release.yml", "refs/heads/main")
	envelope = &sign.DSSEData{Data: []byte(statement), PayloadType: "application/vnd.in-toto+json"}
	blob     = &sign.PlainData{Data: []byte(artefact)}
)

// options are what the signing config says, chosen as sigstore-go's own documentation does.
func options(t *testing.T, s *sigstoretest.Sigstore, now time.Time, services ...sigstoretest.Service) sign.BundleOptions {
	t.Helper()
	config, err := root.NewSigningConfigFromJSON(s.SigningConfig(services...))
	if err != nil {
		t.Fatal(err)
	}
	fulcio, err := root.SelectService(config.FulcioCertificateAuthorityURLs(), sign.FulcioAPIVersions, now)
	if err != nil {
		t.Fatal(err)
	}
	opt := sign.BundleOptions{
		Context:                    t.Context(),
		CertificateProvider:        sign.NewFulcio(&sign.FulcioOptions{BaseURL: fulcio.URL, Timeout: 5 * time.Second}),
		CertificateProviderOptions: &sign.CertificateProviderOptions{IDToken: token(t, s, release)},
	}
	if logs := config.RekorLogURLs(); len(logs) > 0 {
		chosen, err := root.SelectServices(logs, config.RekorLogURLsConfig(), sign.RekorAPIVersions, now)
		if err != nil {
			t.Fatal(err)
		}
		opt.TransparencyLogs = []sign.Transparency{sign.NewRekor(&sign.RekorOptions{BaseURL: chosen[0].URL, Version: chosen[0].MajorAPIVersion, Timeout: 5 * time.Second})}
	}
	if stamps := config.TimestampAuthorityURLs(); len(stamps) > 0 {
		chosen, err := root.SelectServices(stamps, config.TimestampAuthorityURLsConfig(), sign.TimestampAuthorityAPIVersions, now)
		if err != nil {
			t.Fatal(err)
		}
		opt.TimestampAuthorities = []*sign.TimestampAuthority{sign.NewTimestampAuthority(&sign.TimestampAuthorityOptions{URL: chosen[0].URL, Timeout: 5 * time.Second})}
	}
	return opt
}

func keypair(t *testing.T) *sign.EphemeralKeypair {
	t.Helper()
	pair, err := sign.NewEphemeralKeypair(nil)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func signed(t *testing.T, content sign.Content, opt sign.BundleOptions) *protobundle.Bundle {
	t.Helper()
	made, err := sign.Bundle(content, keypair(t), opt)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// verified is the strictest verification that the services allow, offline.
func verified(t *testing.T, s *sigstoretest.Sigstore, made *protobundle.Bundle, services ...sigstoretest.Service) (*verify.VerificationResult, error) {
	t.Helper()
	trusted, err := root.NewTrustedRootFromJSON(s.TrustedRoot())
	if err != nil {
		t.Fatal(err)
	}
	opt := []verify.VerifierOption{verify.WithSignedCertificateTimestamps(1)}
	for _, one := range services {
		switch one {
		case sigstoretest.Rekor:
			opt = append(opt, verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1))
		case sigstoretest.RekorTiles:
			opt = append(opt, verify.WithTransparencyLog(1))
		case sigstoretest.TimestampAuthority:
			opt = append(opt, verify.WithSignedTimestamps(1))
		}
	}
	verifier, err := verify.NewVerifier(trusted, opt...)
	if err != nil {
		t.Fatal(err)
	}
	read, err := bundle.NewBundle(made)
	if err != nil {
		return nil, err
	}
	identity, err := verify.NewShortCertificateIdentity(sigstoretest.GitHubIssuer, "", "https://github.com/acme/shop/.github/workflows/release.yml@refs/heads/main", "")
	if err != nil {
		t.Fatal(err)
	}
	return verifier.Verify(read, verify.NewPolicy(verify.WithArtifact(bytes.NewReader([]byte(artefact))), verify.WithCertificateIdentity(identity)))
}

var configurations = []struct {
	name     string
	services []sigstoretest.Service
}{
	{"Rekor 1", []sigstoretest.Service{sigstoretest.Rekor}},
	{"Rekor 1 and a timestamp", []sigstoretest.Service{sigstoretest.Rekor, sigstoretest.TimestampAuthority}},
	{"Rekor 2 and a timestamp", []sigstoretest.Service{sigstoretest.RekorTiles, sigstoretest.TimestampAuthority}},
	{"a timestamp alone", []sigstoretest.Service{sigstoretest.TimestampAuthority}},
}

func TestWhatIsSignedVerifiesOffline(t *testing.T) {
	s := start(t)
	type made struct {
		bundle   *protobundle.Bundle
		services []sigstoretest.Service
	}
	all := map[string]made{}
	for _, c := range configurations {
		for kind, content := range map[string]sign.Content{"an envelope": envelope, "a blob": blob} {
			opt := options(t, s, time.Now(), c.services...)
			all[kind+" with "+c.name] = made{signed(t, content, opt), c.services}
		}
	}
	s.Close()
	for name, one := range all {
		t.Run(name, func(t *testing.T) {
			result, err := verified(t, s, one.bundle, one.services...)
			if err != nil {
				t.Fatal(err)
			}
			if got := result.Signature.Certificate.BuildConfigURI; got != "https://github.com/acme/shop/.github/workflows/release.yml@refs/heads/main" {
				t.Errorf("build config is %q", got)
			}
		})
	}
}

func TestAKeyNeedsNoCertificate(t *testing.T) {
	s := start(t)
	for _, c := range configurations {
		t.Run(c.name, func(t *testing.T) {
			opt, key := options(t, s, time.Now(), c.services...), keypair(t)
			opt.CertificateProvider, opt.CertificateProviderOptions = nil, nil
			made, err := sign.Bundle(blob, key, opt)
			if err != nil {
				t.Fatal(err)
			}
			if err := verifiedByKey(t, s, made, key.GetPublicKey()); err != nil {
				t.Error(err)
			}
			if err := verifiedByKey(t, s, made, keypair(t).GetPublicKey()); err == nil {
				t.Error("another key verifies it")
			}
		})
	}
}

func verifiedByKey(t *testing.T, s *sigstoretest.Sigstore, made *protobundle.Bundle, key crypto.PublicKey) error {
	t.Helper()
	trusted, err := root.NewTrustedRootFromJSON(s.TrustedRoot())
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := signature.LoadDefaultVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	keys := root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) {
		return root.NewExpiringKey(loaded, time.Time{}, time.Time{}), nil
	})
	opt := []verify.VerifierOption{verify.WithObserverTimestamps(1)}
	if len(made.VerificationMaterial.TlogEntries) > 0 {
		opt = append(opt, verify.WithTransparencyLog(1))
	}
	verifier, err := verify.NewVerifier(root.TrustedMaterialCollection{trusted, keys}, opt...)
	if err != nil {
		t.Fatal(err)
	}
	read, err := bundle.NewBundle(made)
	if err != nil {
		t.Fatal(err)
	}
	_, err = verifier.Verify(read, verify.NewPolicy(verify.WithArtifact(bytes.NewReader([]byte(artefact))), verify.WithKey()))
	return err
}

func TestTwoInstancesDoNotTrustEachOther(t *testing.T) {
	for _, name := range []string{"one", "other"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, stranger := start(t), start(t)
			other, err := sigstoretest.Start(time.Now)
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			services := []sigstoretest.Service{sigstoretest.Rekor, sigstoretest.TimestampAuthority}
			made := signed(t, envelope, options(t, s, time.Now(), services...))
			if _, err := verified(t, s, made, services...); err != nil {
				t.Error(err)
			}
			if _, err := verified(t, stranger, made, services...); err == nil {
				t.Error("the other instance's trusted root verifies it")
			}
			if _, err := sign.NewFulcio(&sign.FulcioOptions{BaseURL: other.URL(sigstoretest.Fulcio)}).GetCertificate(t.Context(), keypair(t),
				&sign.CertificateProviderOptions{IDToken: token(t, s, release)}); err == nil || !strings.Contains(err.Error(), "failed to verify signature") {
				t.Errorf("the other Fulcio says of the token: %v", err)
			}
		})
	}
}

func TestStartIsFast(t *testing.T) {
	best := time.Hour
	for range 5 {
		began := time.Now()
		s, err := sigstoretest.Start(time.Now)
		if err != nil {
			t.Fatal(err)
		}
		best = min(best, time.Since(began))
		s.Close()
	}
	t.Logf("%s", best)
	if best > 150*time.Millisecond {
		t.Errorf("it takes %s", best)
	}
}
