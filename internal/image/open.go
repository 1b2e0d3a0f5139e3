package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Image is one image of one platform, by digest. Its layers are read when somebody asks for them.
type Image struct {
	Reference Reference
	Digest    v1.Hash // of the manifest of this platform; zero where the source knows none: docker, docker-archive, dir
	Index     v1.Hash // of the outermost index that lists it; zero for a single image
	Platform  string  // os/architecture[/variant][:os.version]
	Created   time.Time
	ID        v1.Hash // of the config; zero for a folder
	// Foreign are the layers that registries do not hand on: they are taken as empty, since nobody here can look at them.
	Foreign []string

	limits     Limits
	content    *measured
	listed     *v1.Platform // what the index calls its platform
	configSize int64
}

// DiffIDs are the digests of the unpacked layers, the lowest first; a folder has none.
func (i *Image) DiffIDs() []string {
	if i.content == nil {
		return nil
	}
	ids := make([]string, len(i.content.layers))
	for n, layer := range i.content.layers {
		ids[n] = layer.diffID.String()
	}
	return ids
}

// Repository is where the image lies.
func (i *Image) Repository() string { return i.Reference.Repository() }

// Name is repository@digest: how everything after the resolution names the image. An image that is in no registry and
// no layout has no digest, and is named as it was written.
func (i *Image) Name() string {
	if i.Digest.Hex == "" {
		return i.Repository()
	}
	return i.Repository() + "@" + i.Digest.String()
}

// Subject is what the documents about the image are bound to: its digest, or its id where it has none. A folder has
// neither, and Subject is empty.
func (i *Image) Subject() string {
	for _, hash := range []v1.Hash{i.Digest, i.ID} {
		if hash.Hex != "" {
			return hash.String()
		}
	}
	return ""
}

// Content is the image for go-containerregistry's readers. Reading is bounded and checked; Err says what went wrong.
func (i *Image) Content() v1.Image { return i.content }

// Err is the first thing that went wrong while the content was read, where a library has swallowed it.
func (i *Image) Err() error {
	if i.content == nil { // a folder, which others read
		return nil
	}
	return i.content.err()
}

func (i *Image) layers() []*checkedLayer {
	if i.content == nil {
		return nil
	}
	return i.content.layers
}

// store is where manifests and layers come from.
type store interface {
	root(context.Context) (manifest, error)
	byDigest(context.Context, v1.Hash) (manifest, error)
	image(context.Context, manifest) (v1.Image, error)
}

// manifest is a manifest or an index as it was read; its digest is that of its bytes.
type manifest struct {
	raw       []byte
	digest    v1.Hash
	mediaType types.MediaType
}

// load fills the image in from its manifest and config; the layers are read later.
func (i *Image) load(ctx context.Context, from store, m manifest, want v1.Platform, progress Progress) error {
	if !m.mediaType.IsImage() {
		return outcome.New(outcome.NotAnImage, "%s is of the media type %.80q, which is no image", i.Reference, m.mediaType)
	}
	var doc v1.Manifest
	if err := json.Unmarshal(m.raw, &doc); err != nil {
		return outcome.New(outcome.NotAnImage, "%s: the manifest cannot be read", i.Reference).Because(err)
	}
	if err := i.checkManifest(&doc); err != nil {
		return err
	}
	content, err := from.image(ctx, m)
	if err != nil {
		return fault(i.Reference.String(), err)
	}
	config, err := content.ConfigFile()
	if err != nil {
		return faultOfContent(fmt.Sprintf("%s: the config", i.Reference), err)
	}
	if n := len(config.RootFS.DiffIDs); n != len(doc.Layers) {
		return outcome.New(outcome.NotAnImage, "%s: the manifest has %d layers and the config %d", i.Reference, len(doc.Layers), n)
	}
	i.Digest, i.ID, i.configSize = m.digest, doc.Config.Digest, doc.Config.Size
	i.Created = config.Created.UTC()
	for n, layer := range doc.Layers {
		if !layer.MediaType.IsDistributable() {
			i.Foreign = append(i.Foreign, fmt.Sprintf("layer %d (%s)", n+1, layer.Digest))
		}
	}
	if err := i.takePlatform(config, want); err != nil {
		return err
	}
	i.content, err = measure(content, &doc, config.RootFS.DiffIDs, func(done, total int64) { progress(i.Platform, done, total) })
	return err
}

