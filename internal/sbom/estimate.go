package sbom

import (
	"context"
	"fmt"
	"sync"

	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
)

// What cataloguing takes, as measured with syft v1.54.1; docs/limits.md has the table. The estimate is on the low side:
// what it lets pass by mistake is ended when it happens, and what it refuses could not have worked.
const (
	baseBytes  = 100 << 20
	bytesAFile = 2 << 10 // for each file of each layer, in the trees and the index
	bytesAByte = 3       // for each byte of a file that is read whole
)

// Estimate is about how many bytes of memory the cataloguing of an image needs at least.
func Estimate(u *image.Unpacked) int64 {
	return baseBytes + bytesAFile*u.Files() + bytesAByte*u.Weight()
}

// Budget is the memory of this process, which the images of a run that are catalogued side by side share. nil, and one
// of nothing, bound nothing.
type Budget struct {
	bytes int64

	mu    sync.Mutex
	taken int64
	freed chan struct{} // closed, and made anew, when somebody gives back
}

// NewBudget is a budget of so many bytes.
func NewBudget(bytes int64) *Budget { return &Budget{bytes: bytes, freed: make(chan struct{})} }

func (b *Budget) total() int64 {
	if b == nil {
		return 0
	}
	return b.bytes
}

// take refuses an image that would get the process killed, and lets one that fits wait until others leave it room. An
// image takes twice its least: that is what was measured.
func (b *Budget) take(ctx context.Context, u *image.Unpacked) (back func(), err error) {
	if b.total() == 0 {
		return func() {}, nil
	}
	need := Estimate(u)
	if need > b.bytes {
		return nil, outcome.New(outcome.MemoryTooSmall, "cataloguing needs about %s of memory, and %s are allowed", image.Size(need), image.Size(b.bytes)).
			With(fmt.Sprintf("files in %d layers: %d", len(u.Layers), u.Files()), "package data that is read whole: "+image.Size(u.Weight()))
	}
	need = min(2*need, b.bytes)
	for {
		b.mu.Lock()
		if b.taken == 0 || b.taken+need <= b.bytes {
			b.taken += need
			b.mu.Unlock()
			return func() { b.give(need) }, nil
		}
		freed := b.freed
		b.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-freed:
		}
	}
}

func (b *Budget) give(bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taken -= bytes
	close(b.freed)
	b.freed = make(chan struct{})
}
