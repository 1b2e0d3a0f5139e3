package registrytest

import (
	"archive/tar"
	"bytes"
	"io"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// file is a regular file of an image, or a symbolic link, whose body is where it leads; its path has no leading slash.
type file struct {
	path string
	mode int64
	body []byte
}

// symlink is the mode of symbolic links.
const symlink = 0o120777

func newLayer(files []file) (v1.Layer, error) {
	content, err := archive(files)
	if err != nil {
		return nil, err
	}
	opener := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	return tarball.LayerFromOpener(opener, tarball.WithMediaType(types.OCILayer))
}

// archive is the files and their folders as a tar, in order of path.
func archive(files []file) ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, folder := range folders(files) {
		header := &tar.Header{Typeflag: tar.TypeDir, Name: folder + "/", Mode: 0o755, ModTime: fixedTime()}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
	}
	sorted := slices.SortedFunc(slices.Values(files), func(a, b file) int { return strings.Compare(a.path, b.path) })
	for _, one := range sorted {
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: one.path, Mode: one.mode, Size: int64(len(one.body)), ModTime: fixedTime(),
		}
		if one.mode == symlink {
			header = &tar.Header{Typeflag: tar.TypeSymlink, Name: one.path, Linkname: string(one.body), Mode: 0o777, ModTime: fixedTime()}
			one.body = nil
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(one.body); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return buf.Bytes(), err
}

func folders(files []file) []string {
	var all []string
	for _, one := range files {
		for dir := path.Dir(one.path); dir != "."; dir = path.Dir(dir) {
			all = append(all, dir)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
