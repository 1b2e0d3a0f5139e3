package image

import (
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// layoutImage is an image whose blobs are the files of a layout.
type layoutImage struct {
	path      layout.Path
	raw       []byte
	config    []byte
	mediaType types.MediaType
}

func (i layoutImage) image() (v1.Image, error)            { return partial.CompressedToImage(i) }
func (i layoutImage) MediaType() (types.MediaType, error) { return i.mediaType, nil }
func (i layoutImage) RawManifest() ([]byte, error)        { return i.raw, nil }
func (i layoutImage) RawConfigFile() ([]byte, error)      { return i.config, nil }

// LayerByDigest opens the layer's file; checkedLayer checks what comes out of it.
func (i layoutImage) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	doc, err := partial.Manifest(i)
	if err != nil {
		return nil, err
	}
	if h == doc.Config.Digest {
		return partial.ConfigLayer(i)
	}
	for _, desc := range doc.Layers {
		if desc.Digest == h {
			return layoutLayer{path: i.path, desc: desc}, nil
		}
	}
	return nil, io.ErrUnexpectedEOF
}

type layoutLayer struct {
	path layout.Path
	desc v1.Descriptor
}

func (l layoutLayer) Digest() (v1.Hash, error)            { return l.desc.Digest, nil }
func (l layoutLayer) Size() (int64, error)                { return l.desc.Size, nil }
func (l layoutLayer) MediaType() (types.MediaType, error) { return l.desc.MediaType, nil }
func (l layoutLayer) Compressed() (io.ReadCloser, error) {
	return l.path.Blob(l.desc.Digest)
}
