package image

import (
	"errors"
	"io/fs"
	"os"

	"github.com/stepseal/stepseal/internal/outcome"
)

// FolderLimits bound what is read of a folder: they are those of an image's unpacked layers.
type FolderLimits struct {
	Entries, Bytes, FileBytes int64
	NameBytes, Depth          int64 // of a path
}

// FolderLimits are the bounds on dir:PATH.
func (i *Image) FolderLimits() FolderLimits {
	l := i.limits
	return FolderLimits{Entries: l.Files, Bytes: l.UnpackedBytes, FileBytes: l.FileBytes, NameBytes: l.PathLength, Depth: l.PathDepth}
}

// openFolder is one image without layers, digest and platform, whose files lie in a folder.
func openFolder(ref Reference, limits Limits) (*Set, error) {
	info, err := os.Stat(ref.folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, outcome.New(outcome.ImageNotFound, "%s: there is no such folder", ref).Hint("check the path")
	case err != nil:
		return nil, outcome.New(outcome.Unexpected, "%s", ref).Because(bare(err))
	case !info.IsDir():
		return nil, outcome.New(outcome.NotAnImage, "%s is not a folder", ref).Hint("name a folder with dir:PATH, or an archive with docker-archive:PATH")
	}
	return &Set{Reference: ref, Images: []*Image{{Reference: ref, limits: limits.orDefault()}}}, nil
}
