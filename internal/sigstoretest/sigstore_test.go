package sigstoretest_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/sign"
	"github.com/sigstore/sigstore-go/pkg/verify"

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
	s, err := sigstoretest.Start(now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

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

func TestTwoInstancesDoNotTrustEachOther(t *testing.T) {
	for _, name := range []string{"one", "other"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, stranger := start(t), start(t)
			services := []sigstoretest.Service{sigstoretest.Rekor, sigstoretest.TimestampAuthority}
			made := signed(t, envelope, options(t, s, time.Now(), services...))
			if _, err := verified(t, s, made, services...); err != nil {
				t.Error(err)
			}
			if _, err := verified(t, stranger, made, services...); err == nil {
				t.Error("the other instance's trusted root verifies it")
			}
			if _, err := sign.NewFulcio(&sign.FulcioOptions{BaseURL: stranger.URL(sigstoretest.Fulcio)}).GetCertificate(t.Context(), keypair(t),
				&sign.CertificateProviderOptions{IDToken: token(t, s, release)}); err == nil || !strings.Contains(err.Error(), "failed to verify signature") {
				t.Errorf("the other Fulcio says of the token: %v", err)
			}
		})
	}
}

func TestEachFaultFailsForItsOwnReason(t *testing.T) {
	both := []sigstoretest.Service{sigstoretest.Rekor, sigstoretest.TimestampAuthority}
	tiles := []sigstoretest.Service{sigstoretest.RekorTiles, sigstoretest.TimestampAuthority}
	for _, c := range []struct {
		name     string
		faults   sigstoretest.Faults
		services []sigstoretest.Service
		want     string
	}{
		{"no promise of a log", sigstoretest.Faults{WithoutSCT: true}, both, "only able to verify 0 SCT entries"},
		{"a promise of an unknown log", sigstoretest.Faults{UnknownCTLog: true}, both, "only able to verify 0 SCT entries"},
		{"an unknown root", sigstoretest.Faults{UnknownAuthority: true}, both, "certificate signed by unknown authority"},
		{"an expired intermediate", sigstoretest.Faults{ExpiredIntermediate: true}, both, "certificate has expired"},
		{"an intermediate for servers", sigstoretest.Faults{ServerIntermediate: true}, both, "incompatible key usage"},
		{"an unknown timestamp authority", sigstoretest.Faults{UnknownTimestamper: true}, both, "threshold not met for verified signed timestamps"},
		{"another's entry of Rekor 1", sigstoretest.Faults{OtherArtefact: true}, both, "transparency log signature does not match"},
		{"another's entry of Rekor 2", sigstoretest.Faults{OtherArtefact: true}, tiles, "verifying inclusion"},
		{"an empty proof of Rekor 1", sigstoretest.Faults{WithoutProof: true}, both, "inclusion proof"},
		{"no proof of Rekor 2", sigstoretest.Faults{WithoutProof: true}, tiles, "inclusion proof"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			if err := s.Misbehave(c.faults); err != nil {
				t.Fatal(err)
			}
			opt := options(t, s, time.Now(), c.services...)
			made := signed(t, envelope, opt)
			if _, err := verified(t, s, made, c.services...); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err := s.Misbehave(sigstoretest.Faults{}); err != nil {
				t.Fatal(err)
			}
			if _, err := verified(t, s, signed(t, envelope, opt), c.services...); err != nil {
				t.Errorf("after the fault: %v", err)
			}
		})
	}
}

func TestClocks(t *testing.T) {
	noon := time.Date(2031, 5, 6, 12, 0, 0, 0, time.UTC)
	services := []sigstoretest.Service{sigstoretest.Rekor, sigstoretest.TimestampAuthority}
	sign := func(t *testing.T, skew map[sigstoretest.Service]time.Duration) (*verify.VerificationResult, error) {
		s := startAt(t, func() time.Time { return noon })
		for service, by := range skew {
			s.Skew(service, by)
		}
		return verified(t, s, signed(t, envelope, options(t, s, noon, services...)), services...)
	}
	t.Run("all follow the one that is given", func(t *testing.T) {
		result, err := sign(t, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, stamp := range result.VerifiedTimestamps {
			if !stamp.Timestamp.Equal(noon) {
				t.Errorf("%s of %s", stamp.Timestamp, stamp.Type)
			}
		}
		if len(result.VerifiedTimestamps) != 2 {
			t.Errorf("%d timestamps", len(result.VerifiedTimestamps))
		}
	})
	for service, name := range map[sigstoretest.Service]string{sigstoretest.Rekor: "the log", sigstoretest.TimestampAuthority: "the timestamp authority"} {
		for _, by := range []time.Duration{-time.Minute, time.Hour} {
			t.Run(name+" is ahead by "+by.String(), func(t *testing.T) {
				if _, err := sign(t, map[sigstoretest.Service]time.Duration{service: by}); err == nil || !strings.Contains(err.Error(), "certificate has expired or is not yet valid") {
					t.Errorf("got %v", err)
				}
			})
		}
	}
	t.Run("a token of an issuer that is late has expired", func(t *testing.T) {
		s := startAt(t, func() time.Time { return noon })
		s.Skew(sigstoretest.Issuer, -time.Hour)
		_, err := s.Certificate(t.Context(), token(t, s, release), keypair(t).GetPublicKey(), nil)
		if err == nil || !strings.Contains(err.Error(), "token is expired") {
			t.Errorf("got %v", err)
		}
	})
}

func TestServicesThatAreNotWell(t *testing.T) {
	s := start(t)
	services := []sigstoretest.Service{sigstoretest.Rekor, sigstoretest.TimestampAuthority}
	for _, c := range []struct {
		name      string
		behaviour sigstoretest.Behaviour
		want      string
	}{
		{"down", sigstoretest.Down(), "EOF"},
		{"503", sigstoretest.Status(503), "503"},
		{"not JSON", sigstoretest.Instead(201, []byte("<html>")), ""},
		{"hanging", sigstoretest.Hanging(), "exceeded"},
		{"endless", sigstoretest.Endless(200), ""},
	} {
		for _, service := range []sigstoretest.Service{sigstoretest.Fulcio, sigstoretest.Rekor, sigstoretest.TimestampAuthority} {
			t.Run(c.name, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
				defer cancel()
				opt := options(t, s, time.Now(), services...)
				opt.Context = ctx
				opt.CertificateProvider = sign.NewFulcio(&sign.FulcioOptions{BaseURL: s.URL(sigstoretest.Fulcio), Timeout: 400 * time.Millisecond})
				opt.TimestampAuthorities = []*sign.TimestampAuthority{sign.NewTimestampAuthority(&sign.TimestampAuthorityOptions{URL: s.URL(sigstoretest.TimestampAuthority), Timeout: 400 * time.Millisecond})}
				s.Answer(service, c.behaviour)
				_, err := sign.Bundle(envelope, keypair(t), opt)
				s.Answer(service, nil)
				t.Log(service, err)
				if err == nil {
					t.Error("it signs")
				}
			})
		}
	}
	s.Answer(sigstoretest.Fulcio, sigstoretest.Slow(50*time.Millisecond))
	if _, err := verified(t, s, signed(t, envelope, options(t, s, time.Now(), services...)), services...); err != nil {
		t.Errorf("a slow service: %v", err)
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

var _ = x509.ExtKeyUsageAny
