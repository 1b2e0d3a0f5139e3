package steps

import (
	"testing"
	"time"

	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/sbom"
	"github.com/stepseal/stepseal/internal/step"
)

// The defaults are written twice: as people type them, and as the domain means them.
func TestTheDefaultsAreTheDomains(t *testing.T) {
	l := image.DefaultLimits()
	for in, want := range map[*step.In[int64]]int64{
		maxManifestSizeInput: l.ManifestBytes, maxConfigSizeInput: l.ConfigBytes, maxIndexEntriesInput: l.IndexEntries, maxLayersInput: l.Layers,
		maxLayerSizeInput: l.LayerBytes, maxUnpackedLayerSizeInput: l.UnpackedLayerBytes, maxUnpackedSizeInput: l.UnpackedBytes,
		maxCompressionRatioInput: l.CompressionRatio, maxLayerFilesInput: l.LayerFiles, maxFilesInput: l.Files, maxFileSizeInput: l.FileBytes,
		maxPathLengthInput: l.PathLength, maxPathDepthInput: l.PathDepth, maxPackageFileSizeInput: sbom.DefaultPackageFileBytes,
	} {
		d := in.Declaration()
		if got, err := step.ParseBytes(d.Default); got != want || err != nil {
			t.Errorf("%s is %s, and the domain says %d", d.Name, d.Default, want)
		}
	}
	if got, err := time.ParseDuration(stallTimeoutInput.Declaration().Default); got != l.Stall || err != nil {
		t.Errorf("stall-timeout is %s, and the domain says %s", got, l.Stall)
	}
}
