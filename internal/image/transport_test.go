package image_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
)

func connect(t *testing.T) *image.Registry {
	t.Helper()
	return must[*image.Registry](t)(image.NewRegistry(image.Access{}))
}

func TestDrippingAnswersAreGivenUp(t *testing.T) {
	for name, path := range map[string]string{"a manifest": "/v2/shop/manifests/*", "a layer": "/v2/shop/blobs/*"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry := start(t)
			must[v1.Hash](t)(registry.Push("shop:1", must[v1.Image](t)(registrytest.ManyLayers(1))))
			access := connect(t)
			access.Stall(200 * time.Millisecond)
			registry.Behave(registrytest.Rule{Method: "GET", Path: path, Answer: registrytest.Dripping(20 * time.Millisecond)})
			ref := must[image.Reference](t)(image.Parse(registry.Ref("shop:1")))
			_, err := access.Open(context.Background(), ref, v1.Platform{}, nil)
			if reasonOf(err) != outcome.RegistryUnreachable || !strings.Contains(err.Error(), "bytes came in 200ms") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestTheQueryOfARedirectIsNotShown(t *testing.T) {
	registry := start(t)
	digest := must[v1.Hash](t)(registry.Push("shop:1", must[v1.Image](t)(registrytest.ManyLayers(1))))
	toStorage := func(w http.ResponseWriter, req *http.Request, _ http.Handler) {
		http.Redirect(w, req, "http://127.0.0.1:1/storage?X-Amz-Signature=secret", http.StatusTemporaryRedirect)
	}
	registry.Behave(registrytest.Rule{Path: "/v2/shop/*", Answer: toStorage})
	access := connect(t)
	subject := must[name.Digest](t)(access.Digest(registry.Ref("shop"), digest.String()))
	_, opened := open(t, image.Access{}, registry.Ref("shop:1"))
	_, listed := access.Referrers(context.Background(), subject)
	_, attached := access.Attach(context.Background(), subject, image.Artifact{Type: "a/b", MediaType: "a/b"})
	for what, err := range map[string]error{"open": opened, "referrers": listed, "attach": attached} {
		if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "127.0.0.1:1") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestTheStatusGoesBeforeTheProse(t *testing.T) {
	registry := start(t)
	denied := func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"errors":[{"code":"DENIED","message":"the client certificate does not match"}]}`))
	}
	registry.Behave(registrytest.Rule{Path: "/v2/shop/manifests/*", Answer: denied})
	if _, err := open(t, image.Access{}, registry.Ref("shop:1")); reasonOf(err) != outcome.RegistryForbidden {
		t.Errorf("got %v", err)
	}
}

func TestBlobsAreToldByTheirRoute(t *testing.T) {
	for path, want := range map[string]bool{
		"/v2/a/blobs/" + digest:           true,
		"/v2/a/blobs/b/blobs/" + digest:   true,
		"/v2/a/blobs/b/manifests/1":       false,
		"/v2/a/blobs/manifests/" + digest: false,
		"/v2/a/blobs/uploads/some-uuid":   false,
		"/token/blobs/" + digest:          false,
	} {
		if got := image.IsBlob(&http.Request{URL: &url.URL{Path: path}}); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{"localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true,
		"registry.localhost": false, "10.0.0.1": false, "localhost.example.com": false} {
		if got := image.Loopback(host); got != want {
			t.Errorf("%s: %v", host, got)
		}
	}
}
