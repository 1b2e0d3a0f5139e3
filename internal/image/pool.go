package image

import (
	"archive/tar"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/stepseal/stepseal/internal/outcome"
)

// sideBySide is how many layers are fetched and unpacked at once, of all images of a run: each needs a core, and memory
// for the window of its decoder.
const sideBySide = 2

// Weigh is asked about every file of every layer: an error ends the reading, and what it returns is added up in
// Layer.Weight. The path has no slash in front and is as clean as path.Clean makes it.
type Weigh func(path string, size int64) (int64, error)

// Pool holds the layers of a run unpacked, as files: each is fetched, checked and unpacked once, whoever asks for it
// and however often it occurs. Nothing of a layer is ever extracted, so no path in it leads anywhere.
type Pool struct {
	dir   string
	weigh Weigh
	slots chan struct{}

	mu     sync.Mutex
	layers map[identity]*pooled
}

// identity is what a layer is both ways: one that lies about what it unpacks to is not the one that tells the truth.
type identity struct{ digest, diffID v1.Hash }

type pooled struct {
	done  chan struct{}
	layer *Layer
	err   error
}

// PoolPrefix begins the name of a pool's folder.
const PoolPrefix = "layers-"

// NewPool makes a folder for the layers below scratch. A nil weigh lets every file pass.
func NewPool(scratch string, weigh Weigh) (*Pool, error) {
	dir, err := os.MkdirTemp(scratch, PoolPrefix)
	if weigh == nil {
		weigh = func(string, int64) (int64, error) { return 0, nil }
	}
	return &Pool{dir: dir, weigh: weigh, slots: make(chan struct{}, sideBySide), layers: map[identity]*pooled{}}, err
}

// Close removes the layers.
func (p *Pool) Close() error { return os.RemoveAll(p.dir) }

// Drop removes the layers of an image that none of the others has.
func (p *Pool) Drop(img *Image, others []*Image) {
	kept := map[identity]bool{}
	for _, other := range others {
		for _, layer := range other.layers() {
			kept[layer.identity()] = true
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, layer := range img.layers() {
		entry, ok := p.layers[layer.identity()]
		if !ok || kept[layer.identity()] {
			continue
		}
		delete(p.layers, layer.identity())
		if entry.layer != nil {
			os.Remove(entry.layer.Path)
		}
	}
}

// Layer is one layer, unpacked and within its bounds.
type Layer struct {
	Path   string // a tar
	DiffID v1.Hash
	Bytes  int64
	Files  int64
	Weight int64 // see Weigh
}

// Unpacked is an image whose layers are all there, in its order.
type Unpacked struct{ Layers []*Layer }

// Bytes is what all layers unpack to. A layer that occurs twice counts twice, here and below: whoever reads the image
// reads it twice.
func (u *Unpacked) Bytes() int64 { return u.sum(func(l *Layer) int64 { return l.Bytes }) }

// Files is how many files all layers hold, as Limits.Files counts them.
func (u *Unpacked) Files() int64 { return u.sum(func(l *Layer) int64 { return l.Files }) }

// Weight is what Weigh said of the files of all layers.
func (u *Unpacked) Weight() int64 { return u.sum(func(l *Layer) int64 { return l.Weight }) }

func (u *Unpacked) sum(of func(*Layer) int64) (total int64) {
	for _, layer := range u.Layers {
		total += of(layer)
	}
	return total
}

// Unpack brings all layers into the pool, or says which bound the image exceeds, or what of it is damaged. Content gives
// the layers unpacked from then on.
func (i *Image) Unpack(ctx context.Context, pool *Pool) (*Unpacked, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	layers := i.content.layers
	found, errs := make([]*Layer, len(layers)), make([]error, len(layers))
	var next atomic.Int64
	var all sync.WaitGroup
	account := &account{limits: i.limits}
	for range min(sideBySide, len(layers)) {
		all.Go(func() {
			for n := next.Add(1) - 1; int(n) < len(layers); n = next.Add(1) - 1 {
				if found[n], errs[n] = pool.get(ctx, layers[n], account); errs[n] != nil {
					stop()
				}
			}
		})
	}
	all.Wait()
	if err := first(errs); err != nil {
		return nil, i.content.fail(err)
	}
	i.content.mu.Lock()
	defer i.content.mu.Unlock()
	i.content.unpacked = found
	return &Unpacked{Layers: found}, nil
}

// first is the error of the lowest layer, before those that only followed from another one.
func first(errs []error) error {
	var stopped error
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
		stopped = errors.Join(stopped, err)
	}
	return stopped
}

// get is the layer; whoever comes second waits for the first, and begins anew where that one was stopped.
func (p *Pool) get(ctx context.Context, of *checkedLayer, account *account) (*Layer, error) {
	for {
		p.mu.Lock()
		entry, known := p.layers[of.identity()]
		if !known {
			entry = &pooled{done: make(chan struct{})}
			p.layers[of.identity()] = entry
		}
		p.mu.Unlock()
		if !known {
			return p.make(ctx, entry, of, account)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-entry.done:
		}
		if entry.err == nil {
			of.image.advance(of.desc.Size)
			return entry.layer, account.take(entry.layer)
		}
		if !errors.Is(entry.err, context.Canceled) || ctx.Err() != nil {
			return nil, entry.err
		}
	}
}

func (p *Pool) make(ctx context.Context, entry *pooled, of *checkedLayer, account *account) (*Layer, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
		entry.layer, entry.err = p.unpack(ctx, of, account)
	case <-ctx.Done():
		entry.err = ctx.Err()
	}
	if entry.err != nil && ctx.Err() != nil {
		entry.err = ctx.Err()
	}
	if errors.Is(entry.err, context.Canceled) {
		p.mu.Lock()
		delete(p.layers, of.identity())
		p.mu.Unlock()
	}
	close(entry.done)
	return entry.layer, entry.err
}

