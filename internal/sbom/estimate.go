package sbom

import (
	"context"
	"fmt"

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

// typically is how many times the estimate a catalogue takes at its peak, garbage included.
const typically = 3

// reserve waits for the memory that the image will most likely take.
func (b Bounds) reserve(ctx context.Context, u *image.Unpacked) (release func(), err error) {
	if b.Reserve == nil {
		return func() {}, nil
	}
	return b.Reserve(ctx, typically*Estimate(u))
}

// fits refuses what would be killed.
func (b Bounds) fits(u *image.Unpacked) error {
	need := Estimate(u)
	if b.Memory == 0 || need <= b.Memory {
		return nil
	}
	return outcome.New(outcome.MemoryTooSmall, "cataloguing needs about %s of memory, and %s are allowed", image.Size(need), image.Size(b.Memory)).
		With(fmt.Sprintf("files in %d layers: %d", len(u.Layers), u.Files()), fmt.Sprintf("package data that is read whole: %s", image.Size(u.Weight())))
}
