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
	"sync"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/stepseal/stepseal/internal/outcome"
)

// measured is an image whose layers are hashed, bounded and counted as they are read, whoever reads them.
type measured struct {
	v1.Image
	layers   []v1.Layer
	done     atomic.Int64 // compressed bytes
	unpacked atomic.Int64
	entries  atomic.Int64
	most     limits
	total    int64
	progress func(done, total int64)

	mu    sync.Mutex
	fault error
}

// limits bound what the layers unpack to, all together.
type limits struct{ bytes, entries int64 }

func measure(img v1.Image, doc *v1.Manifest, progress func(done, total int64)) (*measured, error) {
	m := &measured{Image: img, progress: progress, most: limits{bytes: maxUnpacked, entries: maxEntries}}
	for n, desc := range doc.Layers {
		inner, err := img.LayerByDigest(desc.Digest)
		if err != nil {
			return nil, outcome.New(outcome.ContentDamaged, "layer %d (%s)", n+1, desc.Digest).Because(err)
		}
		m.total += desc.Size
		compressed := &checkedLayer{image: m, inner: inner, desc: desc, number: n + 1}
		unpacked, err := partial.CompressedToLayer(compressed)
		if err != nil {
			return nil, err
		}
		m.layers = append(m.layers, &boundedLayer{Layer: unpacked, checked: compressed, diffID: demanded(img, n)})
	}
	return m, nil
}

// demanded is the digest that the nth layer must have when it is unpacked, zero where its own digest was vouched for.
func demanded(img v1.Image, n int) v1.Hash {
	if of, ok := img.(interface{ demanded() []v1.Hash }); ok {
		return of.demanded()[n]
	}
	return v1.Hash{}
}

func (m *measured) Layers() ([]v1.Layer, error) { return m.layers, nil }

func (m *measured) LayerByDigest(h v1.Hash) (v1.Layer, error) {
	for _, layer := range m.layers {
		if d, err := layer.Digest(); err == nil && d == h {
			return layer, nil
		}
	}
	return m.Image.LayerByDigest(h)
}

func (m *measured) LayerByDiffID(h v1.Hash) (v1.Layer, error) {
	digest, err := partial.DiffIDToBlob(m.Image, h)
	if err != nil {
		return nil, err
	}
	return m.LayerByDigest(digest)
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

// checkedLayer is one layer as it lies in the registry.
type checkedLayer struct {
	image  *measured
	inner  v1.Layer
	desc   v1.Descriptor
	number int
}

func (l *checkedLayer) Digest() (v1.Hash, error)            { return l.desc.Digest, nil }
func (l *checkedLayer) Size() (int64, error)                { return l.desc.Size, nil }
func (l *checkedLayer) MediaType() (types.MediaType, error) { return l.desc.MediaType, nil }
func (l *checkedLayer) Descriptor() (*v1.Descriptor, error) { return &l.desc, nil }
func (l *checkedLayer) DiffID() (v1.Hash, error) {
	return partial.BlobToDiffID(l.image.Image, l.desc.Digest)
}
func (l *checkedLayer) String() string { return fmt.Sprintf("layer %d (%s)", l.number, l.desc.Digest) }
func (l *checkedLayer) damaged(format string, a ...any) error {
	return l.image.fail(outcome.New(outcome.ContentDamaged, "%s %s", l, fmt.Sprintf(format, a...)))
}

func (l *checkedLayer) Compressed() (io.ReadCloser, error) {
	body, err := l.inner.Compressed()
	if err != nil {
		return nil, l.image.fail(faultOfContent(l.String(), err))
	}
	return &checkedBody{layer: l, body: body, sum: sha256.New()}, nil
}

type checkedBody struct {
	layer *checkedLayer
	body  io.ReadCloser
	sum   hash.Hash
	read  int64
}

func (b *checkedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	b.read += int64(n)
	b.sum.Write(p[:n])
	m := b.layer.image
	if done := m.done.Add(int64(n)); m.progress != nil {
		m.progress(done, m.total)
	}
	switch {
	case b.read > b.layer.desc.Size:
		return 0, b.layer.damaged("is longer than the %d bytes that the manifest gives", b.layer.desc.Size)
	case errors.Is(err, io.EOF):
		return n, b.finish()
	case err != nil:
		return n, m.fail(faultOfContent(b.layer.String(), err))
	}
	return n, nil
}

func (b *checkedBody) finish() error {
	if b.read != b.layer.desc.Size {
		return b.layer.damaged("ends after %d of %d bytes", b.read, b.layer.desc.Size)
	}
	if got := hex.EncodeToString(b.sum.Sum(nil)); got != b.layer.desc.Digest.Hex {
		return b.layer.damaged("has other content: its digest is sha256:%s", got)
	}
	return io.EOF
}

func (b *checkedBody) Close() error { return b.body.Close() }

// boundedLayer is one layer unpacked.
type boundedLayer struct {
	v1.Layer
	checked *checkedLayer
	diffID  v1.Hash // zero where the digest of the packed bytes says enough
}

func (l *boundedLayer) Uncompressed() (io.ReadCloser, error) {
	packed, err := l.checked.Compressed()
	if err != nil {
		return nil, err
	}
	body, err := unpack(packed)
	if err != nil {
		packed.Close()
		if known := l.checked.image.err(); known != nil {
			return nil, known
		}
		return nil, l.checked.damaged("cannot be unpacked: %v", err)
	}
	u := &unpackedBody{layer: l.checked, body: body}
	if l.diffID.Hex != "" {
		u.diffID, u.sum = l.diffID, sha256.New()
	}
	return u, nil
}

type unpackedBody struct {
	layer   *checkedLayer
	body    io.ReadCloser
	entries entries
	diffID  v1.Hash
	sum     hash.Hash // nil where no diff id is demanded
}

func (b *unpackedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	m := b.layer.image
	if m.unpacked.Add(int64(n)) > m.most.bytes {
		return 0, m.fail(outcome.New(outcome.TooLarge, "the layers unpack to more than %d GiB", m.most.bytes>>30))
	}
	if m.entries.Add(b.entries.count(p[:n])) > m.most.entries {
		return 0, m.fail(outcome.New(outcome.TooLarge, "the layers hold more than %d files", m.most.entries))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		if known := m.err(); known != nil {
			return n, known
		}
		return n, b.layer.damaged("cannot be unpacked: %v", err)
	}
	if b.sum == nil {
		return n, err
	}
	b.sum.Write(p[:n])
	if got := b.sum; errors.Is(err, io.EOF) && hex.EncodeToString(got.Sum(nil)) != b.diffID.Hex {
		return n, b.layer.damaged("has other content: it unpacks to sha256:%x, and the config gives %s", got.Sum(nil), b.diffID)
	}
	return n, err
}

func (b *unpackedBody) Close() error { return b.body.Close() }

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
