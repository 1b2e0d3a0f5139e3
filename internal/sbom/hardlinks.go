package sbom

import (
	"path"

	"github.com/anchore/stereoscope/pkg/file"
	stereoscope "github.com/anchore/stereoscope/pkg/image"
	syftfile "github.com/anchore/syft/syft/file"
	syft "github.com/anchore/syft/syft/sbom"
)

// linkReader is the name under which Unreadable lists hard links that lead to other content than they should.
const linkReader = "hard-link"

// lostLinks are the hard links whose content is not known. Stereoscope follows one that names a file of a layer below by
// that file's name, so that it shows what a later layer has put there, and nothing where that has been removed; on disk
// it keeps what it named. No builder writes such links, since each keeps its inodes by layer, and Docker itself can
// unpack them with some of its storage drivers only.
func lostLinks(read *stereoscope.Image) ([]syftfile.Coordinates, error) {
	links, err := read.FileCatalog.GetByFileType(file.TypeHardLink)
	if err != nil {
		return nil, err
	}
	var lost []syftfile.Coordinates
	for _, link := range links {
		_, seen, err := read.SquashedTree().File(link.RealPath)
		if err != nil || !seen.HasReference() || seen.ID() != link.ID() {
			continue // which a later layer has removed itself
		}
		layer := read.FileCatalog.Layer(link.Reference)
		if !keeps(read, int(layer.Metadata.Index), file.Path(path.Join("/", link.LinkDestination))) {
			lost = append(lost, syftfile.NewCoordinates(string(link.RealPath), layer.Metadata.Digest))
		}
	}
	return lost, nil
}

// keeps says whether the name leads to the same file in the end as in the layers below the one of the link.
func keeps(read *stereoscope.Image, layer int, name file.Path) bool {
	if layer == 0 {
		return false
	}
	_, was, err := read.Layers[layer-1].SquashedTree.File(name)
	if err != nil || !was.HasReference() {
		return false
	}
	_, is, err := read.SquashedTree().File(name)
	if err != nil || !is.HasReference() || is.ID() != was.ID() {
		return false
	}
	entry, err := read.FileCatalog.Get(*is.Reference)
	return err == nil && entry.Type == file.TypeRegular
}

// reportLost adds the lost links to what syft has noted down.
func reportLost(read *stereoscope.Image, content *syft.SBOM) error {
	lost, err := lostLinks(read)
	if err != nil {
		return err
	}
	for _, at := range lost {
		note(content, at, linkReader+": the file of a layer below that it names was changed or removed later")
	}
	return nil
}

// note adds to what could not be read, in syft's own form.
func note(content *syft.SBOM, at syftfile.Coordinates, text string) {
	if content.Artifacts.Unknowns == nil {
		content.Artifacts.Unknowns = map[syftfile.Coordinates][]string{}
	}
	content.Artifacts.Unknowns[at] = append(content.Artifacts.Unknowns[at], text)
}
