package image

import (
	"encoding/json"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// newArchiveImage is an image whose blobs are files within a tar.
func newArchiveImage(files *tarFiles, names []string, m manifest, config []byte) (v1.Image, error) {
	var doc v1.Manifest
	if err := json.Unmarshal(m.raw, &doc); err != nil {
		return nil, err
	}
	blobs := archiveBlobs{raw: m.raw, config: config, layers: map[v1.Hash]archiveLayer{}}
	for n, desc := range doc.Layers {
		found, err := files.find(names[n])
		if err != nil {
			return nil, err
		}
		blobs.layers[desc.Digest] = archiveLayer{desc: desc, files: files, at: found}
	}
	return partial.CompressedToImage(blobs)
}

type archiveBlobs struct {
	raw, config []byte
	layers      map[v1.Hash]archiveLayer
}

func (b archiveBlobs) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }
func (b archiveBlobs) RawManifest() ([]byte, error)        { return b.raw, nil }
func (b archiveBlobs) RawConfigFile() ([]byte, error)      { return b.config, nil }

func (b archiveBlobs) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	if layer, ok := b.layers[h]; ok {
		return layer, nil
	}
	if h == digestOf(b.config) {
		return partial.ConfigLayer(b)
	}
	return nil, fmt.Errorf("the archive holds no layer %s", h)
}

type archiveLayer struct {
	desc  v1.Descriptor
	files *tarFiles
	at    tarFile
}

func (l archiveLayer) Digest() (v1.Hash, error)            { return l.desc.Digest, nil }
func (l archiveLayer) Size() (int64, error)                { return l.desc.Size, nil }
func (l archiveLayer) MediaType() (types.MediaType, error) { return l.desc.MediaType, nil }
func (l archiveLayer) Compressed() (io.ReadCloser, error) {
	return io.NopCloser(l.files.open(l.at)), nil
}
