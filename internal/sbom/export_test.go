package sbom

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/anchore/stereoscope/pkg/file"
	"github.com/anchore/stereoscope/pkg/filetree"

	"github.com/stepseal/stepseal/internal/image"
)

// Seen is one path as Create's catalogers see it.
type Seen struct {
	Kind    file.Type
	Mode    int64
	Content string // of a file
	Target  string // of a symbolic link
	Lost    bool   // a hard link whose content is not known, as Unreadable says
}

// View is what the catalogers of an image see, by path.
func View(ctx context.Context, img *image.Image, cache string) (seen map[string]Seen, err error) {
	temp := file.NewTempDirGenerator("stepseal-view")
	defer func() { err = errors.Join(err, temp.Cleanup()) }()
	pool, err := image.NewPool(cache, nil)
	if err != nil {
		return nil, err
	}
	unpacked, err := img.Unpack(ctx, pool)
	if err != nil {
		return nil, err
	}
	if err := place(unpacked, cache); err != nil {
		return nil, err
	}
	read := reader(img, temp, cache)
	defer func() { err = errors.Join(err, read.Cleanup()) }()
	if err := read.Read(ctx); err != nil {
		return nil, err
	}
	seen = map[string]Seen{}
	tree := read.SquashedTree()
	for _, at := range tree.AllRealPaths() {
		_, found, err := tree.File(at)
		if err != nil {
			return nil, err
		}
		if at == "/" {
			continue
		}
		if !found.HasReference() {
			seen[string(at)] = Seen{Kind: file.TypeDirectory, Mode: 0o755} // that no layer has an entry for
			continue
		}
		entry, err := read.FileCatalog.Get(*found.Reference)
		if err != nil {
			return nil, err
		}
		one := Seen{Kind: entry.Type, Mode: int64(unix(entry)), Target: entry.LinkDestination}
		if entry.Type == file.TypeRegular {
			if one.Content, err = contentOf(func() (io.ReadCloser, error) { return read.OpenReference(*found.Reference) }); err != nil {
				return nil, err
			}
		}
		if entry.Type == file.TypeHardLink { // which stereoscope leaves to be resolved
			if _, to, err := tree.File(file.Path(path.Join("/", entry.LinkDestination)), filetree.FollowBasenameLinks); err == nil && to.HasReference() {
				one.Content, err = contentOf(func() (io.ReadCloser, error) { return read.OpenReference(*to.Reference) })
				if err != nil {
					return nil, err
				}
			}
		}
		seen[string(at)] = one
	}
	lost, err := lostLinks(read)
	for _, at := range lost {
		one := seen[at.RealPath]
		one.Lost = true
		seen[at.RealPath] = one
	}
	return seen, err
}

func contentOf(open func() (io.ReadCloser, error)) (string, error) {
	body, err := open()
	if err != nil {
		return "", err
	}
	defer body.Close()
	raw, err := io.ReadAll(body)
	return string(raw), err
}

// unix is the mode as a tar has it.
func unix(entry filetree.IndexEntry) int64 {
	mode := entry.Mode()
	bits := int64(mode.Perm())
	for flag, bit := range map[int64]int64{int64(1 << 23): 0o4000, int64(1 << 22): 0o2000, int64(1 << 20): 0o1000} {
		if int64(mode)&flag != 0 {
			bits |= bit
		}
	}
	return bits
}

// CreateWithin is Create of a folder with other bounds.
func CreateWithin(ctx context.Context, img *image.Image, limits image.FolderLimits) error {
	_, err := createFromFolder(ctx, img, Tool{Name: "stepseal", Version: "test"}, limits, nil)
	return err
}

// As16 is the CycloneDX document in the way that the library turns any into 1.6.
func As16(c *Catalogue, epoch time.Time) ([]byte, error) {
	var b bytes.Buffer
	err := cyclonedx.NewBOMEncoder(&b, cyclonedx.BOMFileFormatJSON).SetEscapeHTML(false).EncodeVersion(c.model(epoch), cyclonedx.SpecVersion1_6)
	return bytes.TrimSpace(b.Bytes()), err
}
