package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/stepseal/stepseal/internal/outcome"
)

// archiveStore reads what `docker save` writes, in its old form (a folder with a layer.tar for every layer) and in that
// of Docker 25 (the blobs of an OCI layout beside manifest.json), and what podman, skopeo, bazel and
// go-containerregistry write in its place. Such an image has no registry digest: its config names it, and the config's
// diff ids its layers.
// https://github.com/moby/docker-image-spec/blob/v1.3.1/spec.md#combined-image-json--filesystem-changeset-format
type archiveStore struct {
	ref    Reference
	files  *tarFiles
	limits Limits
	images []archivedImage
}

// archivedImage is one entry of manifest.json.
type archivedImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// maxNamesShown is how many names an error lists; an archive may hold any number.
const maxNamesShown = 20

// openArchive reads the archive's table of contents. scratch holds the archive unpacked, where it is compressed.
func openArchive(ctx context.Context, ref Reference, file, scratch string, limits Limits) (*archiveStore, error) {
	limits = limits.orDefault()
	files, err := indexTar(ctx, file, scratch, limits)
	if err != nil {
		return nil, archiveFault(ref, err)
	}
	s := &archiveStore{ref: ref, files: files, limits: limits}
	raw, err := files.read("manifest.json", limits.ManifestBytes, "max-manifest-size")
	if errors.Is(err, os.ErrNotExist) {
		err := outcome.New(outcome.NotAnImage, "%s: the archive holds no manifest.json, as docker save writes it", ref)
		if files.has("index.json") {
			err.Hint("this is an archive of an OCI layout: unpack it and name the folder by oci-layout:PATH")
		}
		return nil, err
	}
	if err != nil {
		return nil, archiveFault(ref, err)
	}
	if err := json.Unmarshal(raw, &s.images); err != nil {
		return nil, outcome.New(outcome.NotAnImage, "%s: manifest.json cannot be read", ref).Because(err)
	}
	return s, nil
}

func archiveFault(ref Reference, err error) error {
	var known *outcome.Error
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &known):
		renamed := *known
		renamed.Message = ref.String() + ": " + known.Message
		return &renamed
	case errors.Is(err, os.ErrNotExist):
		return outcome.New(outcome.ImageNotFound, "%s: there is no such file", ref).Hint("write it with docker save, or check the path")
	}
	return outcome.New(outcome.ContentDamaged, "%s", ref).Because(err)
}

// root makes up the manifest of the image that is named, or of the only one. It carries the blobs to their readers and
// has no digest that anybody else would know.
func (s *archiveStore) root(ctx context.Context) (manifest, error) {
	chosen, err := s.choose()
	if err != nil {
		return manifest{}, err
	}
	config, err := s.files.read(chosen.Config, s.limits.ConfigBytes, "max-config-size")
	if err != nil {
		return manifest{}, s.fault(err, "the config %.200q", chosen.Config)
	}
	id := digestOf(config)
	if named := digestInName(chosen.Config); named != "" && named != id.Hex {
		return manifest{}, s.damaged("the config %.200q has other content: its digest is %s", chosen.Config, id)
	}
	parsed, err := v1.ParseConfigFile(bytes.NewReader(config))
	if err != nil {
		return manifest{}, s.damaged("the config %.200q cannot be read", chosen.Config).Because(err)
	}
	switch n := len(chosen.Layers); {
	case int64(n) > s.limits.Layers:
		return manifest{}, beyond("max-layers", "%s has %d layers, more than the %d allowed", s.ref, n, s.limits.Layers)
	case n != len(parsed.RootFS.DiffIDs):
		return manifest{}, outcome.New(outcome.NotAnImage, "%s: manifest.json has %d layers and the config %d", s.ref, n, len(parsed.RootFS.DiffIDs))
	}
	doc := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Layers: []v1.Descriptor{},
		Config: v1.Descriptor{MediaType: types.OCIConfigJSON, Size: int64(len(config)), Digest: id}}
	for n, layer := range chosen.Layers {
		desc, err := s.layer(ctx, layer, parsed.RootFS.DiffIDs[n])
		if err != nil {
			return manifest{}, s.fault(err, "layer %d (%.200q)", n+1, layer)
		}
		doc.Layers = append(doc.Layers, desc)
	}
	raw, err := json.Marshal(doc)
	return manifest{raw: raw, mediaType: doc.MediaType}, err
}

