package signing

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/sigstoretest"
)

// Go's client takes an Authorization along to another port of the same host, and from https to plain HTTP.
func TestTheTokenIsSentToNobodyElse(t *testing.T) {
	b := newKeylessBench(t, registrytest.Options{})
	var got []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		got = append(got, req.Header.Get("Authorization"))
		w.WriteHeader(http.StatusBadRequest)
	}))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		b.lab.Answer(sigstoretest.Fulcio, func(w http.ResponseWriter, req *http.Request, _ http.Handler) {
			http.Redirect(w, req, elsewhere.URL+req.URL.Path, status)
		})
		_, err := b.ask(t.Context(), b.sigstore, sigstoretest.GitHub(repository, workflow, mainBranch), sigstoretest.Rekor)
		if known := outcome.Of(err); known == nil || known.Reason != outcome.SigstoreUnavailable || !strings.Contains(known.Error(), "sends elsewhere") {
			t.Errorf("%d: it ends with %v", status, err)
		}
	}
	if len(got) > 0 {
		t.Errorf("%d requests came elsewhere, with %.20q", len(got), got)
	}
}

func TestNoServiceSendsElsewhereWhatIsSigned(t *testing.T) {
	for of, services := range map[sigstoretest.Service][]sigstoretest.Service{
		sigstoretest.Rekor:              {sigstoretest.Rekor},
		sigstoretest.RekorTiles:         tiled,
		sigstoretest.TimestampAuthority: tiled,
	} {
		b := newKeylessBench(t, registrytest.Options{})
		author := b.release(services...)
		b.lab.Answer(of, func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			if req.URL.RawQuery == "again" {
				next.ServeHTTP(w, req)
				return
			}
			http.Redirect(w, req, req.URL.Path+"?again", http.StatusTemporaryRedirect)
		})
		if err := b.write(author, Bundle); err == nil || !strings.Contains(err.Error(), "sends elsewhere") {
			t.Errorf("%v: it ends with %v", of, err)
		}
	}
}