// takePlatform goes by the index where that names the platform: engines do, and builders for many platforms leave wrong
// ones in configs.
func (i *Image) takePlatform(config *v1.ConfigFile, want v1.Platform) error {
	is := v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant}
	if i.listed != nil && i.listed.OS != "" {
		is = *i.listed
	} else if is.OS != "" && is.Architecture != "" && !satisfies(is, want) {
		return outcome.New(outcome.PlatformNotFound, "%s is a single image for %s, not for %s", i.Reference, platformName(&is), platformName(&want))
	}
	if err := checkPlatform(is); err != nil {
		return outcome.New(outcome.NotAnImage, "%s: the platform of %s", i.Reference, i.Digest).Because(err)
	}
	i.Platform = platformName(&is)
	return nil
}

func (i *Image) checkManifest(doc *v1.Manifest) error {
	switch {
	case !doc.Config.MediaType.IsConfig():
		return outcome.New(outcome.NotAnImage, "%s has a config of the type %.80q: an artefact, not an image", i.Reference, doc.Config.MediaType)
	case doc.Config.Size < 0 || doc.Config.Size > i.limits.ConfigBytes: // go-containerregistry reads -1 without an end
		return beyond("max-config-size", "%s: the config claims %d bytes; 0 to %d are allowed", i.Reference, doc.Config.Size, i.limits.ConfigBytes)
	case int64(len(doc.Layers)) > i.limits.Layers:
		return beyond("max-layers", "%s has %d layers, more than the %d allowed", i.Reference, len(doc.Layers), i.limits.Layers)
	}
	for n, layer := range doc.Layers {
		if !layer.MediaType.IsLayer() {
			return outcome.New(outcome.NotAnImage, "%s: layer %d is of the media type %.80q, which is no layer", i.Reference, n+1, layer.MediaType)
		}
		if layer.Size < 0 || layer.Size > i.limits.LayerBytes {
			return beyond("max-layer-size", "%s: layer %d (%s) claims %d bytes; 0 to %d are allowed", i.Reference, n+1, layer.Digest, layer.Size, i.limits.LayerBytes)
		}
	}
	return nil
}

type remoteStore struct {
	registry *Registry
	ref      Reference
	repo     name.Repository
	read     map[v1.Hash]*remote.Descriptor // one request a manifest
}

func (s *remoteStore) root(ctx context.Context) (manifest, error) {
	if s.ref.digest != "" {
		return s.get(ctx, s.repo.Digest(s.ref.digest))
	}
	return s.get(ctx, s.repo.Tag(s.ref.tag))
}

func (s *remoteStore) byDigest(ctx context.Context, digest v1.Hash) (manifest, error) {
	return s.get(ctx, s.repo.Digest(digest.String()))
}

func (s *remoteStore) get(ctx context.Context, ref name.Reference) (manifest, error) {
	desc, err := s.registry.puller.Get(ctx, ref)
	if err != nil {
		return manifest{}, faultOfManifest(ref, err)
	}
	s.read[desc.Digest] = desc
	return manifest{raw: desc.Manifest, digest: desc.Digest, mediaType: desc.MediaType}, nil
}

func (s *remoteStore) image(_ context.Context, m manifest) (v1.Image, error) {
	return s.read[m.digest].Image()
}

// faultOfManifest tells a manifest whose bytes are not those of its digest from a registry that fails.
func faultOfManifest(ref name.Reference, err error) error {
	if statusOf(err) == 0 && !isNetwork(err) && (strings.Contains(err.Error(), "does not match") || errors.Is(err, io.ErrUnexpectedEOF)) {
		return outcome.New(outcome.ContentDamaged, "%s: the manifest is not what its digest says", ref).Because(discreet{err})
	}
	return fault(ref.String(), err)
}
