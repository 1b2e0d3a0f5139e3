package sbom

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/anchore/stereoscope/pkg/file"
	stereoscope "github.com/anchore/stereoscope/pkg/image"
	"github.com/anchore/syft/syft"
	"github.com/anchore/syft/syft/source"
	"github.com/anchore/syft/syft/source/stereoscopesource"

	"github.com/stepseal/stepseal/internal/registrytest"
)

// BenchmarkEdges compares finding the dependencies of 2,700 npm packages with cataloguing them: it is to be less than a
// tenth of it.
func BenchmarkEdges(b *testing.B) {
	const packages = 2700
	var files []registrytest.File
	for i := range packages {
		var needs []string
		for j := 1; j <= 6 && i+j*j*7 < packages; j++ {
			needs = append(needs, fmt.Sprintf(`"pkg-%04d":"^1.0.0"`, i+j*j*7))
		}
		folder := fmt.Sprintf("srv/app/node_modules/pkg-%04d", i)
		if i%5 == 4 { // a second version, below the one that needs it
			folder = fmt.Sprintf("srv/app/node_modules/pkg-%04d/node_modules/pkg-%04d", i-1, i)
		}
		files = append(files, registrytest.File{Path: folder + "/package.json", Body: fmt.Sprintf(
			`{"name":"pkg-%04d","version":"1.0.%d","license":"MIT","description":%q,"dependencies":{%s}}`, i, i%7, strings.Repeat("words ", 200), strings.Join(needs, ","))})
	}
	app, err := registrytest.App(registrytest.AppOptions{Files: files})
	if err != nil {
		b.Fatal(err)
	}
	read := stereoscope.New(app, file.NewTempDirGenerator("bench"), b.TempDir())
	defer read.Cleanup()
	if err := read.Read(context.Background()); err != nil {
		b.Fatal(err)
	}
	src := stereoscopesource.New(read, stereoscopesource.ImageConfig{Reference: "bench"})
	content, err := syft.CreateSBOM(context.Background(), src, config(Tool{"stepseal", "test"}))
	if err != nil {
		b.Fatal(err)
	}
	resolver, err := src.FileResolver(source.SquashedScope)
	if err != nil {
		b.Fatal(err)
	}
	before := slices.Clip(content.Relationships)
	b.Run("catalogue", func(b *testing.B) {
		for b.Loop() {
			if _, err := syft.CreateSBOM(context.Background(), src, config(Tool{"stepseal", "test"})); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("edges", func(b *testing.B) {
		for b.Loop() {
			content.Relationships = before
			if found := relate(content, resolver); len(found.known) < packages {
				b.Fatalf("%d packages with a manifest", len(found.known))
			}
		}
		b.ReportMetric(float64(len(content.Relationships)-len(before)), "edges")
	})
}
