package identity_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stepseal/stepseal/internal/identity"
	"github.com/stepseal/stepseal/internal/outcome"
)

// FuzzToken: whatever is handed over, it is taken whole, for signing and for now, or it is the caller's mistake.
func FuzzToken(f *testing.F) {
	f.Add(jwt("someone", nil))
	f.Add(edited("aud", []string{"a", "sigstore"}))
	f.Add(edited("exp", 1795784400.25))
	f.Add(edited("email", "a@example.com") + "\n")
	f.Add(compact(`{"alg":"none"}`, `{"sub":null}`))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, raw string) {
		token, err := identity.Find(t.Context(), identity.Options{Given: []byte(raw), Now: func() time.Time { return now }})
		if err != nil {
			if known := new(outcome.Error); !errors.As(err, &known) || known.Reason != outcome.IdentityTokenUnusable {
				t.Fatalf("not a mistake of the caller: %v", err)
			}
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return unicode.IsControl(r) }) {
				t.Fatalf("a control character in %q", err.Error())
			}
			return
		}
		revealed := token.Reveal()
		switch {
		case !strings.Contains(raw, revealed) || strings.Count(revealed, ".") != 2 || strings.ContainsAny(revealed, " \r\n\t\x00"):
			t.Fatalf("it reveals %q", revealed)
		case !slices.Contains(token.Audience, "sigstore") || !token.Expiry.After(now) || token.Issuer == "" || token.Subject == "":
			t.Fatalf("taken, though it cannot be used: %v", token)
		}
	})
}

// FuzzAnswer: whatever the token service of GitHub Actions answers is a token, or nobody's mistake.
func FuzzAnswer(f *testing.F) {
	f.Add(200, `{"count":1,"value":"`+jwt("someone", nil)+`"}`)
	f.Add(200, `{"value":"a","Value":"b"}`)
	f.Add(403, `{}`)
	f.Add(302, ``)
	f.Fuzz(func(t *testing.T, code int, body string) {
		options := onGitHub("https://token.example.com/")
		options.Now = func() time.Time { return now }
		options.Transport, options.Patience = canned{code, body}, time.Millisecond // no time to ask again
		token, err := identity.Find(t.Context(), options)
		if err == nil {
			if token.Source != identity.GitHub || code != 200 || !strings.Contains(body, ".") {
				t.Fatalf("a token from %d %q", code, body)
			}
			return
		}
		if known := new(outcome.Error); !errors.As(err, &known) || known.Reason != outcome.IdentityTokenUnavailable {
			t.Fatalf("not a trouble of the service: %v", err)
		}
	})
}
