package image

import (
	"archive/tar"
	"errors"
	"hash/maphash"
	"io"
	"path"
	"strings"

	"github.com/stepseal/stepseal/internal/outcome"
)

// headerUnit is how much of a tar header one file may have for nothing: its extended attributes and names stay in
// memory as long as the image is looked at, so that more of it counts as more files.
const headerUnit = 4 << 10

// walk goes through a layer with archive/tar, which is also what indexes it later: both see the same entries, whatever
// tricks of PAX, base-256 and sparse files hide from a third. Devices and pipes are entries like any other, for nothing
// is ever extracted; so are names that lead out of the image and names with control characters, which real images have.
type walk struct {
	layer   *checkedLayer
	limits  Limits
	account *account
	weigh   Weigh

	files   int64
	weight  int64
	folders map[uint64]struct{} // by a hash of their paths
	last    string              // the folder of the last entry
	seed    maphash.Seed
}

func (w *walk) all(r *tar.Reader) error {
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return outcome.New(outcome.CatalogueFailed, "%s is no tar archive that can be read", w.layer).Because(err)
		}
		if err := w.entry(header); err != nil {
			return err
		}
	}
}

func (w *walk) entry(h *tar.Header) error {
	for _, name := range []string{h.Name, h.Linkname} {
		if err := w.path(name); err != nil {
			return err
		}
	}
	name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
	if err := w.count(1 + headerBytes(h)/headerUnit + w.newFolders(name, h.Typeflag)); err != nil {
		return err
	}
	if h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeGNUSparse {
		return nil
	}
	if h.Size > w.limits.FileBytes {
		return beyond("max-file-size", "%s: the file %s has %s, more than the %s allowed", w.layer, shown(name), Size(h.Size), Size(w.limits.FileBytes))
	}
	weight, err := w.weigh(name, h.Size)
	w.weight += weight
	return said(w.layer.String(), err)
}

func (w *walk) path(name string) error {
	if n := int64(len(name)); n > w.limits.PathLength {
		return beyond("max-path-length", "%s: the path %s has %d bytes, more than the %d allowed", w.layer, shown(name), n, w.limits.PathLength)
	}
	if n := int64(strings.Count(path.Clean("/"+name), "/")); n > w.limits.PathDepth {
		return beyond("max-path-depth", "%s: the path %s is %d folders deep, more than the %d allowed", w.layer, shown(name), n, w.limits.PathDepth)
	}
	return nil
}

func (w *walk) count(n int64) error {
	if w.files += n; w.files > w.limits.LayerFiles {
		return beyond("max-layer-files", "%s holds more than %d files", w.layer, w.limits.LayerFiles)
	}
	return w.account.addFiles(n)
}

// newFolders is how many folders come into being by this entry though the archive does not list them: a single deep
// path makes hundreds.
func (w *walk) newFolders(name string, kind byte) (implied int64) {
	if kind == tar.TypeDir {
		w.folders[maphash.String(w.seed, name)] = struct{}{}
	}
	folder := path.Dir(name)
	if folder == w.last {
		return 0
	}
	for w.last = folder; folder != "." && folder != "/"; folder = path.Dir(folder) {
		key := maphash.String(w.seed, folder)
		if _, known := w.folders[key]; known {
			break
		}
		w.folders[key] = struct{}{}
		implied++
	}
	return implied
}

func headerBytes(h *tar.Header) int64 {
	n := len(h.Name) + len(h.Linkname) + len(h.Uname) + len(h.Gname)
	for key, value := range h.PAXRecords {
		n += len(key) + len(value)
	}
	return int64(n)
}
