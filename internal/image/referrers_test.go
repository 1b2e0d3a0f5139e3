package image_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
)

// withSubject is a registry with an image that something may refer to.
func withSubject(t *testing.T) (*registrytest.Registry, *image.Registry, name.Digest) {
	t.Helper()
	registry := start(t)
	pushed := must[v1.Hash](t)(registry.Push("shop:1", must[v1.Image](t)(registrytest.ManyLayers(1))))
	access := connect(t)
	return registry, access, must[name.Digest](t)(access.Digest(registry.Ref("shop"), pushed.String()))
}

func fallbackPath(of name.Digest) string {
	return "/v2/shop/manifests/" + strings.Replace(of.DigestStr(), ":", "-", 1)
}

var note = image.Artifact{Type: "a/b", MediaType: "a/b", Content: []byte("note")}

func TestWhatIsNoIndexIsNotAnEmptyOne(t *testing.T) {
	for _, body := range []string{`{}`, `null`, `{"message":"not now"}`, `[]`, `"x"`, `{"manifests":null}`, `{"manifests":[{}]}`,
		`{"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]}`} {
		registry, access, subject := withSubject(t)
		wrong := registrytest.Instead(string(types.OCIImageIndex), []byte(body))
		stop := registry.Behave(registrytest.Rule{Path: "/v2/shop/referrers/*", Answer: wrong})
		if found, err := access.Referrers(context.Background(), subject); reasonOf(err) != outcome.ReferrersUnreadable {
			t.Errorf("%s from the API: %v, %v", body, found, err)
		}
		stop()
		registry.SetReferrers(registrytest.ReferrersOff)
		registry.Behave(registrytest.Rule{Method: "GET", Path: fallbackPath(subject), Answer: wrong})
		if found, err := access.Referrers(context.Background(), subject); reasonOf(err) != outcome.ReferrersUnreadable {
			t.Errorf("%s behind the tag: %v, %v", body, found, err)
		}
		if _, err := access.Attach(context.Background(), subject, note); reasonOf(err) != outcome.ReferrersUnreadable {
			t.Errorf("%s behind the tag, attach: %v", body, err)
		}
		if n := registry.Requests().Count("PUT", fallbackPath(subject)); n != 0 {
			t.Errorf("%s behind the tag was overwritten", body)
		}
	}
}

func TestAnotherImageBehindTheFallbackTagStays(t *testing.T) {
	registry, access, subject := withSubject(t)
	registry.SetReferrers(registrytest.ReferrersOff)
	tag := "shop:" + strings.Replace(subject.DigestStr(), ":", "-", 1)
	other := must[v1.Hash](t)(registry.Push(tag, must[v1.Image](t)(registrytest.ManyLayers(2))))
	if _, err := access.Attach(context.Background(), subject, note); reasonOf(err) != outcome.ReferrersUnreadable {
		t.Errorf("got %v", err)
	}
	if img := must[*image.Image](t)(open(t, image.Access{}, registry.Ref(tag))); img.Digest != other {
		t.Error("it was overwritten")
	}
}

func TestOtherWritersEntriesAreKept(t *testing.T) {
	registry, access, subject := withSubject(t)
	registry.SetReferrers(registrytest.ReferrersOff)
	theirs := fmt.Sprintf(`{"annotations":{"of":"theirs"},"artifactType":"x/y","data":"e30=","digest":%q,"mediaType":%q,"platform":{"architecture":"arm64","os":"linux"},"size":2,"urls":["https://example.com/"]}`,
		subject.DigestStr(), types.OCIManifestSchema1)
	index := fmt.Sprintf(`{"annotations":{"of":"the index"},"manifests":[%s],"mediaType":%q,"schemaVersion":2,"strange":[1.50]}`, theirs, types.OCIImageIndex)
	put := must[*http.Request](t)(http.NewRequest(http.MethodPut, registry.URL()+fallbackPath(subject), strings.NewReader(index)))
	put.Header.Set("Content-Type", string(types.OCIImageIndex))
	if resp := must[*http.Response](t)(http.DefaultClient.Do(put)); resp.StatusCode != http.StatusCreated {
		t.Fatal(resp.Status)
	}
	must[v1.Hash](t)(access.Attach(context.Background(), subject, note))
	resp := must[*http.Response](t)(http.Get(registry.URL() + fallbackPath(subject)))
	got := must[[]byte](t)(io.ReadAll(resp.Body))
	for _, kept := range []string{theirs, `{"annotations":{"of":"the index"},`, `"strange":[1.50]`} {
		if !bytes.Contains(got, []byte(kept)) {
			t.Errorf("lost %s in %s", kept, got)
		}
	}
	if found, err := access.Referrers(context.Background(), subject); err != nil || len(found) != 2 {
		t.Errorf("got %v, %v", found, err)
	}
}

