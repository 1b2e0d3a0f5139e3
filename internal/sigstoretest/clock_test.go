package sigstoretest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/stepseal/stepseal/internal/sigstoretest"
)

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
		kinds := map[string]bool{}
		for _, stamp := range result.VerifiedTimestamps {
			kinds[stamp.Type] = true
			if !stamp.Timestamp.Equal(noon) {
				t.Errorf("%s of %s", stamp.Timestamp, stamp.Type)
			}
		}
		if len(kinds) != 2 {
			t.Errorf("timestamps of %v", kinds)
		}
	})
	for _, c := range []struct {
		name    string
		service sigstoretest.Service
		by      time.Duration
		want    string
	}{
		{"the log is late", sigstoretest.Rekor, -time.Minute, "integrated time outside certificate validity"},
		{"the log is early", sigstoretest.Rekor, time.Hour, "integrated time outside certificate validity"},
		{"the timestamp authority is late", sigstoretest.TimestampAuthority, -time.Minute, "leaf certificate verification failed"},
		{"the timestamp authority is early", sigstoretest.TimestampAuthority, time.Hour, "leaf certificate verification failed"},
		{"Fulcio is early", sigstoretest.Fulcio, 2 * time.Minute, "integrated time outside certificate validity"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := sign(t, map[sigstoretest.Service]time.Duration{c.service: c.by}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
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
