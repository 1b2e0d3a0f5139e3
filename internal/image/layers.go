package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/stepseal/stepseal/internal/outcome"
)

// measured is an image whose layers are given from a Pool, where they were hashed, bounded and counted on their way in.
type measured struct {
	v1.Image
	layers   []*checkedLayer
	done     atomic.Int64 // compressed bytes
	total    int64
	progress func(done, total int64)

	mu       sync.Mutex
	unpacked []*Layer // by Image.Unpack
	fault    error
}

func measure(img v1.Image, doc *v1.Manifest, diffIDs []v1.Hash, progress func(done, total int64)) (*measured, error) {
	m := &measured{Image: img, progress: progress}
	for n, desc := range doc.Layers {
		inner, err := img.LayerByDigest(desc.Digest)
		if err != nil {
			return nil, outcome.New(outcome.ContentDamaged, "layer %d (%s)", n+1, desc.Digest).Because(err)
		}
		m.total += desc.Size
		m.layers = append(m.layers, &checkedLayer{image: m, inner: inner, desc: desc, diffID: diffIDs[n], number: n + 1})
	}
	return m, nil
}

func (m *measured) Layers() ([]v1.Layer, error) {
	list := make([]v1.Layer, len(m.layers))
	for n, layer := range m.layers {
		list[n] = layer
	}
	return list, nil
}

func (m *measured) LayerByDigest(h v1.Hash) (v1.Layer, error) {
	for _, layer := range m.layers {
		if layer.desc.Digest == h {
			return layer, nil
		}
	}
	return m.Image.LayerByDigest(h)
}

func (m *measured) LayerByDiffID(h v1.Hash) (v1.Layer, error) {
	for _, layer := range m.layers {
		if layer.diffID == h {
			return layer, nil
		}
	}
	return m.Image.LayerByDiffID(h)
}

func (m *measured) err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.fault
}

func (m *measured) fail(err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fault == nil {
		m.fault = err
	}
	return err
}

func (m *measured) advance(n int64) {
	if done := m.done.Add(n); m.progress != nil {
		m.progress(done, m.total)
	}
}

// checkedLayer is one layer of an image: packed as it lies in the registry, and unpacked as it lies in the pool.
type checkedLayer struct {
	image  *measured
	inner  v1.Layer
	desc   v1.Descriptor
	diffID v1.Hash
	number int
}

func (l *checkedLayer) Digest() (v1.Hash, error)             { return l.desc.Digest, nil }
func (l *checkedLayer) DiffID() (v1.Hash, error)             { return l.diffID, nil }
func (l *checkedLayer) Size() (int64, error)                 { return l.desc.Size, nil }
func (l *checkedLayer) MediaType() (types.MediaType, error)  { return l.desc.MediaType, nil }
func (l *checkedLayer) Descriptor() (*v1.Descriptor, error)  { return &l.desc, nil }
func (l *checkedLayer) Compressed() (io.ReadCloser, error)   { return l.open() }
func (l *checkedLayer) Uncompressed() (io.ReadCloser, error) { return l.file() }
func (l *checkedLayer) identity() identity                   { return identity{l.desc.Digest, l.diffID} }

func (l *checkedLayer) String() string { return fmt.Sprintf("layer %d (%s)", l.number, l.desc.Digest) }

func (l *checkedLayer) damaged(format string, a ...any) error {
	return outcome.New(outcome.ContentDamaged, "%s %s", l, fmt.Sprintf(format, a...))
}

// file is the layer in the pool.
func (l *checkedLayer) file() (io.ReadCloser, error) {
	l.image.mu.Lock()
	unpacked := l.image.unpacked
	l.image.mu.Unlock()
	if unpacked == nil {
		return nil, l.image.fail(fmt.Errorf("%s is not unpacked yet", l))
	}
	f, err := os.Open(unpacked[l.number-1].Path)
	if err != nil {
		return nil, l.image.fail(err)
	}
	return f, nil
}

func (l *checkedLayer) open() (*checkedBody, error) {
	body, err := l.inner.Compressed()
	if err != nil {
		return nil, faultOfContent(l.String(), err)
	}
	return &checkedBody{layer: l, body: body, sum: sha256.New()}, nil
}

// checkedBody is the packed bytes, which are those of the manifest or an error.
type checkedBody struct {
	layer  *checkedLayer
	body   io.ReadCloser
	sum    hash.Hash
	read   int64
	failed error // what Read said, which decoders may hide
}

func (b *checkedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	b.read += int64(n)
	b.sum.Write(p[:n])
	b.layer.image.advance(int64(n))
	switch {
	case b.read > b.layer.desc.Size:
		return 0, b.fail(b.layer.damaged("is longer than the %d bytes that the manifest gives", b.layer.desc.Size))
	case errors.Is(err, io.EOF):
		if wrong := b.finish(); wrong != nil {
			return n, b.fail(wrong)
		}
		return n, io.EOF
	case err != nil:
		return n, b.fail(faultOfContent(b.layer.String(), err))
	}
	return n, nil
}

func (b *checkedBody) fail(err error) error {
	b.failed = err
	return err
}

func (b *checkedBody) finish() error {
	if b.read != b.layer.desc.Size {
		return b.layer.damaged("ends after %d of %d bytes", b.read, b.layer.desc.Size)
	}
	if got := hex.EncodeToString(b.sum.Sum(nil)); got != b.layer.desc.Digest.Hex {
		return b.layer.damaged("has other content: its digest is sha256:%s", got)
	}
	return nil
}

func (b *checkedBody) Close() error { return b.body.Close() }

// faultOfContent is fault for a blob that is being read: what is neither the network nor the registry is the content.
func faultOfContent(what string, err error) error {
	var known *outcome.Error
	if statusOf(err) == http.StatusNotFound {
		return outcome.New(outcome.ContentDamaged, "%s is missing in the registry", what)
	}
	if statusOf(err) != 0 || errors.As(err, &known) || errors.Is(err, context.Canceled) || isNetwork(err) {
		return fault(what, err)
	}
	return outcome.New(outcome.ContentDamaged, "%s is cut short or changed", what).Because(discreet{err})
}
