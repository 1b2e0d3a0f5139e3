package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Limits on what an image may claim about itself.
const (
	maxIndexEntries = 1000
	maxLayers       = 512
	maxConfigBytes  = 8 << 20
	maxLayerBytes   = 32 << 30 // compressed, declared
	maxUnpacked     = 64 << 30 // all layers, unpacked
	maxEntries      = 400_000  // files in all layers; each costs a cataloguer about 4 KiB, and big node_modules have 150 000
	maxIndexNesting = 4
)

// Image is one image of one platform, by digest. Its layers are read when somebody asks for them.
type Image struct {
	Reference Reference
	Digest    v1.Hash  // of the manifest of this platform; zero where the source knows none: docker, docker-archive, dir
	Index     v1.Hash  // of the index that it was chosen from; zero for a single image
	Platform  string   // os/architecture[/variant]
	LeftOut   []string // the other platforms of the index
	Created   time.Time
	ID        v1.Hash // of the config; zero for a folder

	content *measured
	named   v1.Hash // what the tag pointed at: the index or the manifest
	matched bool    // by the platform in an index
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

// HostPlatform is the platform of this machine, of which images exist: linux on everything but Windows.
func HostPlatform() v1.Platform {
	os := "linux"
	if runtime.GOOS == "windows" {
		os = runtime.GOOS
	}
	return v1.Platform{OS: os, Architecture: runtime.GOARCH}
}

// ParsePlatform reads os/architecture[/variant].
func ParsePlatform(text string) (v1.Platform, error) {
	p, err := v1.ParsePlatform(text)
	if err != nil || p.OS == "" || p.Architecture == "" || p.OSVersion != "" || plain(text) != nil {
		return v1.Platform{}, fmt.Errorf("%q is not a platform: os/architecture[/variant] is, such as linux/arm64/v8", text)
	}
	return *p, nil
}

// Open resolves the reference, once, and narrows an index to one platform. A named platform is demanded of a single
// image too; the zero Platform means this machine's for an index, and whatever it is for a single image. progress, if
// not nil, is told of the compressed bytes read so far and in all.
func (r *Registry) Open(ctx context.Context, ref Reference, platform v1.Platform, progress func(done, total int64)) (*Image, error) {
	if ref.folder != "" {
		return openFolder(ref)
	}
	from, err := r.store(ctx, ref, platform, progress)
	if err != nil {
		return nil, err
	}
	root, err := from.root(ctx)
	if err != nil {
		return nil, err
	}
	img := &Image{Reference: ref, named: root.digest}
	chosen, want := root, platform
	if platform.OS == "" {
		want = HostPlatform()
	}
	for depth := 0; chosen.mediaType.IsIndex(); depth++ {
		if depth == maxIndexNesting {
			return nil, outcome.New(outcome.TooLarge, "%s: indexes within indexes, more than %d deep", ref, maxIndexNesting)
		}
		if chosen, err = img.narrow(ctx, from, chosen, want); err != nil {
			return nil, err
		}
	}
	return img.load(ctx, from, chosen, platform, progress)
}

func (r *Registry) store(ctx context.Context, ref Reference, platform v1.Platform, progress func(done, total int64)) (store, error) {
	switch {
	case ref.layout != "":
		return openLayout(ref)
	case ref.archive != "":
		return openArchive(ctx, ref, ref.archive, r.scratch)
	case ref.daemon:
		return r.openDaemon(ctx, ref, platform, progress)
	}
	return &remoteStore{registry: r, ref: ref, repo: r.repository(ref)}, nil
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

func (i *Image) narrow(ctx context.Context, from store, index manifest, want v1.Platform) (manifest, error) {
	var doc v1.IndexManifest
	if err := json.Unmarshal(index.raw, &doc); err != nil {
		return manifest{}, outcome.New(outcome.NotAnImage, "%s: the index cannot be read", i.Reference).Because(err)
	}
	if len(doc.Manifests) > maxIndexEntries {
		return manifest{}, outcome.New(outcome.TooLarge, "%s: the index has %d entries, more than the %d allowed", i.Reference, len(doc.Manifests), maxIndexEntries)
	}
	if i.Index == (v1.Hash{}) {
		i.Index = index.digest
	}
	var found *v1.Descriptor
	var held []string
	for n := range doc.Manifests {
		entry := &doc.Manifests[n]
		if attestation(entry) {
			continue
		}
		if found == nil && (entry.Platform == nil && len(doc.Manifests) == 1 || entry.Platform != nil && satisfies(*entry.Platform, want)) {
			found = entry
			continue
		}
		held = append(held, platformName(entry.Platform))
	}
	if found == nil {
		return manifest{}, outcome.New(outcome.PlatformNotFound, "%s holds no image for %s", i.Reference, platformName(&want)).
			With("it holds " + strings.Join(held, ", "))
	}
	i.LeftOut = append(i.LeftOut, held...)
	i.matched = i.matched || found.Platform != nil
	return from.byDigest(ctx, found.Digest)
}

// satisfies knows that arm64 and arm64/v8 are the same.
func satisfies(is, want v1.Platform) bool {
	for _, p := range []*v1.Platform{&is, &want} {
		if p.Architecture == "arm64" && p.Variant == "v8" {
			p.Variant = ""
		}
	}
	return is.Satisfies(want)
}

// attestation tells BuildKit's attestation manifests, which are no images.
// https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md
func attestation(entry *v1.Descriptor) bool {
	return entry.Annotations["vnd.docker.reference.type"] == "attestation-manifest" ||
		entry.Platform != nil && entry.Platform.OS == "unknown" && entry.Platform.Architecture == "unknown"
}

func platformName(p *v1.Platform) string {
	if p == nil || p.OS == "" {
		return "unnamed"
	}
	parts := []string{p.OS, p.Architecture}
	if p.Variant != "" {
		parts = append(parts, p.Variant)
	}
	return strings.Join(parts, "/")
}

func (i *Image) load(ctx context.Context, from store, m manifest, want v1.Platform, progress func(done, total int64)) (*Image, error) {
	if !m.mediaType.IsImage() {
		return nil, outcome.New(outcome.NotAnImage, "%s is of the media type %.80q, which is no image", i.Reference, m.mediaType)
	}
	var doc v1.Manifest
	if err := json.Unmarshal(m.raw, &doc); err != nil {
		return nil, outcome.New(outcome.NotAnImage, "%s: the manifest cannot be read", i.Reference).Because(err)
	}
	if err := i.checkManifest(&doc); err != nil {
		return nil, err
	}
	content, err := from.image(ctx, m)
	if err != nil {
		return nil, fault(i.Reference.String(), err)
	}
	config, err := content.ConfigFile()
	if err != nil {
		return nil, faultOfContent(fmt.Sprintf("%s: the config", i.Reference), err)
	}
	if n := len(config.RootFS.DiffIDs); n != len(doc.Layers) {
		return nil, outcome.New(outcome.NotAnImage, "%s: the manifest has %d layers and the config %d", i.Reference, len(doc.Layers), n)
	}
	i.Digest, i.ID = m.digest, doc.Config.Digest
	i.Created = config.Created.UTC()
	is := v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant}
	i.Platform = platformName(&is)
	// Where an index has named the platform its word counts: builders for many platforms leave wrong ones in configs.
	if !i.matched && is.OS != "" && is.Architecture != "" && !satisfies(is, want) {
		return nil, outcome.New(outcome.PlatformNotFound, "%s is a single image for %s, not for %s", i.Reference, i.Platform, platformName(&want))
	}
	i.content, err = measure(content, &doc, progress)
	return i, err
}

func (i *Image) checkManifest(doc *v1.Manifest) error {
	switch {
	case !doc.Config.MediaType.IsConfig():
		return outcome.New(outcome.NotAnImage, "%s has a config of the type %.80q: an artefact, not an image", i.Reference, doc.Config.MediaType)
	case doc.Config.Size < 0 || doc.Config.Size > maxConfigBytes: // go-containerregistry reads -1 without an end
		return outcome.New(outcome.TooLarge, "%s: the config claims %d bytes; 0 to %d are allowed", i.Reference, doc.Config.Size, maxConfigBytes)
	case len(doc.Layers) > maxLayers:
		return outcome.New(outcome.TooLarge, "%s has %d layers, more than the %d allowed", i.Reference, len(doc.Layers), maxLayers)
	}
	for n, layer := range doc.Layers {
		if !layer.MediaType.IsLayer() {
			return outcome.New(outcome.NotAnImage, "%s: layer %d is of the media type %.80q, which is no layer", i.Reference, n+1, layer.MediaType)
		}
		if layer.Size < 0 || layer.Size > maxLayerBytes {
			return outcome.New(outcome.TooLarge, "%s: layer %d claims %d bytes; 0 to %d are allowed", i.Reference, n+1, layer.Size, int64(maxLayerBytes))
		}
	}
	return nil
}

// Moved asks once more what the tag points at, and returns it where it is no longer what Open resolved. A digest that
// was named along with the tag may be that of one platform in the tag's index.
func (r *Registry) Moved(ctx context.Context, img *Image) (now v1.Hash, moved bool, err error) {
	ref := img.Reference
	if ref.tag == "" || !ref.InRegistry() {
		return v1.Hash{}, false, nil
	}
	repo := r.repository(ref)
	desc, err := r.puller.Head(ctx, repo.Tag(ref.tag))
	if err != nil {
		return v1.Hash{}, false, fault(ref.String(), err)
	}
	if desc.Digest == img.named {
		return desc.Digest, false, nil
	}
	if ref.digest == "" || !desc.MediaType.IsIndex() {
		return desc.Digest, true, nil
	}
	at := repo.Digest(desc.Digest.String())
	index, err := r.puller.Get(ctx, at)
	if err != nil {
		return v1.Hash{}, false, faultOfManifest(at, err)
	}
	var doc v1.IndexManifest
	if err := json.Unmarshal(index.Manifest, &doc); err != nil {
		return v1.Hash{}, false, outcome.New(outcome.NotAnImage, "%s: the index cannot be read", at).Because(err)
	}
	holds := slices.ContainsFunc(doc.Manifests, func(entry v1.Descriptor) bool { return entry.Digest == img.named })
	return desc.Digest, !holds, nil
}

type remoteStore struct {
	registry *Registry
	ref      Reference
	repo     name.Repository
	read     map[v1.Hash]*remote.Descriptor // one request a manifest
}

func (s *remoteStore) root(ctx context.Context) (manifest, error) {
	s.read = map[v1.Hash]*remote.Descriptor{}
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