func (s *archiveStore) damaged(format string, a ...any) *outcome.Error {
	return outcome.New(outcome.ContentDamaged, "%s: %s", s.ref, fmt.Sprintf(format, a...))
}

// fault is damaged, but for what has a reason of its own.
func (s *archiveStore) fault(err error, format string, a ...any) error {
	if known := new(outcome.Error); errors.As(err, &known) || errors.Is(err, context.Canceled) {
		return archiveFault(s.ref, err)
	}
	return s.damaged(format, a...).Because(err)
}

// layer describes a layer of the archive. One that is not compressed goes by its diff id, and is checked by it; of a
// compressed one the digest is taken, and what it unpacks to is checked by the diff id.
func (s *archiveStore) layer(ctx context.Context, file string, diffID v1.Hash) (v1.Descriptor, error) {
	found, err := s.files.find(file)
	if err != nil {
		return v1.Descriptor{}, err
	}
	desc := v1.Descriptor{MediaType: types.OCIUncompressedLayer, Size: found.size, Digest: diffID}
	head := make([]byte, 4)
	n, err := s.files.open(found).ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return v1.Descriptor{}, err
	}
	switch head = head[:n]; {
	case bytes.HasPrefix(head, gzipMagic):
		desc.MediaType = types.OCILayer
	case bytes.Equal(head, zstdMagic):
		desc.MediaType = types.OCILayerZStd
	default:
		return desc, nil
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, patient{ctx, s.files.open(found)}); err != nil {
		return v1.Descriptor{}, err
	}
	desc.Digest = v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum.Sum(nil))}
	return desc, nil
}

// choose finds the image by a tag, as docker completes it, or by its id.
func (s *archiveStore) choose() (archivedImage, error) {
	if s.ref.wanted == "" {
		if len(s.images) == 1 {
			return s.images[0], nil
		}
		return archivedImage{}, outcome.New(outcome.ImageNotFound, "%s: the archive holds %d images, and none is named", s.ref, len(s.images)).
			With(s.names()...).Hint("name one: docker-archive:PATH:REF")
	}
	wanted := completed(s.ref.wanted)
	for _, img := range s.images {
		byTag := slices.ContainsFunc(img.RepoTags, func(tag string) bool { return completed(tag) == wanted })
		if id := digestInName(img.Config); byTag || id != "" && id == strings.TrimPrefix(s.ref.wanted, "sha256:") {
			return img, nil
		}
	}
	return archivedImage{}, outcome.New(outcome.ImageNotFound, "%s: the archive holds no image of that name", s.ref).With(s.names()...)
}

// completed is the tag with the registry, the library and the tag that are left out.
func completed(tag string) string {
	if parsed, err := name.ParseReference(tag); err == nil {
		return parsed.Name()
	}
	return tag
}

func (s *archiveStore) names() []string {
	var lines []string
	for i, img := range s.images {
		if i == maxNamesShown {
			return append(lines, fmt.Sprintf("and %d more", len(s.images)-i))
		}
		if len(img.RepoTags) == 0 {
			lines = append(lines, fmt.Sprintf("it holds %.200q, which has no tag", digestInName(img.Config)))
			continue
		}
		lines = append(lines, fmt.Sprintf("it holds %.200q", img.RepoTags[:min(len(img.RepoTags), maxNamesShown)]))
	}
	return lines
}

var namedByDigest = regexp.MustCompile(`(?:^|/|sha256:)([0-9a-f]{64})(?:\.json)?$`)

// digestInName is the SHA-256 that a config's file is named by, in every form but bazel's oldest.
func digestInName(file string) string {
	if found := namedByDigest.FindStringSubmatch(path.Clean(file)); found != nil {
		return found[1]
	}
	return ""
}

func (s *archiveStore) byDigest(_ context.Context, digest v1.Hash) (manifest, error) {
	return manifest{}, s.damaged("manifest %s is asked for, which no archive of docker save holds", digest)
}

func (s *archiveStore) image(_ context.Context, m manifest) (v1.Image, error) {
	chosen, err := s.choose()
	if err != nil {
		return nil, err
	}
	config, err := s.files.read(chosen.Config, s.limits.ConfigBytes, "max-config-size")
	if err != nil {
		return nil, err
	}
	return newArchiveImage(s.files, chosen.Layers, m, config)
}