func TestNextPage(t *testing.T) {
	const here = "/v2/shop/referrers/x"
	for link, want := range map[string]string{
		``:                                   "",
		`</v2/more?n=2>; rel="next"`:         "/v2/more?n=2",
		`</v2/more?n=2>; rel=next`:           "/v2/more?n=2",
		`</v2/more>;rel="prev next"`:         "/v2/more",
		`</v2/more>; title="a, b"; REL=NEXT`: "/v2/more",
		`</v2/a>; rel="first", </v2/b?x=1,2>; rel="next", </v2/c>; rel=last`: "/v2/b?x=1,2",
		`<?last=7>; rel="next"`:                   here + "?last=7",
		`<http://registry:5000/v2/b>; rel="next"`: "/v2/b",
		`</v2/a>; rel="first"`:                    "",
		`</v2/a>`:                                 "",
		`<https://other/v2/b>; rel="next"`:        "an error",
		`<//other/v2/b>; rel="next"`:              "an error",
		`<mailto:registry:5000>; rel="next"`:      "an error",
		`<http://%zz/>; rel="next"`:               "an error",
		`<` + here + `>; rel="next"`:              "an error",
		`/v2/more; rel="next"`:                    "an error",
		`</v2/a>; rel="first", /v2/b; rel="next"`: "an error",
		`</v2/more; rel="next"`:                   "an error",
	} {
		got, err := image.NextPage([]string{link}, here, "registry:5000")
		if err != nil {
			got = "an error"
		}
		if got != want {
			t.Errorf("%s: got %q (%v), want %q", link, got, err, want)
		}
	}
	if got, err := image.NextPage([]string{`</a>; rel=first`, `</b>; rel=next`}, here, "registry:5000"); got != "/b" {
		t.Errorf("two headers: %q, %v", got, err)
	}
}

func TestReferrersAreBounded(t *testing.T) {
	for title, test := range map[string]struct {
		perPage, pages int
		want           outcome.Reason
	}{
		"as many as are allowed": {image.MaxReferrers / 2, 2, ""},
		"one page with too many": {image.MaxReferrers + 1, 1, outcome.TooLarge},
		"too many in all":        {image.MaxReferrers/2 + 1, 2, outcome.TooLarge},
		"as many pages":          {1, image.MaxReferrerPages, ""},
		"too many pages":         {0, image.MaxReferrerPages + 1, outcome.TooLarge},
	} {
		t.Run(title, func(t *testing.T) {
			registry, access, subject := withSubject(t)
			entry := image.Referrer{Digest: must[v1.Hash](t)(v1.NewHash(digest)), MediaType: types.OCIManifestSchema1}
			body := must[[]byte](t)(json.Marshal(map[string]any{"manifests": append(make([]image.Referrer, 0), repeated(entry, test.perPage)...)}))
			page := func(w http.ResponseWriter, req *http.Request, _ http.Handler) {
				n := 1
				_, _ = fmt.Sscanf(req.URL.RawQuery, "page=%d", &n)
				if n < test.pages {
					w.Header().Set("Link", fmt.Sprintf(`<?page=%d>; rel="next"`, n+1))
				}
				_, _ = w.Write(body)
			}
			registry.Behave(registrytest.Rule{Path: "/v2/shop/referrers/*", Answer: page})
			found, err := access.Referrers(context.Background(), subject)
			if reasonOf(err) != test.want || err == nil && len(found) != test.perPage*test.pages {
				t.Errorf("%d, %v", len(found), err)
			}
		})
	}
}

func repeated(entry image.Referrer, n int) (all []image.Referrer) {
	for range n {
		all = append(all, entry)
	}
	return all
}

func TestALinkToNowhereIsNotTheEnd(t *testing.T) {
	registry, access, subject := withSubject(t)
	registry.Behave(registrytest.Rule{Path: "/v2/shop/referrers/*", Answer: func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Link", `<https://other.example.com/>; rel="next"`)
		_, _ = w.Write([]byte(`{"manifests":[]}`))
	}})
	if found, err := access.Referrers(context.Background(), subject); reasonOf(err) != outcome.ReferrersUnreadable {
		t.Errorf("got %v, %v", found, err)
	}
}

func TestAnArtifactNamesItsSubject(t *testing.T) {
	registry, access, subject := withSubject(t)
	other := must[v1.Hash](t)(registry.Push("shop:2", must[v1.Image](t)(registrytest.ManyLayers(2))))
	at := must[v1.Hash](t)(access.Attach(context.Background(), subject, note))
	for of, want := range map[string]outcome.Reason{subject.DigestStr(): "", other.String(): outcome.ContentDamaged} {
		asked := must[name.Digest](t)(access.Digest(registry.Ref("shop"), of))
		if _, err := access.Artifact(context.Background(), asked, at); reasonOf(err) != want {
			t.Errorf("%s: got %v, want %q", of, err, want)
		}
	}
}

// FuzzReferrers holds that an index which others wrote keeps their entries when one is added.
func FuzzReferrers(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"m","size":1,"digest":"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","x":{"y":1}}],"annotations":{"a":"b"}}`))
	f.Add([]byte(`{"manifests":[]}`))
	f.Add([]byte(`{"manifests":[{}]}`))
	added := image.Referrer{}
	added.Digest.Algorithm, added.Digest.Hex = "sha256", strings.Repeat("b", 64)
	f.Fuzz(func(t *testing.T, raw []byte) {
		entries, written, err := image.WithReferrer(raw, added)
		if err != nil {
			return
		}
		if again, _, err := image.WithReferrer(written, added); err != nil || again != entries+1 {
			t.Errorf("%q had %d entries and became %q with %d (%v)", raw, entries, written, again, err)
		}
	})
}
