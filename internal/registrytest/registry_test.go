package registrytest_test

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/stepseal/stepseal/internal/registrytest"
)

func start(t *testing.T, opt registrytest.Options) *registrytest.Registry {
	t.Helper()
	r, err := registrytest.Start(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func small(t *testing.T) v1.Image {
	t.Helper()
	return must[v1.Image](t)(registrytest.Empty())
}

// pull reads an image with all its layers.
func pull(r *registrytest.Registry, ref string, options ...remote.Option) (v1.Hash, error) {
	from, err := name.ParseReference(r.Ref(ref))
	if err != nil {
		return v1.Hash{}, err
	}
	img, err := remote.Image(from, options...)
	if err != nil {
		return v1.Hash{}, err
	}
	layers, err := img.Layers()
	if err != nil {
		return v1.Hash{}, err
	}
	for _, layer := range layers {
		content, err := layer.Compressed()
		if err != nil {
			return v1.Hash{}, err
		}
		if _, err := io.Copy(io.Discard, content); err != nil {
			return v1.Hash{}, err
		}
	}
	return img.Digest()
}

func TestWhatIsPushedIsPulled(t *testing.T) {
	r := start(t, registrytest.Options{})
	pushed := must[v1.Hash](t)(r.Push("shop:1.0", small(t)))
	if got := r.Requests(); len(got) != 0 {
		t.Errorf("Push is in the requests: %v", got)
	}
	pulled := must[v1.Hash](t)(pull(r, "shop:1.0"))
	if pulled != pushed {
		t.Errorf("pulled %s, pushed %s", pulled, pushed)
	}
	want := registrytest.Request{Method: "GET", Path: "/v2/shop/manifests/1.0", Status: 200}
	if got := r.Requests()[1]; !cmp.Equal(want, got) {
		t.Error(cmp.Diff(want, got))
	}
	if got := r.Requests().Count("GET", "/v2/shop/blobs/*"); got != 1 {
		t.Errorf("%d blobs were read, want 1", got)
	}
	r.Forget()
	if got := r.Requests().Count("", ""); got != 0 {
		t.Errorf("%d requests after Forget", got)
	}
}

func TestAnIndexIsPushedWithEverythingInIt(t *testing.T) {
	r := start(t, registrytest.Options{})
	index := must[v1.ImageIndex](t)(registrytest.Index(registrytest.AppOptions{}))
	pushed := must[v1.Hash](t)(r.PushIndex("shop:1.0", index))
	ref := must[name.Reference](t)(name.ParseReference(r.Ref("shop@" + pushed.String())))
	arm := must[v1.Image](t)(remote.Image(ref, remote.WithPlatform(v1.Platform{OS: "linux", Architecture: "arm64"})))
	if err := validate.Image(arm); err != nil {
		t.Error(err)
	}
	for _, listed := range must[*v1.IndexManifest](t)(index.IndexManifest()).Manifests {
		must[v1.Hash](t)(pull(r, "shop@"+listed.Digest.String()))
	}
	config := must[*v1.ConfigFile](t)(arm.ConfigFile())
	if config.Architecture != "arm64" {
		t.Errorf("architecture %s, want arm64", config.Architecture)
	}
}

func TestTLSNeedsItsAuthority(t *testing.T) {
	r := must[*registrytest.Registry](t)(registrytest.StartTLS(registrytest.Options{}))
	t.Cleanup(r.Close)
	must[v1.Hash](t)(r.Push("shop:1.0", small(t)))

	known := x509.NewCertPool()
	if !known.AppendCertsFromPEM(r.CertificateAuthority()) {
		t.Fatal("no certificate in the authority")
	}
	trusting := http.DefaultTransport.(*http.Transport).Clone()
	trusting.TLSClientConfig.RootCAs = known
	must[v1.Hash](t)(pull(r, "shop:1.0", remote.WithTransport(trusting)))

	if _, err := http.Get(r.URL() + "/v2/"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a client that does not know the authority got %v", err)
	}
}

func TestLogin(t *testing.T) {
	right := remote.WithAuth(&authn.Basic{Username: "ada", Password: "correct horse"})
	wrong := remote.WithAuth(&authn.Basic{Username: "ada", Password: "guess"})
	for title, tokens := range map[string]bool{"basic": false, "bearer": true} {
		t.Run(title, func(t *testing.T) {
			r := start(t, registrytest.Options{
				Login: registrytest.Login{Username: "ada", Password: "correct horse", Token: tokens},
			})
			must[v1.Hash](t)(r.Push("shop:1.0", small(t)))
			if _, err := pull(r, "shop:1.0"); err == nil {
				t.Error("nobody was let in")
			}
			if _, err := pull(r, "shop:1.0", wrong); err == nil {
				t.Error("a wrong password was let in")
			}
			if _, err := pull(r, "shop:1.0", right); err != nil {
				t.Error(err)
			}
			asked := r.Requests().Count("GET", "/token")
			if (asked > 0) != tokens {
				t.Errorf("%d tokens were asked for", asked)
			}
			r.RequireLogin(registrytest.Login{})
			if _, err := pull(r, "shop:1.0"); err != nil {
				t.Error("after the login is not required any more:", err)
			}
		})
	}
}

const artifact = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
	`"artifactType":"application/vnd.example.note","config":{"mediaType":"application/vnd.oci.empty.v1+json",` +
	`"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[],` +
	`"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"%s","size":1},"annotations":{"note":"n"}}`

func putArtifact(t *testing.T, r *registrytest.Registry, subject string) (digest string, header http.Header) {
	t.Helper()
	body := fmt.Sprintf(artifact, subject)
	hash, _, _ := v1.SHA256(strings.NewReader(body))
	url := r.URL() + "/v2/shop/manifests/" + hash.String()
	req := must[*http.Request](t)(http.NewRequest(http.MethodPut, url, strings.NewReader(body)))
	req.Header.Set("Content-Type", string(types.OCIManifestSchema1))
	answer := must[*http.Response](t)(http.DefaultClient.Do(req))
	if answer.StatusCode != http.StatusCreated {
		t.Fatalf("put: %s", answer.Status)
	}
	return hash.String(), answer.Header
}

func TestReferrersAreListedAsTheSpecificationSays(t *testing.T) {
	r := start(t, registrytest.Options{})
	subject := must[v1.Hash](t)(r.Push("shop:1.0", small(t))).String()
	digest, header := putArtifact(t, r, subject)
	if got := header.Get("OCI-Subject"); got != subject {
		t.Errorf("OCI-Subject is %q", got)
	}
	hash := must[v1.Hash](t)(v1.NewHash(digest))
	note := v1.Descriptor{
		MediaType: types.OCIManifestSchema1, Digest: hash, Size: int64(len(fmt.Sprintf(artifact, subject))),
		ArtifactType: "application/vnd.example.note", Annotations: map[string]string{"note": "n"},
	}
	for _, c := range []struct {
		title, path string
		want        []v1.Descriptor
		filtered    string
	}{
		{"all", "/v2/shop/referrers/" + subject, []v1.Descriptor{note}, ""},
		{"of its type", "/v2/shop/referrers/" + subject + "?artifactType=application/vnd.example.note", []v1.Descriptor{note}, "artifactType"},
		{"of another type", "/v2/shop/referrers/" + subject + "?artifactType=other", []v1.Descriptor{}, "artifactType"},
		{"of an unknown repository", "/v2/other/referrers/" + subject, []v1.Descriptor{}, ""},
	} {
		t.Run(c.title, func(t *testing.T) {
			answer := must[*http.Response](t)(http.Get(r.URL() + c.path))
			var index v1.IndexManifest
			if err := json.NewDecoder(answer.Body).Decode(&index); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, index.Manifests); diff != "" {
				t.Error(diff)
			}
			if got := answer.Header.Get("OCI-Filters-Applied"); got != c.filtered {
				t.Errorf("OCI-Filters-Applied is %q, want %q", got, c.filtered)
			}
		})
	}
}

func TestReferrersCanRefuse(t *testing.T) {
	r := start(t, registrytest.Options{Referrers: registrytest.ReferrersOff})
	subject := must[v1.Hash](t)(r.Push("shop:1.0", small(t)))
	if _, header := putArtifact(t, r, subject.String()); header.Get("OCI-Subject") != "" {
		t.Error("OCI-Subject without a referrers API")
	}
	digest := must[name.Digest](t)(name.NewDigest(r.Ref("shop@" + subject.String())))
	for _, status := range []int{401, 403, 404, 405, 500} {
		r.SetReferrers(registrytest.Referrers(status))
		r.Forget()
		_, err := remote.Referrers(digest, remote.WithRetryStatusCodes())
		if fallsBack := status == 404; (err == nil) != fallsBack {
			t.Errorf("%d: %v", status, err)
		}
		listed := registrytest.Request{Method: "GET", Path: "/v2/shop/referrers/" + subject.String(), Status: status}
		if got := r.Requests()[1]; !cmp.Equal(listed, got) {
			t.Error(cmp.Diff(listed, got))
		}
	}
	r.SetReferrers(registrytest.ReferrersOn)
	index := must[v1.ImageIndex](t)(remote.Referrers(digest))
	if manifest := must[*v1.IndexManifest](t)(index.IndexManifest()); len(manifest.Manifests) != 1 {
		t.Errorf("switched on again, it lists %d, want the one pushed while it was off", len(manifest.Manifests))
	}
}

func TestEverythingAtOnce(t *testing.T) {
	r := start(t, registrytest.Options{})
	img := small(t)
	must[v1.Hash](t)(r.Push("shop:1.0", img))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			stop := r.Behave(registrytest.Rule{Path: "/v2/other/*", Answer: registrytest.HTML()})
			if _, err := pull(r, "shop:1.0"); err != nil {
				t.Error(err)
			}
			r.SetReferrers(registrytest.ReferrersOff)
			r.RequireLogin(registrytest.Login{})
			stop()
		})
	}
	all.Wait()
	if got := r.Requests().Count("GET", "/v2/shop/manifests/*"); got != 8 {
		t.Errorf("%d manifests were read, want 8", got)
	}
}
