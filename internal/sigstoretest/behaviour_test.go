package sigstoretest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore-go/pkg/sign"

	"github.com/stepseal/stepseal/internal/sigstoretest"
)

func TestServicesThatAreNotWell(t *testing.T) {
	services := []sigstoretest.Service{sigstoretest.Rekor, sigstoretest.TimestampAuthority}
	for _, c := range []struct {
		name      string
		behaviour sigstoretest.Behaviour
		patience  time.Duration
		want      map[sigstoretest.Service]string
	}{
		{"down", sigstoretest.Down(), 10 * time.Second, map[sigstoretest.Service]string{
			sigstoretest.Fulcio: "EOF", sigstoretest.Rekor: "EOF", sigstoretest.TimestampAuthority: "EOF"}},
		// The clients of Fulcio and of the authority wait a second after the last try, too, and say nothing of the status.
		{"unavailable", sigstoretest.Status(503), time.Second / 2, map[sigstoretest.Service]string{
			sigstoretest.Fulcio: "deadline exceeded", sigstoretest.Rekor: "status 503", sigstoretest.TimestampAuthority: "deadline exceeded"}},
		{"no JSON", sigstoretest.Instead(201, []byte("<html>")), 10 * time.Second, map[sigstoretest.Service]string{
			sigstoretest.Fulcio: "Fulcio returned 201: <html>", sigstoretest.Rekor: "invalid character '<'", sigstoretest.TimestampAuthority: "asn1: structure error"}},
		{"hanging", sigstoretest.Hanging(), time.Second / 2, map[sigstoretest.Service]string{
			sigstoretest.Fulcio: "deadline exceeded", sigstoretest.Rekor: "deadline exceeded", sigstoretest.TimestampAuthority: "deadline exceeded"}},
		// Rekor's client has no bound but the time.
		{"endless", sigstoretest.Endless(201), time.Second, map[sigstoretest.Service]string{
			sigstoretest.Fulcio: "Fulcio returned 201: {", sigstoretest.Rekor: "deadline exceeded", sigstoretest.TimestampAuthority: "asn1: structure error"}},
	} {
		for service, want := range c.want {
			t.Run(fmt.Sprintf("%s %d", c.name, service), func(t *testing.T) {
				t.Parallel()
				s := start(t)
				ctx, cancel := context.WithTimeout(t.Context(), c.patience)
				defer cancel()
				opt := options(t, s, time.Now(), services...)
				opt.Context = ctx
				opt.CertificateProvider = sign.NewFulcio(&sign.FulcioOptions{BaseURL: s.URL(sigstoretest.Fulcio), Timeout: c.patience})
				opt.TimestampAuthorities = []*sign.TimestampAuthority{sign.NewTimestampAuthority(
					&sign.TimestampAuthorityOptions{URL: s.URL(sigstoretest.TimestampAuthority), Timeout: c.patience})}
				s.Answer(service, c.behaviour)
				if _, err := sign.Bundle(envelope, keypair(t), opt); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %.300v, want %q", err, want)
				}
			})
		}
	}
}

func TestASlowServiceIsWellAfterItsPause(t *testing.T) {
	s := start(t)
	s.Answer(sigstoretest.Rekor, sigstoretest.Slow(100*time.Millisecond))
	opt, began := options(t, s, time.Now(), sigstoretest.Rekor), time.Now()
	made := signed(t, envelope, opt)
	if took := time.Since(began); took < 100*time.Millisecond {
		t.Errorf("it took %s", took)
	}
	if _, err := verified(t, s, made, sigstoretest.Rekor); err != nil {
		t.Error(err)
	}
}

func TestAServiceBehavesAgain(t *testing.T) {
	s := start(t)
	s.Answer(sigstoretest.Rekor, sigstoretest.Down())
	opt := options(t, s, time.Now(), sigstoretest.Rekor)
	if _, err := sign.Bundle(envelope, keypair(t), opt); err == nil {
		t.Error("it signs without the log")
	}
	s.Answer(sigstoretest.Rekor, nil)
	if _, err := verified(t, s, signed(t, envelope, opt), sigstoretest.Rekor); err != nil {
		t.Error(err)
	}
}
