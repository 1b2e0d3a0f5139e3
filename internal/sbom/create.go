package sbom

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/anchore/stereoscope/pkg/file"
	stereoscope "github.com/anchore/stereoscope/pkg/image"
	"github.com/anchore/syft/syft"
	"github.com/anchore/syft/syft/cataloging"
	"github.com/anchore/syft/syft/cataloging/pkgcataloging"
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

// Create catalogues an image in one pass over its layers, or a folder. scratch is a folder of the caller's that may be
// filled; it must outlive the call and nothing else.
func Create(ctx context.Context, img *image.Image, tool Tool, scratch string) (*Catalogue, error) {
	if img.Reference.Folder() != "" {
		return createFromFolder(ctx, img, tool, image.LimitsOfFolders())
	}
	cache := filepath.Join(scratch, "layers")
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return nil, err
	}
	temp := file.NewTempDirGenerator("stepseal")
	defer temp.Cleanup()
	read := reader(img, temp, cache)
	defer func() {
		_ = read.Cleanup()
		_ = os.RemoveAll(cache)
	}()
	cfg := config(tool)
	licensed := withLicenses(ctx, cfg)
	if err := read.Read(ctx); err != nil {
		return nil, unreadable(ctx, img, err)
	}
	ctx, err := licensed()
	if err != nil {
		return nil, outcome.New(outcome.CatalogueFailed, "%s: the licence texts", img.Name()).Because(err)
	}
	src := stereoscopesource.New(read, sourceOf(img))
	content, err := syft.CreateSBOM(ctx, src, cfg)
	if err != nil {
		return nil, unreadable(ctx, img, err)
	}
	files, err := src.FileResolver(source.SquashedScope)
	if err != nil {
		return nil, unreadable(ctx, img, err)
	}
	tidy(content, files, os.TempDir())
	if err := reportLost(read, content); err != nil {
		return nil, unreadable(ctx, img, err)
	}
	// What a library has swallowed may be what a package was in.
	if err := img.Err(); err != nil {
		return nil, unreadable(ctx, img, err)
	}
	return &Catalogue{content: content, from: FromImage, subject: img.Subject(), image: img, tool: tool}, nil
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
func createFromFolder(ctx context.Context, img *image.Image, tool Tool, limits image.FolderLimits) (*Catalogue, error) {
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
	if c.content, err = syft.CreateSBOM(ctx, src, cfg); err != nil {
		return nil, unreadable(ctx, img, err)
	}
	files, err := src.FileResolver(source.SquashedScope)
	if err != nil {
		return nil, unreadable(ctx, img, err)
	}
	tidy(c.content, files, os.TempDir())
	listed.report(c.content)
	return c, nil
}

// withLicenses begins to compile the texts of all licences, which takes most of a second of one core, and returns the
// function that waits for it: meanwhile the layers are read.
func withLicenses(ctx context.Context, cfg *syft.CreateSBOMConfig) func() (context.Context, error) {
	var licensed context.Context
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		licensed, err = syft.SetContextLicenseScanner(ctx, cfg.Licenses)
	}()
	return func() (context.Context, error) {
		<-done
		return licensed, err
	}
}

// config is syft's default, as its CLI uses it, but for four things. The go command is not run, which syft would do in a
// folder with a go.mod: it executes what the folder says, and reaches the network. Go symbols are captured, as the grype CLI does:
// without them a binary is blamed for every vulnerable function of a module, called or not. Files are not digested:
// no document lists them unless asked, and reading every byte of an image again costs seconds. What could not be read is
// kept, even where something else was found in the same file, and nothing is added for files that hold no package.
func config(tool Tool) *syft.CreateSBOMConfig {
	cfg := syft.DefaultCreateSBOMConfig().WithTool(tool.Name, tool.Version).WithoutFiles().
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
		var known *outcome.Error
		if errors.As(cause, &known) {
			return outcome.New(known.Reason, "%s: %s", img.Name(), known.Error()).With(known.Evidence...)
		}
		return cause
	}
	return outcome.New(outcome.CatalogueFailed, "%s", img.Name()).Because(err)
}
