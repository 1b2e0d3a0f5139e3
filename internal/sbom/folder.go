package sbom

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/anchore/stereoscope/pkg/file"
	"github.com/anchore/stereoscope/pkg/filetree"
	syftfile "github.com/anchore/syft/syft/file"
	syft "github.com/anchore/syft/syft/sbom"

	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
)

// folder is a folder on disk, listed once. Nothing outside it is read: every file is opened below it, link by link, and
// what a symbolic link says is looked up among what was listed, as in the root file system of an image. Syft's own
// source of folders follows the links of the machine, and reads a file outside by a path that leads through two of them.
type folder struct {
	root   *os.Root
	tree   *filetree.FileTree
	index  filetree.Index
	adding *filetree.Builder
	limits image.FolderLimits

	entries, bytes int64
	unreadable     map[string]string // what could not be read, by path
}

// batch is how many names of a folder are read at once.
const batch = 1024

func listFolder(ctx context.Context, img *image.Image, limits image.FolderLimits) (*folder, error) {
	root, err := os.OpenRoot(img.Reference.Folder())
	if err != nil {
		return nil, outcome.New(outcome.CatalogueFailed, "%s", img.Name()).Because(bare(err))
	}
	f := &folder{root: root, tree: filetree.New(), index: filetree.NewIndex(), limits: limits, unreadable: map[string]string{}}
	f.adding = filetree.NewBuilder(f.tree, f.index)
	if err := f.list(ctx, ".", 0); err != nil {
		root.Close()
		var known *outcome.Error
		if errors.As(err, &known) {
			return nil, outcome.New(known.Reason, "%s: %s", img.Name(), known.Error())
		}
		return nil, err
	}
	return f, nil
}

func bare(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// list adds what is in a folder, in the order of the names.
func (f *folder) list(ctx context.Context, dir string, depth int64) error {
	if depth > f.limits.Depth {
		return outcome.New(outcome.TooLarge, "folders within folders, more than %d deep", f.limits.Depth)
	}
	names, err := f.names(ctx, dir)
	if err != nil {
		var known *outcome.Error
		if errors.As(err, &known) || ctx.Err() != nil {
			return err
		}
		f.unreadable[path.Join("/", dir)+"/"] = bare(err).Error()
		return nil
	}
	slices.Sort(names)
	for _, name := range names {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := f.add(ctx, path.Join(dir, name), depth); err != nil {
			return err
		}
	}
	return nil
}

func (f *folder) names(ctx context.Context, dir string) ([]string, error) {
	opened, err := f.open(dir)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	if virtual(opened) {
		return nil, nil // a kernel's view of itself, which no image has
	}
	var names []string
	for {
		some, err := opened.Readdirnames(batch)
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return nil, err
		}
		names = append(names, some...)
		if f.entries += int64(len(some)); f.entries > f.limits.Entries {
			return nil, outcome.New(outcome.TooLarge, "the folder holds more than %d files", f.limits.Entries)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

func (f *folder) add(ctx context.Context, name string, depth int64) error {
	if int64(len(name)) > f.limits.NameBytes {
		return outcome.New(outcome.TooLarge, "a path is longer than %d bytes", f.limits.NameBytes)
	}
	info, err := f.root.Lstat(name)
	if err != nil {
		f.unreadable["/"+name] = bare(err).Error()
		return nil
	}
	meta := file.Metadata{FileInfo: info, Path: "/" + name, Type: file.TypeFromMode(info.Mode())}
	switch meta.Type {
	case file.TypeDirectory:
		if _, err := f.adding.Add(meta); err != nil {
			return err
		}
		return f.list(ctx, name, depth+1)
	case file.TypeSymLink:
		if meta.LinkDestination, err = f.root.Readlink(name); err != nil {
			f.unreadable["/"+name] = bare(err).Error()
			return nil
		}
	case file.TypeRegular:
		if info.Size() > f.limits.FileBytes {
			return outcome.New(outcome.TooLarge, "the file %.200q has more than %s", meta.Path, image.Size(f.limits.FileBytes))
		}
		if f.bytes += info.Size(); f.bytes > f.limits.Bytes {
			return outcome.New(outcome.TooLarge, "the folder's files have more than %s", image.Size(f.limits.Bytes))
		}
		meta.MIMEType = f.mimeType(name, info.Size())
	default:
		return nil // devices, pipes and sockets hold no packages, and opening one does something
	}
	_, err = f.adding.Add(meta)
	return err
}

// mimeType is how the catalogers of binaries find them.
func (f *folder) mimeType(name string, size int64) string {
	if size == 0 {
		return ""
	}
	content, err := f.content(name, size)
	if err != nil {
		f.unreadable["/"+name] = bare(err).Error()
		return ""
	}
	defer content.Close()
	return file.MIMEType(content)
}

// open opens a file without waiting: one that was a pipe all along, or has become one, has no writer.
func (f *folder) open(name string) (*os.File, error) {
	return f.root.OpenFile(name, os.O_RDONLY|withoutWaiting, 0)
}

// content is the file as long as it was when it was listed.
func (f *folder) content(name string, size int64) (*content, error) {
	opened, err := f.open(name)
	if err != nil {
		return nil, err
	}
	info, err := opened.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file any longer", name)
	}
	if err != nil {
		opened.Close()
		return nil, err
	}
	return newContent(opened, size), nil
}

// isRootFileSystem tells an unpacked root file system, in which packages are installed, from a folder with an
// application's sources, by what says which distribution it is or what is installed.
func (f *folder) isRootFileSystem() bool {
	return slices.ContainsFunc([]string{"/etc/os-release", "/usr/lib/os-release", "/var/lib/dpkg/status", "/var/lib/dpkg/status.d",
		"/lib/apk/db/installed", "/var/lib/rpm", "/usr/lib/sysimage/rpm"},
		func(name string) bool { return f.tree.HasPath(file.Path(name)) })
}

func (f *folder) Close() error { return f.root.Close() }

// report adds what could not be read to what syft has noted down.
func (f *folder) report(content *syft.SBOM) {
	for name, reason := range f.unreadable {
		note(content, syftfile.NewCoordinates(name, ""), folderReader+": "+reason)
	}
}
