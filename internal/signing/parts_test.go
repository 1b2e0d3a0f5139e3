package signing

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/lifetime"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/sigstoretest"
)

// termsOf are the roles of the parts, each with how many terms it has.
func termsOf(parts []lifetime.Part) map[lifetime.Role][]int {
	found := map[lifetime.Role][]int{}
	for _, p := range parts {
		found[p.Role] = append(found[p.Role], len(p.Terms))
	}
	return found
}

func TestASigstoreIsTakenApart(t *testing.T) {
	b := newKeylessBench(t, registrytest.Options{})
	parts := b.sigstore.Parts()
	// An authority has a period of its own, and those of its certificates.
	want := map[lifetime.Role][]int{lifetime.CertificateAuthority: {3}, lifetime.CertificateLog: {1}, lifetime.TransparencyLog: {1, 1}, lifetime.TimestampAuthority: {3}}
	if diff := cmp.Diff(want, termsOf(parts)); diff != "" {
		t.Error(diff)
	}
	for _, p := range parts {
		if p.At(noon) != lifetime.InForce || p.At(noon.AddDate(-1, 0, 0)) != lifetime.NotYet || p.URI == "" {
			t.Errorf("%+v", p)
		}
	}
	if err := b.lab.Misbehave(sigstoretest.Faults{ExpiredIntermediate: true}); err != nil {
		t.Fatal(err)
	}
	parts = b.root(Without{}).Parts()
	if parts[0].At(noon) != lifetime.InForce || parts[1].At(noon) != lifetime.Ended {
		t.Errorf("%+v", parts)
	}
}

func TestWhatVerificationDemands(t *testing.T) {
	b := newKeylessBench(t, registrytest.Options{})
	for name, c := range map[string]struct {
		without Without
		want    []lifetime.Role
	}{
		"everything":           {Without{}, []lifetime.Role{lifetime.CertificateAuthority, lifetime.CertificateLog, lifetime.TransparencyLog}},
		"no transparency log":  {Without{Log: true}, []lifetime.Role{lifetime.CertificateAuthority, lifetime.CertificateLog, lifetime.TimestampAuthority}},
		"no logs for anything": {Without{Log: true, CTLog: true}, []lifetime.Role{lifetime.CertificateAuthority, lifetime.TimestampAuthority}},
	} {
		if diff := cmp.Diff(c.want, b.root(c.without).Demanded()); diff != "" {
			t.Error(name, diff)
		}
	}
}

func TestAnOrdinaryAuthorityIsTakenApart(t *testing.T) {
	b, p := newPKIBench(t), newPKI(t, nil)
	s := b.trusts(p, b.stamping)
	if diff := cmp.Diff(map[lifetime.Role][]int{lifetime.CertificateAuthority: {2}, lifetime.TimestampAuthority: {2}}, termsOf(s.Parts())); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]lifetime.Role{lifetime.CertificateAuthority, lifetime.TimestampAuthority}, s.Demanded()); diff != "" {
		t.Error(diff)
	}
	for _, part := range s.Parts() {
		if part.URI != "" {
			t.Errorf("nobody said that it is at %s", part.URI)
		}
	}
	if got := b.trusts(p, nil).Demanded(); len(got) != 1 {
		t.Errorf("%v", got)
	}
}

