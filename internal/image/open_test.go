package image_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
)

func start(t *testing.T) *registrytest.Registry {
	t.Helper()
	r, err := registrytest.Start(registrytest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func open(t *testing.T, access image.Access, ref string) (*image.Image, error) {
	t.Helper()
	parsed, err := image.Parse(ref)
	if err != nil {
		t.Fatal(err)
	}
	registry, err := image.NewRegistry(access)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return first(registry.Open(ctx, parsed, v1.Platform{OS: "linux", Architecture: "amd64"}, nil))
}

func first(set *image.Set, err error) (*image.Image, error) {
	if err != nil {
		return nil, err
	}
	return set.Images[0], nil
}

// readAll reads every layer, unpacked.
func readAll(t *testing.T, img *image.Image) error {
	t.Helper()
	_, err := img.Unpack(context.Background(), must[*image.Pool](t)(image.NewPool(t.TempDir(), nil)))
	return err
}

func reasonOf(err error) outcome.Reason {
	if err == nil {
		return ""
	}
	return outcome.Of(err).Reason
}

func TestRegistryAndLayoutGiveTheSameImage(t *testing.T) {
	registry := start(t)
	app, err := registrytest.App(registrytest.AppOptions{})
	if err != nil {
		t.Fatal(err)
	}
	digest, err := registry.Push("shop:1", app)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := registrytest.OCILayout(dir, app, "1"); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{registry.Ref("shop:1"), registry.Ref("shop@" + digest.String()), "oci-layout:" + dir, "oci-layout:" + dir + ":1"} {
		img, err := open(t, image.Access{}, ref)
		if err != nil {
			t.Fatalf("%s: %v", ref, err)
		}
		if img.Digest != digest || img.Platform != "linux/amd64" {
			t.Errorf("%s is %s for %s", ref, img.Digest, img.Platform)
		}
		if err := readAll(t, img); err != nil {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

func TestWhatGoesWrongHasItsReason(t *testing.T) {
	everything := registrytest.Rule{Method: registrytest.Reads, Path: "/v2/shop/*"}
	manifests := registrytest.Rule{Method: registrytest.Reads, Path: "/v2/shop/manifests/*"}
	blobs := registrytest.Rule{Method: registrytest.Reads, Path: "/v2/shop/blobs/*", After: 1}
	for name, test := range map[string]struct {
		rule   registrytest.Rule
		answer registrytest.Behaviour
		want   outcome.Reason
	}{
		"not found":                    {manifests, registrytest.Status(404), outcome.ImageNotFound},
		"unauthorized":                 {manifests, registrytest.Status(401), outcome.RegistryUnauthorized},
		"forbidden":                    {manifests, registrytest.Status(403), outcome.RegistryForbidden},
		"busy":                         {everything, registrytest.TooManyRequests(0), outcome.RegistryBusy},
		"busy for too long":            {everything, registrytest.TooManyRequests(time.Hour), outcome.RegistryBusy},
		"failing":                      {everything, registrytest.Status(502), outcome.RegistryFailing},
		"a page of HTML":               {manifests, registrytest.HTML(), outcome.NotAnImage},
		"redirects without end":        {manifests, registrytest.RedirectLoop(), outcome.RegistryFailing},
		"a layer cut short":            {blobs, registrytest.Truncated(), outcome.ContentDamaged},
		"a layer shorter than it says": {blobs, registrytest.Shortened(), outcome.ContentDamaged},
		"a layer with other bytes":     {blobs, registrytest.Altered(), outcome.ContentDamaged},
		"a layer that is missing":      {blobs, registrytest.Status(404), outcome.ContentDamaged},
		"a layer forbidden":            {blobs, registrytest.Status(403), outcome.RegistryForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry := start(t)
			app, err := registrytest.App(registrytest.AppOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := registry.Push("shop:1", app); err != nil {
				t.Fatal(err)
			}
			rule := test.rule
			rule.Answer = test.answer
			registry.Behave(rule)
			img, err := open(t, image.Access{}, registry.Ref("shop:1"))
			if err == nil {
				err = readAll(t, img)
				if reasonOf(img.Err()) != reasonOf(err) {
					t.Errorf("the image says %v and the reader got %v", img.Err(), err)
				}
			}
			if got := reasonOf(err); got != test.want {
				t.Errorf("got %s (%v), want %s", got, err, test.want)
			}
		})
	}
}

func TestRetriesAreCounted(t *testing.T) {
	registry := start(t)
	app, err := registrytest.App(registrytest.AppOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := registry.Push("shop:1", app); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		answer   registrytest.Behaviour
		times    int
		requests int
		works    bool
	}{
		"503 twice":                          {registrytest.Status(503), 2, 3, true},
		"429 once, with Retry-After":         {registrytest.TooManyRequests(time.Second), 1, 2, true},
		"500 for ever":                       {registrytest.Status(500), 0, 4, false},
		"403 is an answer":                   {registrytest.Status(403), 0, 1, false},
		"404 is an answer":                   {registrytest.Status(404), 0, 1, false},
		"429 with an hour is not waited for": {registrytest.TooManyRequests(time.Hour), 0, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			registry.Calm()
			registry.Forget()
			registry.Behave(registrytest.Rule{Method: "GET", Path: "/v2/shop/manifests/1", Times: test.times, Answer: test.answer})
			_, err := open(t, image.Access{}, registry.Ref("shop:1"))
			if (err == nil) != test.works {
				t.Errorf("got %v", err)
			}
			if got := registry.Requests().Count("GET", "/v2/shop/manifests/1"); got != test.requests {
				t.Errorf("%d requests, want %d", got, test.requests)
			}
		})
	}
}

func TestPrivateAuthority(t *testing.T) {
	registry, err := registrytest.StartTLS(registrytest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(registry.Close)
	app, err := registrytest.App(registrytest.AppOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := registry.Push("shop:1", app); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, image.Access{}, registry.Ref("shop:1")); reasonOf(err) != outcome.RegistryUnreachable {
		t.Errorf("an unknown authority: %v", err)
	}
	if _, err := open(t, image.Access{CertificateAuthority: registry.CertificateAuthority()}, registry.Ref("shop:1")); err != nil {
		t.Errorf("a trusted authority: %v", err)
	}
	if _, err := image.NewRegistry(image.Access{CertificateAuthority: []byte("none")}); reasonOf(err) != outcome.InvalidInput {
		t.Errorf("no certificate: %v", err)
	}
}

func TestPlainHTTPIsForLoopback(t *testing.T) {
	// 10.255.255.1 is a private address, to which go-containerregistry would speak plain HTTP.
	registry, err := image.NewRegistry(image.Access{})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := image.Parse("registry.localtest.invalid:80/shop:1")
	if err != nil {
		t.Fatal(err)
	}
	_, err = registry.Open(context.Background(), ref, v1.Platform{OS: "linux", Architecture: "amd64"}, nil)
	if reasonOf(err) != outcome.RegistryUnreachable {
		t.Errorf("got %v", err)
	}
}

func TestCancelledIsNotAVerdict(t *testing.T) {
	registry := start(t)
	registry.Behave(registrytest.Rule{Path: "/v2/*", Answer: registrytest.Hanging()})
	access, err := image.NewRegistry(image.Access{})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := image.Parse(registry.Ref("shop:1"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err = access.Open(ctx, ref, v1.Platform{OS: "linux", Architecture: "amd64"}, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAttachAndRefer(t *testing.T) {
	for name, mode := range map[string]registrytest.Referrers{"referrers API": registrytest.ReferrersOn, "fallback tag": registrytest.ReferrersOff} {
		t.Run(name, func(t *testing.T) {
			registry := start(t)
			registry.SetReferrers(mode)
			app, err := registrytest.App(registrytest.AppOptions{})
			if err != nil {
				t.Fatal(err)
			}
			digest, err := registry.Push("shop:1", app)
			if err != nil {
				t.Fatal(err)
			}
			access, err := image.NewRegistry(image.Access{})
			if err != nil {
				t.Fatal(err)
			}
			subject, err := access.Digest(registry.Ref("shop"), digest.String())
			if err != nil {
				t.Fatal(err)
			}
			ctx := context.Background()
			if found, err := access.Referrers(ctx, subject); err != nil || len(found) != 0 {
				t.Fatalf("before: %v %v", found, err)
			}
			for _, content := range []string{"first", "second"} {
				artifact := image.Artifact{Type: "application/vnd.test+json", MediaType: "application/vnd.test+json", Content: []byte(content),
					Annotations: map[string]string{"content": content}}
				at, err := access.Attach(ctx, subject, artifact)
				if err != nil {
					t.Fatal(err)
				}
				read, err := access.Artifact(ctx, subject, at)
				if err != nil || string(read.Content) != content || read.Type != artifact.Type {
					t.Errorf("read back %+v, %v", read, err)
				}
			}
			found, err := access.Referrers(ctx, subject)
			if err != nil || len(found) != 2 || found[0].ArtifactType != "application/vnd.test+json" || found[0].Annotations["content"] != "first" {
				t.Errorf("after: %+v %v", found, err)
			}
		})
	}
}

func TestReferrersThatCannotBeReadAreNotNone(t *testing.T) {
	registry := start(t)
	app, err := registrytest.App(registrytest.AppOptions{})
	if err != nil {
		t.Fatal(err)
	}
	digest, err := registry.Push("shop:1", app)
	if err != nil {
		t.Fatal(err)
	}
	for _, status := range []int{401, 403, 405, 429, 500} {
		registry.SetReferrers(registrytest.Referrers(status))
		access, err := image.NewRegistry(image.Access{})
		if err != nil {
			t.Fatal(err)
		}
		subject, err := access.Digest(registry.Ref("shop"), digest.String())
		if err != nil {
			t.Fatal(err)
		}
		_, err = access.Referrers(context.Background(), subject)
		if reasonOf(err) != outcome.ReferrersUnreadable || !strings.Contains(err.Error(), "answers") {
			t.Errorf("%d: %v", status, err)
		}
	}
}
