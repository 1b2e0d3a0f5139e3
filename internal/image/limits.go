package image

import (
	"fmt"
	"time"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Limits bound what an image may make us fetch, unpack and keep in mind. A zero field means the default, which the
// images that people really have pass: tens of gigabytes, single files of several, hundreds of thousands of files.
type Limits struct {
	ManifestBytes int64 // of a manifest, an index, a list, a token: of every answer that is no blob
	ConfigBytes   int64
	IndexEntries  int64
	Layers        int64

	LayerBytes         int64 // of one layer, as the registry holds it
	UnpackedLayerBytes int64
	UnpackedBytes      int64 // of all layers of one image
	LayerFiles         int64 // in one layer; see walk.weigh for what counts
	Files              int64 // in all layers of one image
	FileBytes          int64
	PathLength         int64
	PathDepth          int64
	CompressionRatio   int64 // unpacked to packed, of a layer that unpacks to more than unsuspicious

	Stall time.Duration // how long nothing, or next to nothing, may come
}

// unsuspicious is how much a layer may unpack to whatever the ratio: an empty lastlog, a swap file and zeroed disk
// images are in real layers, and this much of it does no harm.
const unsuspicious = 1 << 30

// maxIndexNesting is no field: nobody builds indexes within indexes within indexes.
const maxIndexNesting = 4

// DefaultLimits are what a zero field of Limits means.
func DefaultLimits() Limits {
	return Limits{
		ManifestBytes: 8 << 20, // registries allow 4 MiB
		ConfigBytes:   8 << 20,
		IndexEntries:  1000,
		Layers:        512, // engines mount at most 128

		LayerBytes:         32 << 30,
		UnpackedLayerBytes: 64 << 30,
		UnpackedBytes:      64 << 30,
		LayerFiles:         1_000_000, // a big monorepo's node_modules have 300 000
		Files:              1_000_000,
		FileBytes:          32 << 30,
		PathLength:         4096, // PATH_MAX
		PathDepth:          256,
		CompressionRatio:   200, // of deflate on text 10, on zeros 1000

		Stall: time.Minute,
	}
}

// orDefault fills in what was left out.
func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	for _, field := range []struct{ is, standard *int64 }{
		{&l.ManifestBytes, &d.ManifestBytes}, {&l.ConfigBytes, &d.ConfigBytes}, {&l.IndexEntries, &d.IndexEntries}, {&l.Layers, &d.Layers},
		{&l.LayerBytes, &d.LayerBytes}, {&l.UnpackedLayerBytes, &d.UnpackedLayerBytes}, {&l.UnpackedBytes, &d.UnpackedBytes},
		{&l.LayerFiles, &d.LayerFiles}, {&l.Files, &d.Files}, {&l.FileBytes, &d.FileBytes},
		{&l.PathLength, &d.PathLength}, {&l.PathDepth, &d.PathDepth}, {&l.CompressionRatio, &d.CompressionRatio},
	} {
		if *field.is == 0 {
			*field.is = *field.standard
		}
	}
	if l.Stall == 0 {
		l.Stall = d.Stall
	}
	return l
}

// beyond is the ending for what is larger than a bound; flag is the input that raises it.
func beyond(flag, format string, a ...any) *outcome.Error {
	return outcome.New(outcome.TooLarge, format, a...).Hint("if the image is to be trusted, --%s raises the bound", flag)
}

// Size is a number of bytes as people read it: exact, and rounded where that helps.
func Size(n int64) string {
	const units = "KMGTPE"
	if n < 10<<10 {
		return fmt.Sprintf("%d bytes", n)
	}
	value, unit := float64(n), -1
	for value >= 1024 && unit < len(units)-1 {
		value /= 1024
		unit++
	}
	return fmt.Sprintf("%.4g %ciB", value, units[unit])
}

// shown is a path of an image as messages give it: no control characters, and not longer than a line.
func shown(path string) string {
	if len(path) > 200 {
		return fmt.Sprintf("%q...", path[:200])
	}
	return fmt.Sprintf("%q", path)
}
