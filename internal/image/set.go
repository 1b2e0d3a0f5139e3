package image

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Set is what a reference names: a single image, or the images of an index, one for every platform.
type Set struct {
	Reference Reference
	Index     v1.Hash  // of the outermost index; zero where there is none
	Images    []*Image // at least one; those of an index in its order
	LeftOut   []string // what else the index lists, as a person would call it

	whole  bool    // an index, of which no platform was named
	named  v1.Hash // what the reference pointed at: the index, or the manifest
	limits Limits
}

// Whole reports whether the set is an index, and not one platform of it: only then may anything be said of the index.
func (s *Set) Whole() bool { return s.whole }

// Digest is that of the index where the set is one as a whole, else that of the one image.
func (s *Set) Digest() v1.Hash {
	if s.whole {
		return s.Index
	}
	return s.Images[0].Digest
}

// Name is repository@digest. What has no digest, because no registry knows it, is named as it was written.
func (s *Set) Name() string {
	if s.whole {
		return s.Reference.Repository() + "@" + s.Index.String()
	}
	return s.Images[0].Name()
}

// Platforms are the names of the images' platforms, each of them once.
func (s *Set) Platforms() []string {
	names := make([]string, len(s.Images))
	for i, img := range s.Images {
		names[i] = img.Platform
	}
	return names
}

// Progress is told how many compressed bytes of a platform's image were read, and of how many.
type Progress func(platform string, done, total int64)

// maxDescriptions bounds the manifests and configs of all images of an index together: they are held in memory.
const maxDescriptions = 64 << 20

// Open resolves the reference, once. The zero Platform means every platform of an index, and whatever a single image is
// for; a named platform narrows an index to one image, and is demanded of a single one too. progress may be nil.
func (r *Registry) Open(ctx context.Context, ref Reference, platform v1.Platform, progress Progress) (*Set, error) {
	if ref.folder != "" {
		return openFolder(ref, r.limits)
	}
	from, err := r.store(ctx, ref, platform, progress)
	if err != nil {
		return nil, err
	}
	root, err := from.root(ctx)
	if err != nil {
		return nil, err
	}
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	set := &Set{Reference: ref, named: root.digest, limits: r.limits}
	if !root.mediaType.IsIndex() {
		img := &Image{Reference: ref, limits: r.limits}
		set.Images = []*Image{img}
		return set, img.load(ctx, from, root, platform, progress)
	}
	set.Index, set.whole = root.digest, platform.OS == ""
	listed := listing{ref: ref, from: from, most: r.limits.IndexEntries, seen: map[v1.Hash]bool{}}
	if err := listed.read(ctx, root, 0); err != nil {
		return nil, err
	}
	entries, err := listed.choose(platform)
	if err != nil {
		return nil, err
	}
	set.LeftOut = listed.leftOut
	return set, set.load(ctx, from, entries, platform, progress)
}

func (r *Registry) store(ctx context.Context, ref Reference, platform v1.Platform, progress Progress) (store, error) {
	switch {
	case ref.layout != "":
		return openLayout(ref, r.limits)
	case ref.archive != "":
		return openArchive(ctx, ref, ref.archive, r.scratch, r.limits)
	case ref.daemon:
		return r.openDaemon(ctx, ref, platform, progress)
	}
	return &remoteStore{registry: r, ref: ref, repo: r.repository(ref), read: map[v1.Hash]*remote.Descriptor{}}, nil
}

func (s *Set) load(ctx context.Context, from store, entries []v1.Descriptor, platform v1.Platform, progress Progress) error {
	descriptions := int64(0)
	for _, entry := range entries {
		m, err := from.byDigest(ctx, entry.Digest)
		if err != nil {
			return err
		}
		img := &Image{Reference: s.Reference, Index: s.Index, listed: entry.Platform, limits: s.limits}
		err = img.load(ctx, from, m, platform, progress)
		if entry.Platform == nil && s.whole && err != nil && outcome.Of(err).Reason == outcome.NotAnImage {
			// Nobody runs what says neither that it is an image nor for what.
			s.LeftOut = append(s.LeftOut, fmt.Sprintf("%s, which is no image", entry.Digest))
			continue
		}
		if err != nil {
			return err
		}
		if descriptions += int64(len(m.raw)) + img.configSize; descriptions > maxDescriptions {
			return outcome.New(outcome.TooLarge, "%s: the manifests and configs of its images take more than %d MiB together", s.Reference, maxDescriptions>>20)
		}
		s.Images = append(s.Images, img)
	}
	if len(s.Images) == 0 {
		return outcome.New(outcome.NotAnImage, "%s: the index lists no image", s.Reference).With(s.LeftOut...)
	}
	s.tellApart()
	return nil
}

