package sbom

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/anchore/stereoscope/pkg/file"
	stereoscope "github.com/anchore/stereoscope/pkg/image"
	engine "github.com/anchore/syft/syft"
	"github.com/anchore/syft/syft/cataloging"
	syft "github.com/anchore/syft/syft/sbom"
	"github.com/anchore/syft/syft/source"
	"github.com/anchore/syft/syft/source/stereoscopesource"
	_ "github.com/glebarez/go-sqlite" // syft reads RPM databases with it, and grype registers the same one

	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
)

// Tool names the program that a document says it was made by.
type Tool struct {
	Name    string
	Version string
}

// linksPrefix begins the name of the folder with the layers of one image.
const linksPrefix = "catalogue-"

// Create catalogues an image: it brings the layers into the pool, and only when all of them are within their bounds does
// anything look into them. scratch is a folder of the caller's that may be filled; it must outlive the call and nothing
// else.
func Create(ctx context.Context, img *image.Image, tool Tool, pool *image.Pool, scratch string, bounds Bounds) (*Catalogue, error) {
	unpacked, err := img.Unpack(ctx, pool)
	if err != nil {
		return nil, unreadable(ctx, img, err)
	}
	if err := bounds.fits(unpacked); err != nil {
		return nil, about(img, err)
	}
	release, err := bounds.reserve(ctx, unpacked)
	if err != nil {
		return nil, err
	}
	defer release()
	work, err := os.MkdirTemp(scratch, linksPrefix)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	var content *syft.SBOM
	var related edges
	err = guarded(ctx, 20*time.Millisecond, bounds.checks(scratch), func(ctx context.Context) error {
		var err error
		content, related, err = look(ctx, img, unpacked, config(tool), work)
		return err
	})
	if err != nil {
		return nil, unreadable(ctx, img, err)
	}
	return &Catalogue{content: content, from: FromImage, subject: img.Digest.String(), image: img, tool: tool, edges: related}, nil
}

// look has stereoscope index the layers and syft catalogue them, and relates what syft does not.
func look(ctx context.Context, img *image.Image, unpacked *image.Unpacked, cfg *engine.CreateSBOMConfig, work string) (*syft.SBOM, edges, error) {
	temp := file.NewTempDirGenerator("stepseal")
	defer temp.Cleanup()
	if err := place(unpacked, work); err != nil {
		return nil, edges{}, err
	}
	read := stereoscope.New(img.Content(), temp, work, stereoscope.WithManifestDigest(img.Digest.String()))
	defer func() { _ = read.Cleanup() }()
	licensed := withLicenses(ctx, cfg)
	if err := read.Read(ctx); err != nil {
		return nil, edges{}, err
	}
	ctx, err := licensed()
	if err != nil {
		return nil, edges{}, outcome.New(outcome.CatalogueFailed, "the licence texts").Because(err)
	}
	src := stereoscopesource.New(read, stereoscopesource.ImageConfig{Reference: img.Name()})
	content, err := engine.CreateSBOM(ctx, src, cfg)
	if err != nil {
		return nil, edges{}, err
	}
	files, err := src.FileResolver(source.SquashedScope)
	if err != nil {
		return nil, edges{}, err
	}
	tidy(content, files, os.TempDir())
	related := relate(content, files)
	// What a library has swallowed may be what a package was in.
	return content, related, img.Err()
}

// place puts the layers where stereoscope looks before it unpacks one itself, as further names of the same files. Where
// that is not possible, or not where it looks, it copies what the image gives it.
// https://github.com/anchore/stereoscope/blob/v0.3.4/pkg/image/layer.go
func place(unpacked *image.Unpacked, dir string) error {
	for n, layer := range unpacked.Layers {
		name := fmt.Sprintf("%d-%s", n, strings.ReplaceAll(layer.DiffID.String(), ":", "-"))
		if err := os.Link(layer.Path, filepath.Join(dir, name)); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}

// withLicenses begins to compile the texts of all licences, which takes most of a second of one core, and returns the
// function that waits for it: meanwhile the layers are indexed.
func withLicenses(ctx context.Context, cfg *engine.CreateSBOMConfig) func() (context.Context, error) {
	var licensed context.Context
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		licensed, err = engine.SetContextLicenseScanner(ctx, cfg.Licenses)
	}()
	return func() (context.Context, error) {
		<-done
		return licensed, err
	}
}

// config is syft's default, as its CLI uses it, but for three things. Go symbols are captured, as the grype CLI does:
// without them a binary is blamed for every vulnerable function of a module, called or not. Files are not digested:
// no document lists them unless asked, and reading every byte of an image again costs seconds. What could not be read is
// kept, even where something else was found in the same file, and nothing is added for files that hold no package.
func config(tool Tool) *engine.CreateSBOMConfig {
	cfg := engine.DefaultCreateSBOMConfig().WithTool(tool.Name, tool.Version).WithoutFiles().
		WithUnknownsConfig(cataloging.UnknownsConfig{})
	cfg.Packages.Golang = cfg.Packages.Golang.WithCaptureSymbols(cataloging.SymbolScopeAll)
	return cfg
}

// unreadable prefers what the image itself says went wrong: on the way through the libraries the reason gets lost.
func unreadable(ctx context.Context, img *image.Image, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if cause := img.Err(); cause != nil {
		err = cause
	}
	if known := new(outcome.Error); errors.As(err, &known) {
		return about(img, known)
	}
	return outcome.New(outcome.CatalogueFailed, "%s", img.Name()).Because(err)
}

// about puts the image before an ending, and keeps its evidence and advice.
func about(img *image.Image, err error) error {
	known := outcome.Of(err)
	of := outcome.New(known.Reason, "%s: %s", img.Name(), known.Error()).With(known.Evidence...)
	of.Hints = known.Hints
	return of
}