func TestServicesAreNamedWithTheirVersion(t *testing.T) {
	b := newKeylessBench(t, registrytest.Options{})
	services, err := NamedServices("lab", b.lab.SigningConfig(sigstoretest.Rekor, sigstoretest.RekorTiles, sigstoretest.TimestampAuthority))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range services {
		got = append(got, string(s.Role)+" "+string('0'+rune(s.Version)))
		if !s.Spoken || s.At(noon) != lifetime.InForce {
			t.Errorf("%+v", s)
		}
	}
	want := []string{"certificate authority 1", "transparency log 1", "transparency log 2", "timestamp authority 1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSigningConfigsThatNameTooMuch(t *testing.T) {
	b := newKeylessBench(t, registrytest.Options{})
	whole := string(b.lab.SigningConfig(sigstoretest.Rekor))
	for name, content := range map[string]string{
		"no JSON":           "x",
		"no address":        strings.Replace(whole, b.lab.URL(sigstoretest.Rekor), "file:///etc/passwd", 1),
		"too many services": `{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","tsaUrls":[` + strings.Repeat(`{"url":"https://a"},`, maxServices) + `{"url":"https://a"}]}`,
	} {
		if _, err := NamedServices("lab", []byte(content)); err == nil || outcome.Of(err).Reason != outcome.TrustUnusable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTheHeaderHasWholeSeconds: what is less than its own vagueness is no difference.
func TestTheHeaderHasWholeSeconds(t *testing.T) {
	for behind, want := range map[time.Duration]time.Duration{0: 0, 1900 * time.Millisecond: 0, 2 * time.Second: -2 * time.Second, time.Hour: -time.Hour, -time.Hour: time.Hour} {
		if got := skew(noon.Add(-behind), noon); got != want {
			t.Errorf("%s behind is %s", behind, got)
		}
	}
}

func TestServicesAreAsked(t *testing.T) {
	b := newKeylessBench(t, registrytest.Options{})
	services, err := NamedServices("lab", b.lab.SigningConfig(sigstoretest.Rekor, sigstoretest.RekorTiles, sigstoretest.TimestampAuthority))
	if err != nil {
		t.Fatal(err)
	}
	later := func() time.Time { return time.Now().Add(-time.Hour) } // this machine's clock is behind
	for i, a := range b.sigstore.Ask(t.Context(), services, b.registry.Transport(), later) {
		if a.Problem != "" || a.Doubt != "" || a.Unshown != "" || len(a.Shows) == 0 || a.Service.URL != services[i].URL || !a.Timed || a.Ahead < 59*time.Minute || a.Ahead > 61*time.Minute {
			t.Errorf("%+v", a)
		}
	}
	tsa := services[3:]
	for name, c := range map[string]struct {
		behave         sigstoretest.Behaviour
		problem, doubt string
	}{
		"it is down":             {sigstoretest.Down(), "EOF", ""},
		"it fails":               {sigstoretest.Status(http.StatusNotImplemented), "it answers 501 Not Implemented", ""},
		"it forbids":             {sigstoretest.Status(http.StatusForbidden), "it answers 403 Forbidden", ""},
		"it is something else":   {sigstoretest.Status(http.StatusNotFound), "", "it answers 404 Not Found to GET /api/v1/timestamp/certchain"},
		"it leads elsewhere":     {sigstoretest.Status(http.StatusFound), "", "it answers 302 Found to GET /api/v1/timestamp/certchain"},
		"it talks without end":   {sigstoretest.Endless(http.StatusOK), "", "what it shows could not be compared with the trusted root: it says more than 64 KiB"},
		"it is well once more":   {nil, "", ""},
		"nobody waits for it":    {sigstoretest.Hanging(), "no answer came in time", ""},
		"it says something else": {sigstoretest.Instead(http.StatusOK, []byte("<html>")), "", "what it shows could not be compared with the trusted root: error during PEM decoding"},
	} {
		t.Run(name, func(t *testing.T) {
			b.lab.Answer(sigstoretest.TimestampAuthority, c.behave)
			ctx, cancel := context.WithCancel(t.Context())
			if strings.HasPrefix(c.problem, "no answer") {
				ctx, cancel = context.WithTimeout(ctx, 200*time.Millisecond)
			}
			defer cancel()
			a := b.sigstore.Ask(ctx, tsa, b.registry.Transport(), time.Now)[0]
			if !strings.Contains(a.Problem, c.problem) || (a.Problem == "") != (c.problem == "") || a.Doubt != c.doubt {
				t.Errorf("%+v", a)
			}
		})
	}
}