// unpack fetches the layer into a file of the pool, which is gone again where something is wrong with it.
func (p *Pool) unpack(ctx context.Context, of *checkedLayer, account *account) (*Layer, error) {
	if !of.desc.MediaType.IsDistributable() {
		return p.foreign(of)
	}
	file, err := os.CreateTemp(p.dir, "layer-")
	if err != nil {
		return nil, roomless(of.String(), p.dir, err)
	}
	s := &stream{layer: of, account: account, file: file, weigh: p.weigh}
	unpacked, err := s.read(ctx)
	if closing := file.Close(); err == nil && closing != nil {
		err = roomless(of.String(), p.dir, closing)
	}
	if err != nil {
		os.Remove(file.Name())
		return nil, err
	}
	unpacked.Path = file.Name()
	return unpacked, nil
}

// foreign stands in for a layer that no registry hands on, and that somebody allowed to be left out.
func (p *Pool) foreign(of *checkedLayer) (*Layer, error) {
	file, err := os.CreateTemp(p.dir, "foreign-")
	if err != nil {
		return nil, roomless(of.String(), p.dir, err)
	}
	err = errors.Join(tar.NewWriter(file).Close(), file.Close())
	return &Layer{Path: file.Name(), DiffID: of.diffID}, err
}

// account adds up what all layers of one image hold.
type account struct {
	limits       Limits
	bytes, files atomic.Int64
}

func (a *account) take(l *Layer) error { return errors.Join(a.addBytes(l.Bytes), a.addFiles(l.Files)) }

func (a *account) addBytes(n int64) error {
	if a.bytes.Add(n) > a.limits.UnpackedBytes {
		return beyond("max-unpacked-size", "the layers unpack to more than %s", Size(a.limits.UnpackedBytes))
	}
	return nil
}

func (a *account) addFiles(n int64) error {
	if a.files.Add(n) > a.limits.Files {
		return beyond("max-files", "the layers hold more than %d files", a.limits.Files)
	}
	return nil
}

// roomless tells a disk that is full from one that fails.
func roomless(what, dir string, err error) error {
	if !full(err) {
		return outcome.New(outcome.Unexpected, "%s cannot be unpacked into %s", what, filepath.Dir(dir)).Because(err)
	}
	return outcome.New(outcome.DiskFull, "%s does not fit into the folder for temporary files", what).Because(err)
}
