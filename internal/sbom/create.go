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
	"github.com/anchore/syft/syft/cataloging/pkgcataloging"
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

// Place is where the images of one run are catalogued.
type Place struct {
	Pool    *image.Pool   // the layers that they share
	Scratch string        // a folder of the caller's that may be filled; it must outlive the call and nothing else
	Texts   *LicenceTexts // for all of them
}

// linksPrefix begins the name of the folder with the layers of one image.
const linksPrefix = "catalogue-"

// Create catalogues an image, or a folder: it brings the layers into the pool, and only when all of them are within their bounds does
// anything look into them.
func Create(ctx context.Context, img *image.Image, tool Tool, in Place, bounds Bounds) (*Catalogue, error) {
	if img.Reference.Folder() != "" {
		return createFromFolder(ctx, img, tool, img.FolderLimits(), bounds.checks(in.Scratch))
	}
	licensed := in.Texts.compile()
	unpacked, err := img.Unpack(ctx, in.Pool)
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
	work, err := os.MkdirTemp(in.Scratch, linksPrefix)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	var content *syft.SBOM
	var related edges
	err = guarded(ctx, 20*time.Millisecond, bounds.checks(in.Scratch), func(ctx context.Context) error {
		var err error
		content, related, err = look(ctx, img, unpacked, config(tool), licensed, work)
		return err
	})
	if err != nil {
		return nil, unreadable(ctx, img, err)
	}
	return &Catalogue{content: content, from: FromImage, subject: img.Subject(), image: img, tool: tool, edges: related}, nil
}

// look has stereoscope index the layers and syft catalogue them, and relates what syft does not.
func look(ctx context.Context, img *image.Image, unpacked *image.Unpacked, cfg *engine.CreateSBOMConfig, licensed func(context.Context) (context.Context, error), work string) (*syft.SBOM, edges, error) {
	temp := file.NewTempDirGenerator("stepseal")
	defer temp.Cleanup()
	if err := place(unpacked, work); err != nil {
		return nil, edges{}, err
	}
	read := reader(img, temp, work)
	defer func() { _ = read.Cleanup() }()
	if err := read.Read(ctx); err != nil {
		return nil, edges{}, err
	}
	ctx, err := licensed(ctx)
	if err != nil {
		return nil, edges{}, outcome.New(outcome.CatalogueFailed, "the licence texts").Because(err)
	}
	src := stereoscopesource.New(read, sourceOf(img))
	content, err := engine.CreateSBOM(ctx, src, cfg)
	if err != nil {
		return nil, edges{}, err
	}
	files, err := src.FileResolver(source.SquashedScope)
	if err != nil {
		return nil, edges{}, err
	}
	tidy(content, files, os.TempDir())
	if err := reportLost(read, content); err != nil {
		return nil, edges{}, err
	}
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

// reader is what lays the layers one over the other.
func reader(img *image.Image, temp *file.TempDirGenerator, cache string) *stereoscope.Image {
	return stereoscope.New(img.Content(), temp, cache, manifestDigest(img)...)
}

func manifestDigest(img *image.Image) []stereoscope.AdditionalMetadata {
	if img.Digest.Hex == "" {
		return nil
	}
	return []stereoscope.AdditionalMetadata{stereoscope.WithManifestDigest(img.Digest.String())}
}

// sourceOf names the image in syft's terms. Where there is no digest, its id takes the place of the version.
func sourceOf(img *image.Image) stereoscopesource.ImageConfig {
	cfg := stereoscopesource.ImageConfig{Reference: img.Name()}
	if img.Digest.Hex == "" {
		cfg.Alias = source.Alias{Name: img.Repository(), Version: img.Subject()}
	}
	return cfg
}

// folderReader is the name under which Unreadable lists what could not even be listed.
const folderReader = "folder"

// createFromFolder catalogues a folder. A root file system gets the catalogers that an image gets, so that it gives the
// same packages; any other folder those of sources, which read lock files.
func createFromFolder(ctx context.Context, img *image.Image, tool Tool, limits image.FolderLimits, checks []check) (*Catalogue, error) {
	listed, err := listFolder(ctx, img, limits)
	if err != nil {
		return nil, err
	}
	defer listed.Close()
	cfg := config(tool)
	selection := cataloging.NewSelectionRequest()
	c := &Catalogue{from: FromImage, image: img, tool: tool, read: "a folder of sources: lock files and manifests count"}
	if listed.isRootFileSystem() {
		selection = selection.WithDefaults(pkgcataloging.ImageTag)
		c.read = "an unpacked root file system: what is installed counts"
	}
	// It reads registries of packages by paths on this machine, which a manifest names.
	cfg = cfg.WithCatalogerSelection(selection.WithRemovals("vcpkg-manifest-cataloger"))
	src := folderSource{name: img.Reference.Folder(), folder: listed}
	err = guarded(ctx, 20*time.Millisecond, checks, func(ctx context.Context) error {
		var err error
		if c.content, err = engine.CreateSBOM(ctx, src, cfg); err != nil {
			return err
		}
		files, err := src.FileResolver(source.SquashedScope)
		if err != nil {
			return err
		}
		tidy(c.content, files, os.TempDir())
		c.edges = relate(c.content, files)
		listed.report(c.content)
		return nil
	})
	if err != nil {
		return nil, unreadable(ctx, img, err)
	}
	return c, nil
}

// config is syft's default, as its CLI uses it, but for four things. The go command is not run, which syft would do in a
// folder with a go.mod: it executes what the folder says, and reaches the network. Go symbols are captured, as the grype CLI does:
// without them a binary is blamed for every vulnerable function of a module, called or not. Files are not digested:
// no document lists them unless asked, and reading every byte of an image again costs seconds. What could not be read is
// kept, even where something else was found in the same file, and nothing is added for files that hold no package.
func config(tool Tool) *engine.CreateSBOMConfig {
	cfg := engine.DefaultCreateSBOMConfig().WithTool(tool.Name, tool.Version).WithoutFiles().
		WithUnknownsConfig(cataloging.UnknownsConfig{})
	cfg.Packages.Golang = cfg.Packages.Golang.WithCaptureSymbols(cataloging.SymbolScopeAll)
	cfg.Packages.Golang.UsePackagesLib = false
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
