package registrytest

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// RandomOptions say what random layers hold besides what every builder writes.
type RandomOptions struct {
	// LinksToLowerLayers are hard links that name a file of a layer below. No builder writes them: each keeps its inodes
	// by layer.
	LinksToLowerLayers bool
}

// Random is an image of random layers: files, folders and links that come, change, change their kind and go. The same
// seed gives the same image.
func Random(seed uint64, options RandomOptions) (v1.Image, error) {
	img, err := build(linux("amd64"), fixedTime(), nil)
	if err != nil {
		return nil, err
	}
	g := &generator{rand: rand.New(rand.NewPCG(seed, 1)), options: options, view: View{}}
	for range 1 + g.rand.IntN(6) {
		raw, err := g.layer()
		if err != nil {
			return nil, err
		}
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil })
		if err != nil {
			return nil, err
		}
		if img, err = mutate.AppendLayers(img, layer); err != nil {
			return nil, err
		}
	}
	return img, nil
}

type generator struct {
	rand    *rand.Rand
	options RandomOptions
	view    View // what is there so far

	tar     *tar.Writer
	touched map[string]bool // in this layer
	files   []string        // of this layer, that a hard link may name
}

// names are few, so that layers meet.
var names = []string{"a", "b", "c", "d", ".hidden", "with space", "ünïcode"}

func (g *generator) layer() ([]byte, error) {
	var buf bytes.Buffer
	g.tar, g.touched, g.files = tar.NewWriter(&buf), map[string]bool{}, nil
	for range g.rand.IntN(12) {
		if err := g.change(); err != nil {
			return nil, err
		}
	}
	err := g.tar.Close()
	return buf.Bytes(), err
}

func (g *generator) change() error {
	folder := g.folder()
	name := path.Join(folder, names[g.rand.IntN(len(names))])
	if g.touchedBelow(name) {
		return nil
	}
	switch kind := g.rand.IntN(12); {
	case kind < 4:
		g.files = append(g.files, name)
		return g.put(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: g.mode()}, fmt.Sprintf("%x", g.rand.Uint64()))
	case kind < 6:
		return g.put(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: g.mode() | 0o700}, "")
	case kind < 8:
		return g.put(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Mode: 0o777, Linkname: g.target()}, "")
	case kind < 9:
		return g.hardLink(name)
	case kind < 11:
		return g.whiteout(name)
	}
	return g.opaque(folder)
}

// folder is one that is there: whether an entry below a symbolic link goes where the link leads differs between the
// storage drivers of Docker.
func (g *generator) folder() string {
	at := "/"
	for range g.rand.IntN(4) {
		below := path.Join(at, names[g.rand.IntN(len(names))])
		if strings.HasPrefix(g.view[below], "folder ") {
			at = below
		}
	}
	return at
}

// touchedBelow keeps a layer from saying two things of one path: engines differ in which counts.
func (g *generator) touchedBelow(name string) bool {
	for at := range g.touched {
		if at == name || strings.HasPrefix(at, name+"/") {
			return true
		}
	}
	return false
}

func (g *generator) mode() int64 {
	return []int64{0o644, 0o755, 0o600, 0o4755, 0o1777, 0o444}[g.rand.IntN(6)]
}

func (g *generator) target() string {
	return []string{"a", "../b", "/a/b", "/", ".", "nowhere", "../../../../etc"}[g.rand.IntN(7)]
}

func (g *generator) put(head *tar.Header, content string) error {
	head.Size, head.ModTime = int64(len(content)), fixedTime()
	at := head.Name
	g.touched[at] = true
	head.Name = strings.TrimPrefix(at, "/")
	if head.Typeflag == tar.TypeDir {
		head.Name += "/"
	}
	if err := g.tar.WriteHeader(head); err != nil {
		return err
	}
	if _, err := io.WriteString(g.tar, content); err != nil {
		return err
	}
	now := *head
	now.Name = at
	return g.view.put(&now, content)
}

// hardLink names a file of this layer, or of one below.
func (g *generator) hardLink(name string) error {
	from := slices.DeleteFunc(slices.Clone(g.files), func(at string) bool { return g.view[at] == "" || strings.HasPrefix(at, name+"/") })
	if g.options.LinksToLowerLayers {
		from = nil
		for at, line := range g.view {
			if strings.HasPrefix(line, "file ") && !g.touched[at] && at != name && !strings.HasPrefix(at, name+"/") {
				from = append(from, at)
			}
		}
		slices.Sort(from) // a map has no order
	}
	if len(from) == 0 {
		return nil
	}
	to := from[g.rand.IntN(len(from))]
	if g.options.LinksToLowerLayers {
		g.touched[to] = true // or the layer would remove what it names
	}
	var mode int64 // which a tar gives both names
	if _, err := fmt.Sscanf(g.view[to], "file %o", &mode); err != nil {
		return err
	}
	return g.put(&tar.Header{Typeflag: tar.TypeLink, Name: name, Mode: mode, Linkname: strings.TrimPrefix(to, "/")}, "")
}

// whiteout removes what a layer below has.
func (g *generator) whiteout(name string) error {
	if g.view[name] == "" {
		return nil
	}
	folder, base := path.Split(name)
	err := g.put(&tar.Header{Typeflag: tar.TypeReg, Name: path.Join(folder, ".wh."+base), Mode: 0o600}, "")
	g.touched[name] = true
	g.view.remove(name)
	return err
}

// opaque empties a folder of what the layers below have in it.
func (g *generator) opaque(folder string) error {
	if folder == "/" || g.touchedBelow(folder) {
		return nil
	}
	if err := g.put(&tar.Header{Typeflag: tar.TypeDir, Name: folder, Mode: 0o755}, ""); err != nil {
		return err
	}
	g.view.removeBelow(folder)
	return g.put(&tar.Header{Typeflag: tar.TypeReg, Name: folder + "/.wh..wh..opq", Mode: 0o600}, "")
}