// tellApart gives a second image for the same platform a name of its own.
func (s *Set) tellApart() {
	seen := map[string]bool{}
	for _, img := range s.Images {
		if seen[img.Platform] {
			img.Platform += "+" + img.Digest.Hex[:12]
		}
		seen[img.Platform] = true
	}
}

// listing is what an index lists, the indexes in it included: each manifest once, in order.
type listing struct {
	ref     Reference
	from    store
	entries []v1.Descriptor
	leftOut []string
	seen    map[v1.Hash]bool
	counted int64
	most    int64
}

func (l *listing) read(ctx context.Context, index manifest, depth int) error {
	if depth == maxIndexNesting {
		return outcome.New(outcome.TooLarge, "%s: indexes within indexes, more than %d deep", l.ref, maxIndexNesting)
	}
	var doc v1.IndexManifest
	if err := json.Unmarshal(index.raw, &doc); err != nil {
		return outcome.New(outcome.NotAnImage, "%s: the index cannot be read", l.ref).Because(err)
	}
	if l.counted += int64(len(doc.Manifests)); l.counted > l.most {
		return beyond("max-index-entries", "%s: the index has %d entries, more than the %d allowed", l.ref, l.counted, l.most)
	}
	for _, entry := range doc.Manifests {
		if err := l.add(ctx, entry, depth); err != nil {
			return err
		}
	}
	return nil
}

func (l *listing) add(ctx context.Context, entry v1.Descriptor, depth int) error {
	switch {
	case l.seen[entry.Digest]:
		l.leave("%s: the same manifest once more", platformName(entry.Platform))
	case entry.MediaType.IsIndex():
		l.seen[entry.Digest] = true
		nested, err := l.from.byDigest(ctx, entry.Digest)
		if err != nil {
			return err
		}
		return l.read(ctx, nested, depth+1)
	case forNobody(entry.Platform):
		l.leave("%s", attestation(entry))
	case entry.Platform == nil && !entry.MediaType.IsImage():
		l.leave("%s of the media type %.80q", entry.Digest, entry.MediaType)
	default:
		l.seen[entry.Digest] = true
		l.entries = append(l.entries, entry)
	}
	return nil
}

func (l *listing) leave(format string, args ...any) {
	l.leftOut = append(l.leftOut, fmt.Sprintf(format, args...))
}

// forNobody tells what no machine runs. Its annotations do not count: engines go by the platform alone.
func forNobody(p *v1.Platform) bool {
	return p != nil && p.OS == "unknown" && p.Architecture == "unknown"
}

// attestation names a manifest for nobody; BuildKit keeps its attestations in such.
// https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md
func attestation(entry v1.Descriptor) string {
	if of := entry.Annotations["vnd.docker.reference.digest"]; entry.Annotations["vnd.docker.reference.type"] == "attestation-manifest" {
		return fmt.Sprintf("BuildKit's attestations of %.80q", of)
	}
	return fmt.Sprintf("unknown/unknown, %s", entry.Digest)
}

// choose narrows the list to the platform, if one is named.
func (l *listing) choose(platform v1.Platform) ([]v1.Descriptor, error) {
	if platform.OS == "" {
		return l.entries, nil
	}
	only := len(l.entries) == 1 && l.entries[0].Platform == nil
	at := slices.IndexFunc(l.entries, func(entry v1.Descriptor) bool {
		return only || entry.Platform != nil && satisfies(*entry.Platform, platform)
	})
	var others []string
	for i, entry := range l.entries {
		if i != at {
			others = append(others, platformName(entry.Platform))
		}
	}
	if at < 0 {
		return nil, outcome.New(outcome.PlatformNotFound, "%s holds no image for %s", l.ref, platformName(&platform)).
			With("it holds " + strings.Join(others, ", "))
	}
	l.leftOut = append(others, l.leftOut...)
	return l.entries[at : at+1], nil
}
