package registrytest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/stepseal/stepseal/internal/registrytest"
)

func withLayer(t *testing.T) (*registrytest.Registry, v1.Hash) {
	t.Helper()
	r := start(t, registrytest.Options{})
	return r, must[v1.Hash](t)(r.Push("shop:1.0", small(t)))
}

func TestAPullMeetsTheBehaviour(t *testing.T) {
	const blobs, manifests = "/v2/shop/blobs/*", "/v2/shop/manifests/*"
	for _, c := range []struct {
		title string
		rule  registrytest.Rule
		says  string
	}{
		{"an altered layer", registrytest.Rule{Path: blobs, Answer: registrytest.Altered()}, "error verifying sha256 checksum"},
		{"a shortened layer", registrytest.Rule{Path: blobs, Answer: registrytest.Shortened()}, "does not match expected size"},
		{"a truncated layer", registrytest.Rule{Path: blobs, Answer: registrytest.Truncated()}, "unexpected EOF"},
		{"a padded manifest", registrytest.Rule{Path: manifests, Answer: registrytest.Padded()}, "manifest digest"},
		{"an HTML page", registrytest.Rule{Path: manifests, Answer: registrytest.HTML()}, "manifest digest"},
		{"a refused read", registrytest.Rule{Path: manifests, Answer: registrytest.Status(403)}, "DENIED"},
		{"a missing manifest", registrytest.Rule{Path: manifests, Answer: registrytest.Status(404)}, "NAME_UNKNOWN"},
	} {
		t.Run(c.title, func(t *testing.T) {
			r, digest := withLayer(t)
			stop := r.Behave(c.rule)
			if _, err := pull(r, "shop@"+digest.String()); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want an error with %q", err, c.says)
			}
			stop()
			if _, err := pull(r, "shop@"+digest.String()); err != nil {
				t.Error("after stop:", err)
			}
		})
	}
}

func TestAReadOnlyRegistryRefusesAPush(t *testing.T) {
	r, _ := withLayer(t)
	r.Behave(registrytest.Rule{Method: registrytest.Writes, Answer: registrytest.Status(403)})
	ref := must[name.Reference](t)(name.ParseReference(r.Ref("shop:2.0")))
	err := remote.Write(ref, small(t))
	if refused := new(transport.Error); !errors.As(err, &refused) || refused.StatusCode != 403 {
		t.Errorf("got %v, want 403", err)
	}
	if _, err := pull(r, "shop:1.0"); err != nil {
		t.Error(err)
	}
}

func TestRulesAreUsedUpInTheirOrder(t *testing.T) {
	r, _ := withLayer(t)
	const path = "/v2/shop/manifests/1.0"
	r.Behave(registrytest.Rule{Path: path, After: 1, Times: 2, Answer: registrytest.TooManyRequests(3 * time.Second)})
	r.Behave(registrytest.Rule{Path: path, After: 1, Times: 1, Answer: registrytest.Status(502)})
	var got []string
	for range 5 {
		answer := must[*http.Response](t)(http.Get(r.URL() + path))
		got = append(got, strings.TrimSpace(strconv.Itoa(answer.StatusCode)+" "+answer.Header.Get("Retry-After")))
	}
	want := []string{"200", "429 3", "429 3", "502", "200"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestATagMovesBetweenTwoReads(t *testing.T) {
	r, first := withLayer(t)
	second := must[v1.Hash](t)(r.Push("shop:next", must[v1.Image](t)(registrytest.ManyLayers(2))))
	r.MoveTag("shop:1.0", 1, second)
	var got []v1.Hash
	for range 3 {
		got = append(got, must[v1.Hash](t)(pull(r, "shop:1.0")))
	}
	if diff := cmp.Diff([]v1.Hash{first, second, second}, got); diff != "" {
		t.Error(diff)
	}
}

func TestARedirectLoopHasNoEnd(t *testing.T) {
	r, _ := withLayer(t)
	r.Behave(registrytest.Rule{Path: "/v2/shop/blobs/*", Answer: registrytest.RedirectLoop()})
	_, err := http.Get(r.URL() + "/v2/shop/blobs/sha256:0")
	if err == nil || !strings.Contains(err.Error(), "stopped after 10 redirects") {
		t.Errorf("got %v", err)
	}
	if got := r.Requests().Count("GET", "/v2/shop/blobs/*"); got != 10 {
		t.Errorf("%d requests, want 10", got)
	}
}

func TestSlowAnswersEndWithTheRequest(t *testing.T) {
	for title, answer := range map[string]registrytest.Behaviour{
		"hanging": registrytest.Hanging(), "stalled": registrytest.Stalled(), "dripping": registrytest.Dripping(time.Minute),
	} {
		t.Run(title, func(t *testing.T) {
			r, _ := withLayer(t)
			r.Behave(registrytest.Rule{Path: "/v2/shop/manifests/*", Answer: answer})
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if _, err := pull(r, "shop:1.0", remote.WithContext(ctx)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want the deadline", err)
			}
		})
	}
}

func TestCloseEndsWhatHangs(t *testing.T) {
	r, _ := withLayer(t)
	r.Behave(registrytest.Rule{Answer: registrytest.Hanging()})
	ended := make(chan error)
	go func() {
		_, err := http.Get(r.URL() + "/v2/")
		ended <- err
	}()
	for r.Requests().Count("", "") == 0 {
		time.Sleep(time.Millisecond)
	}
	r.Close()
	if err := <-ended; err == nil {
		t.Error("the request was answered")
	}
}

func TestADrippingBodyArrivesWhole(t *testing.T) {
	r, _ := withLayer(t)
	r.Behave(registrytest.Rule{Path: "/v2/shop/manifests/*", Answer: registrytest.Dripping(time.Microsecond)})
	if _, err := pull(r, "shop:1.0"); err != nil {
		t.Error(err)
	}
	r.Calm()
	r.Behave(registrytest.Rule{Answer: registrytest.Instead("text/plain", []byte("hello"))})
	answer := must[*http.Response](t)(http.Get(r.URL() + "/v2/"))
	if body := must[[]byte](t)(io.ReadAll(answer.Body)); string(body) != "hello" {
		t.Errorf("got %q after Calm", body)
	}
}
