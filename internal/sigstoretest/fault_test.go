package sigstoretest_test

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"github.com/sigstore/sigstore-go/pkg/root"

	"github.com/stepseal/stepseal/internal/sigstoretest"
)

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
		{"an unknown root", sigstoretest.Faults{UnknownAuthority: true}, both, "leaf certificate verification failed: x509: certificate signed by unknown authority"},
		{"an expired intermediate", sigstoretest.Faults{ExpiredIntermediate: true}, both, "leaf certificate verification failed: x509: certificate has expired"},
		{"an intermediate for servers", sigstoretest.Faults{ServerIntermediate: true}, both, "leaf certificate verification failed: x509: certificate specifies an incompatible key usage"},
		{"an unknown timestamp authority", sigstoretest.Faults{UnknownTimestamper: true}, both, "threshold not met for verified signed timestamps"},
		{"an unknown log of version 1", sigstoretest.Faults{UnknownLog: true}, both, "not enough verified log entries from transparency log: 0 < 1"},
		{"an unknown log of version 2", sigstoretest.Faults{UnknownLog: true}, tiles, "not enough verified log entries from transparency log: 0 < 1"},
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
			if _, err := verified(t, s, made, c.services...); err == nil || !strings.Contains(err.Error()+": "+chainError(t, s, made), c.want) {
				t.Errorf("got %v: %s, want %q", err, chainError(t, s, made), c.want)
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

// chainError is why the newest authority in the trusted root does not accept the certificate, which sigstore-go keeps to
// itself. The one that a fault adds is the last.
func chainError(t *testing.T, s *sigstoretest.Sigstore, made *protobundle.Bundle) string {
	t.Helper()
	trusted, err := root.NewTrustedRootFromJSON(s.TrustedRoot())
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(made.GetVerificationMaterial().GetCertificate().GetRawBytes())
	if err != nil {
		t.Fatal(err)
	}
	authorities := trusted.FulcioCertificateAuthorities()
	if _, err := authorities[len(authorities)-1].Verify(leaf, leaf.NotBefore); err != nil {
		return err.Error()
	}
	return ""
}
