package image

import (
	"errors"
	"io/fs"
	"os"

	"github.com/stepseal/stepseal/internal/outcome"
)

// FolderLimits bound what is read of a folder: they are those of an image's unpacked layers.
type FolderLimits struct {
	Entries, Bytes int64
	NameBytes      int // of a path
	Depth          int
}

const (
	maxPathBytes = 4096
	maxPathDepth = 256
)

// LimitsOfFolders are the bounds on dir:PATH.
func LimitsOfFolders() FolderLimits {
	return FolderLimits{Entries: maxEntries, Bytes: maxUnpacked, NameBytes: maxPathBytes, Depth: maxPathDepth}
}

// openFolder is one image without layers, digest and platform, whose files lie in a folder.
func openFolder(ref Reference) (*Set, error) {
	info, err := os.Stat(ref.folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, outcome.New(outcome.ImageNotFound, "%s: there is no such folder", ref).Hint("check the path")
	case err != nil:
		return nil, outcome.New(outcome.Unexpected, "%s", ref).Because(bare(err))
	case !info.IsDir():
		return nil, outcome.New(outcome.NotAnImage, "%s is not a folder", ref).Hint("name a folder with dir:PATH, or an archive with docker-archive:PATH")
	}
	return &Set{Reference: ref, Images: []*Image{{Reference: ref}}}, nil
}
