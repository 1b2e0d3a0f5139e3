package registrytest

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// View is what a container of an image sees: by path, with a leading slash, one line of what is there. See Line.
type View map[string]string

// Line describes what a tar says of one path: its kind, and the content of a file or the target of a symbolic link.
func Line(kind byte, mode int64, content, target string) string {
	switch kind {
	case tar.TypeDir:
		return fmt.Sprintf("folder %04o", mode&0o7777)
	case tar.TypeSymlink:
		return "link to " + target
	}
	return fmt.Sprintf("file %04o %q", mode&0o7777, content)
}

// ViewOf applies the layers of an image one after the other, as the specification says, and in no cleverer way.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#applying-changesets
func ViewOf(img v1.Image) (View, error) {
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	view := View{}
	for _, layer := range layers {
		content, err := layer.Uncompressed()
		if err != nil {
			return nil, err
		}
		raw, err := io.ReadAll(content)
		if err != nil {
			return nil, err
		}
		// Whiteouts are about the layers below alone.
		if err := eachEntry(raw, func(head *tar.Header, _ string) error { return view.whiteout(head.Name) }); err != nil {
			return nil, err
		}
		if err := eachEntry(raw, view.put); err != nil {
			return nil, err
		}
	}
	return view, nil
}

// ViewOfTar is the view that a tar of a whole root file system gives, such as `docker export` writes.
func ViewOfTar(raw []byte) (View, error) {
	view := View{}
	return view, eachEntry(raw, view.put)
}

func eachEntry(raw []byte, do func(head *tar.Header, content string) error) error {
	for r := tar.NewReader(bytes.NewReader(raw)); ; {
		head, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		head.Name = path.Clean("/" + head.Name)
		if err := do(head, string(content)); err != nil {
			return err
		}
	}
}

// https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#whiteouts
func (v View) whiteout(name string) error {
	folder, base := path.Split(name)
	switch hidden, ok := strings.CutPrefix(base, ".wh."); {
	case base == ".wh..wh..opq":
		v.removeBelow(path.Clean(folder))
	case ok:
		v.remove(path.Join(folder, hidden))
	}
	return nil
}

func (v View) put(head *tar.Header, content string) error {
	if strings.HasPrefix(path.Base(head.Name), ".wh.") || head.Name == "/" {
		return nil
	}
	if head.Typeflag == tar.TypeLink {
		line, ok := v[path.Clean("/"+head.Linkname)]
		if !ok {
			return fmt.Errorf("%s is a hard link to %s, which is not there", head.Name, head.Linkname)
		}
		v.remove(head.Name)
		v[head.Name] = line
		return nil
	}
	line := Line(head.Typeflag, head.Mode, content, head.Linkname)
	if head.Typeflag != tar.TypeDir || !strings.HasPrefix(v[head.Name], "folder ") {
		v.remove(head.Name)
	}
	v[head.Name] = line
	return nil
}

func (v View) remove(name string) {
	delete(v, name)
	v.removeBelow(name)
}

func (v View) removeBelow(name string) {
	below := strings.TrimSuffix(name, "/") + "/"
	maps.DeleteFunc(v, func(at, _ string) bool { return strings.HasPrefix(at, below) })
}
