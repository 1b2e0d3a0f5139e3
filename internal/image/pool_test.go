package image_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
)

// twice is an image in which each layer of another occurs twice.
func twice(t *testing.T) v1.Image {
	t.Helper()
	once := must[v1.Image](t)(registrytest.ManyLayers(3))
	return must[v1.Image](t)(mutate.AppendLayers(once, must[[]v1.Layer](t)(once.Layers())...))
}

func TestALayerIsFetchedOnceForAll(t *testing.T) {
	registry := start(t)
	must[v1.Hash](t)(registry.Push("shop:1", twice(t)))
	must[v1.Hash](t)(registry.Push("shop:2", must[v1.Image](t)(registrytest.ManyLayers(3))))
	pool := must[*image.Pool](t)(image.NewPool(t.TempDir(), nil))
	var images []*image.Image
	for _, tag := range []string{"shop:1", "shop:2", "shop:1"} {
		images = append(images, must[*image.Image](t)(open(t, image.Access{}, registry.Ref(tag))))
	}
	registry.Forget()
	var all sync.WaitGroup
	for _, img := range images {
		all.Go(func() {
			unpacked, err := img.Unpack(context.Background(), pool)
			if err != nil || len(unpacked.Layers) == 0 || unpacked.Files() != int64(2*len(unpacked.Layers)) {
				t.Errorf("got %+v, %v", unpacked, err)
			}
		})
	}
	all.Wait()
	if n := registry.Requests().Count("GET", "/v2/shop/blobs/*"); n != 3 {
		t.Errorf("%d downloads of 3 layers", n)
	}
	for _, img := range images {
		for _, layer := range must[[]v1.Layer](t)(img.Content().Layers()) {
			body := must[io.ReadCloser](t)(layer.Uncompressed())
			sum, _, err := v1.SHA256(body)
			if is := must[v1.Hash](t)(layer.DiffID()); err != nil || sum != is {
				t.Errorf("the pool holds %s, and the layer is %s, %v", sum, is, err)
			}
			body.Close()
		}
	}
}

// A layer that was being fetched for an image that was given up is fetched anew for another one.
func TestAnImageThatIsGivenUpStopsNoOther(t *testing.T) {
	registry := start(t)
	must[v1.Hash](t)(registry.Push("shop:1", must[v1.Image](t)(registrytest.ManyLayers(1))))
	first := must[*image.Image](t)(open(t, image.Access{}, registry.Ref("shop:1")))
	second := must[*image.Image](t)(open(t, image.Access{}, registry.Ref("shop:1")))
	registry.Forget()
	registry.Behave(registrytest.Rule{Method: "GET", Path: "/v2/shop/blobs/*", Times: 1, Answer: registrytest.Stalled()})
	pool := must[*image.Pool](t)(image.NewPool(t.TempDir(), nil))
	ctx, stop := context.WithCancel(context.Background())
	given := make(chan error, 2)
	go func() { _, err := first.Unpack(ctx, pool); given <- err }()
	for registry.Requests().Count("GET", "/v2/shop/blobs/*") == 0 {
		if t.Context().Err() != nil {
			t.Fatal("no request")
		}
	}
	go func() { _, err := second.Unpack(context.Background(), pool); given <- err }()
	stop()
	if err := errors.Join(<-given, <-given); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if second.Err() != nil {
		t.Errorf("the second image: %v", second.Err())
	}
}

func TestARefusedLayerLeavesNothing(t *testing.T) {
	layer := must[[]byte](t)(registrytest.Tar(nil, file("a", 100<<10)))
	registry := start(t)
	must[v1.Hash](t)(registry.Push("shop:1", must[v1.Image](t)(registrytest.Raw(must[[]byte](t)(registrytest.Gzip(layer))))))
	dir := t.TempDir()
	pool := must[*image.Pool](t)(image.NewPool(dir, nil))
	for _, limits := range []image.Limits{{}, {FileBytes: 10}} { // the diff_id lies
		img := must[*image.Image](t)(open(t, image.Access{Limits: limits}, registry.Ref("shop:1")))
		if _, err := img.Unpack(context.Background(), pool); reasonOf(err) != outcome.ContentDamaged || reasonOf(img.Err()) != reasonOf(err) {
			t.Errorf("got %v", err)
		}
	}
	for _, folder := range must[[]os.DirEntry](t)(os.ReadDir(dir)) {
		if left := must[[]os.DirEntry](t)(os.ReadDir(dir + "/" + folder.Name())); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	}
	if err := pool.Close(); err != nil || len(must[[]os.DirEntry](t)(os.ReadDir(dir))) > 0 {
		t.Errorf("the pool is still there: %v", err)
	}
}

// Zeros become holes, and are zeros again for whoever reads.
func TestZerosAreKept(t *testing.T) {
	layer := must[[]byte](t)(registrytest.Tar(map[string]string{"z": "end"}, file("a", 3<<20), file("z", 0)))
	registry := start(t)
	must[v1.Hash](t)(registry.Push("shop:1", must[v1.Image](t)(registrytest.Raw(append(layer, make([]byte, 2<<20)...)))))
	img := must[*image.Image](t)(open(t, image.Access{}, registry.Ref("shop:1")))
	unpacked, err := img.Unpack(context.Background(), must[*image.Pool](t)(image.NewPool(t.TempDir(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	if got := must[[]byte](t)(os.ReadFile(unpacked.Layers[0].Path)); !bytes.Equal(got, append(layer, make([]byte, 2<<20)...)) {
		t.Errorf("%d bytes, or others, became %d", len(layer)+2<<20, len(got))
	}
}
