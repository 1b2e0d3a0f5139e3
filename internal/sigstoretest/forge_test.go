package sigstoretest_test

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/stepseal/stepseal/internal/sigstoretest"
)

var both = []sigstoretest.Service{sigstoretest.Rekor, sigstoretest.TimestampAuthority}

func TestForgeriesFailForTheirOwnReason(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*x509.Certificate)
		forge  func(*testing.T, *sigstoretest.Sigstore, *protobundle.Bundle) error
		want   string
	}{
		{name: "a certificate that is not for code", change: sigstoretest.NotForCode,
			want: "leaf certificate verification failed: x509: certificate specifies an incompatible key usage"},
		{name: "an unknown critical extension", change: sigstoretest.UnknownCritical,
			want: "leaf certificate verification failed: x509: unhandled critical extension"},
		{name: "a chain", forge: func(_ *testing.T, s *sigstoretest.Sigstore, b *protobundle.Bundle) error { s.Chain(b); return nil },
			want: "cannot be X.509 certificate chain"},
		{name: "two signatures", forge: func(_ *testing.T, _ *sigstoretest.Sigstore, b *protobundle.Bundle) error {
			return sigstoretest.Countersign(b)
		},
			want: "exactly one signature"},
		{name: "a timestamp over the payload", forge: func(_ *testing.T, s *sigstoretest.Sigstore, b *protobundle.Bundle) error {
			return s.Restamp(b, b.GetDsseEnvelope().GetPayload())
		}, want: "threshold not met for verified signed timestamps"},
		{name: "the same entry twice", forge: func(t *testing.T, s *sigstoretest.Sigstore, b *protobundle.Bundle) error { again(t, s, b); return nil },
			want: "duplicate tlog entries found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			opt := options(t, s, time.Now(), both...)
			opt.CertificateProvider = s.Provider(c.change)
			made := signed(t, envelope, opt)
			chain := chainError(t, s, made)
			if c.forge != nil {
				if _, err := verified(t, s, made, both...); err != nil {
					t.Fatalf("before: %v", err)
				}
				if err := c.forge(t, s, made); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := verified(t, s, made, both...); err == nil || !strings.Contains(err.Error()+": "+chain, c.want) {
				t.Errorf("got %v: %s, want %q", err, chain, c.want)
			}
		})
	}
}

func TestARestampOverTheSignatureIsGood(t *testing.T) {
	s := start(t)
	made := signed(t, envelope, options(t, s, time.Now(), sigstoretest.Rekor))
	if err := s.Restamp(made, made.GetDsseEnvelope().GetSignatures()[0].GetSig()); err != nil {
		t.Fatal(err)
	}
	if _, err := verified(t, s, made, both...); err != nil {
		t.Error(err)
	}
}

func TestAChainWithARootOfItsOwnIsNotTrusted(t *testing.T) {
	s := start(t)
	if err := s.Misbehave(sigstoretest.Faults{UnknownAuthority: true}); err != nil {
		t.Fatal(err)
	}
	made := signed(t, envelope, options(t, s, time.Now(), both...))
	s.Chain(made)
	read, err := bundle.NewBundle(made, bundle.AllowCertificateChain())
	if err != nil {
		t.Fatal(err)
	}
	if err := verifiedBy(t, s, read, verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1)); err == nil || !strings.Contains(err.Error(), "self-signed certificate found in certificate chain") {
		t.Errorf("got %v", err)
	}
}

func TestTwoEntriesOfOneLogCountOnce(t *testing.T) {
	s := start(t)
	if err := s.Misbehave(sigstoretest.Faults{EveryEntry: true}); err != nil {
		t.Fatal(err)
	}
	made := signed(t, envelope, options(t, s, time.Now(), both...))
	again(t, s, made)
	if _, err := verified(t, s, made, both...); err != nil {
		t.Fatal(err)
	}
	read, err := bundle.NewBundle(made)
	if err != nil {
		t.Fatal(err)
	}
	if err := verifiedBy(t, s, read, verify.WithTransparencyLog(2), verify.WithObserverTimestamps(1)); err == nil || !strings.Contains(err.Error(), "1 < 2") {
		t.Errorf("got %v", err)
	}
}

func verifiedBy(t *testing.T, s *sigstoretest.Sigstore, read *bundle.Bundle, opt ...verify.VerifierOption) error {
	t.Helper()
	trusted, err := root.NewTrustedRootFromJSON(s.TrustedRoot())
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := verify.NewVerifier(trusted, opt...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = verifier.Verify(read, verify.NewPolicy(verify.WithoutArtifactUnsafe(), verify.WithoutIdentitiesUnsafe()))
	return err
}

func TestAnExpiredCertificateNeedsATimestamp(t *testing.T) {
	s := startAt(t, func() time.Time { return time.Now().Add(-time.Hour) })
	opt := options(t, s, time.Now())
	read, err := bundle.NewBundle(signed(t, envelope, opt))
	if err != nil {
		t.Fatal(err)
	}
	if err := verifiedBy(t, s, read, verify.WithCurrentTime()); err == nil || !strings.Contains(err.Error(), "leaf certificate verification failed") {
		t.Errorf("got %v", err)
	}
	if _, err := verified(t, s, signed(t, envelope, options(t, s, time.Now(), both...)), both...); err != nil {
		t.Errorf("with one: %v", err)
	}
}
