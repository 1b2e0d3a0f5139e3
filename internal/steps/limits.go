package steps

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/memory"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/sbom"
	"github.com/stepseal/stepseal/internal/step"
)

// The bounds on what an image may be. Their defaults are the ones of image.Limits, which the reference shows.
var (
	maxManifestSizeInput = step.Bytes(step.Declaration{Name: "max-manifest-size", Default: "8MiB", Section: "limits",
		Usage: "how large a manifest, an index or another answer of the registry that is no layer may be"})
	maxConfigSizeInput = step.Bytes(step.Declaration{Name: "max-config-size", Default: "8MiB", Section: "limits",
		Usage: "how large the config of an image may be"})
	maxIndexEntriesInput = step.Count(step.Declaration{Name: "max-index-entries", Default: "1000", Section: "limits",
		Usage: "how many manifests an index may list"})
	maxLayersInput = step.Count(step.Declaration{Name: "max-layers", Default: "512", Section: "limits",
		Usage: "how many layers an image may have"})
	maxLayerSizeInput = step.Bytes(step.Declaration{Name: "max-layer-size", Default: "32GiB", Section: "limits",
		Usage: "how large a layer may be as the registry holds it"})
	maxUnpackedLayerSizeInput = step.Bytes(step.Declaration{Name: "max-unpacked-layer-size", Default: "64GiB", Section: "limits",
		Usage: "how much a layer may unpack to"})
	maxUnpackedSizeInput = step.Bytes(step.Declaration{Name: "max-unpacked-size", Default: "64GiB", Section: "limits",
		Usage: "how much all layers of an image may unpack to, and how much the archives in it"})
	maxCompressionRatioInput = step.Count(step.Declaration{Name: "max-compression-ratio", Default: "200", Section: "limits",
		Usage: "how many times its size a layer may unpack to, beyond 1 GiB"})
	maxLayerFilesInput = step.Count(step.Declaration{Name: "max-layer-files", Default: "1000000", Section: "limits",
		Usage: "how many files a layer may hold; folders that it does not list, and each 4 KiB of a file's tar header, count too"})
	maxFilesInput = step.Count(step.Declaration{Name: "max-files", Default: "1000000", Section: "limits",
		Usage: "how many files all layers of an image may hold, counted as for max-layer-files"})
	maxFileSizeInput = step.Bytes(step.Declaration{Name: "max-file-size", Default: "32GiB", Section: "limits",
		Usage: "how large a file may be"})
	maxPackageFileSizeInput = step.Bytes(step.Declaration{Name: "max-package-file-size", Default: "256MiB", Section: "limits",
		Usage: "how large a file may be that lists packages and is read whole, such as a lock file or a package database"})
	maxPathLengthInput = step.Count(step.Declaration{Name: "max-path-length", Default: "4096", Section: "limits",
		Usage: "how many bytes a path, or the target of a link, may have"})
	maxPathDepthInput = step.Count(step.Declaration{Name: "max-path-depth", Default: "256", Section: "limits",
		Usage: "how many folders deep a path may be"})
	stallTimeoutInput = step.Parsed(step.Declaration{Name: "stall-timeout", Placeholder: "DURATION", Default: "1m", Section: "limits",
		Usage: "how long a registry may send nothing, or less than 1 KiB a second"}, parseStall)
	memoryLimitInput = step.Bytes(step.Declaration{Name: "memory-limit", Section: "limits",
		Usage: "how much memory cataloguing may take; unset, what the control group of the process, or the machine, has"})
)

// What steps that only read manifests need, and what those that read layers need besides.
var (
	limitingManifests = []step.Input{maxManifestSizeInput, maxConfigSizeInput, maxIndexEntriesInput, maxLayersInput, maxLayerSizeInput, stallTimeoutInput}
	limitingLayers    = []step.Input{maxUnpackedLayerSizeInput, maxUnpackedSizeInput, maxCompressionRatioInput, maxLayerFilesInput, maxFilesInput,
		maxFileSizeInput, maxPackageFileSizeInput, maxPathLengthInput, maxPathDepthInput, memoryLimitInput}
)

// limits are the bounds of this run; what the step does not ask for stays zero, which is the default.
func limits(r *step.Run) image.Limits {
	return image.Limits{
		ManifestBytes: maxManifestSizeInput.Of(r), ConfigBytes: maxConfigSizeInput.Of(r), IndexEntries: maxIndexEntriesInput.Of(r), Layers: maxLayersInput.Of(r),
		LayerBytes: maxLayerSizeInput.Of(r), UnpackedLayerBytes: maxUnpackedLayerSizeInput.Of(r), UnpackedBytes: maxUnpackedSizeInput.Of(r),
		CompressionRatio: maxCompressionRatioInput.Of(r), LayerFiles: maxLayerFilesInput.Of(r), Files: maxFilesInput.Of(r), FileBytes: maxFileSizeInput.Of(r),
		PathLength: maxPathLengthInput.Of(r), PathDepth: maxPathDepthInput.Of(r), Stall: stallTimeoutInput.Of(r),
	}
}

// bounds are those of the cataloguing. The platforms of an index share the memory.
func (c *chain) bounds() sbom.Bounds {
	c.content.once.Do(func() {
		c.content.memory = c.Memory
		if named := memoryLimitInput.Of(c.Run); named > 0 {
			memory.Bound(named)
			c.content.memory = named
		}
		c.content.shared = semaphore.NewWeighted(max(c.content.memory, 1))
	})
	reserve := func(ctx context.Context, bytes int64) (func(), error) {
		if c.content.memory == 0 {
			return func() {}, nil // nobody knows how much there is
		}
		share := min(bytes, c.content.memory) // a large image is catalogued alone
		return func() { c.content.shared.Release(share) }, c.content.shared.Acquire(ctx, share)
	}
	return sbom.Bounds{Memory: c.content.memory, Disk: maxUnpackedSizeInput.Of(c.Run), Reserve: reserve}
}

func parseStall(text string) (time.Duration, error) {
	stall, err := step.ParseDuration(text)
	if err == nil && stall == 0 {
		err = errors.New("0 would wait for nothing")
	}
	return stall, err
}

// content is what the images of a run share while they are read.
type content struct {
	once   sync.Once
	memory int64 // 0 where nobody knows
	shared *semaphore.Weighted

	opening sync.Once
	pool    *image.Pool
	failed  error

	texts sbom.LicenceTexts
}

// openPool is where the layers of this run lie unpacked, each once.
func (c *chain) openPool() (*image.Pool, error) {
	c.content.opening.Do(func() {
		c.content.pool, c.content.failed = image.NewPool(c.Scratch, sbom.Weigh(maxPackageFileSizeInput.Of(c.Run)))
	})
	if c.content.failed != nil {
		return nil, outcome.New(outcome.Unexpected, "no folder for the layers").Because(step.Bare(c.content.failed))
	}
	return c.content.pool, nil
}

// letGo removes the layers of a part that is done, but for those that another one still needs.
func (c *chain) letGo(done *part) {
	if c.content.pool == nil || done.img == nil {
		return
	}
	var left []*image.Image
	for _, p := range c.parts {
		if p != done && p.img != nil && !p.done.Load() {
			left = append(left, p.img)
		}
	}
	c.content.pool.Drop(done.img, left)
}
