package sbom

import (
	"context"
	"fmt"
	"io"
	"os"

	stereoscope "github.com/anchore/stereoscope/pkg/file"
	"github.com/anchore/stereoscope/pkg/filetree"
	"github.com/anchore/syft/syft/artifact"
	"github.com/anchore/syft/syft/file"
	"github.com/anchore/syft/syft/source"
	"github.com/google/uuid"
)

// folderSource gives a listed folder to syft.
type folderSource struct {
	name string // as it was named
	*folder
}

// ID is of the name alone, like that of syft's own source: two runs over the same folder give the same documents.
func (s folderSource) ID() artifact.ID {
	return artifact.ID(uuid.NewSHA1(namespace, []byte("dir:"+s.name)).String())
}

func (s folderSource) Describe() source.Description {
	return source.Description{ID: string(s.ID()), Name: s.name, Metadata: source.DirectoryMetadata{Path: s.name}}
}

func (s folderSource) FileResolver(source.Scope) (file.Resolver, error) {
	return &folderResolver{folder: s.folder, search: filetree.NewSearchContext(s.tree, s.index)}, nil
}

// folderResolver answers as syft's resolver of an image's squashed layers does.
type folderResolver struct {
	*folder
	search filetree.Searcher
}

func (r *folderResolver) HasPath(name string) bool { return r.tree.HasPath(stereoscope.Path(name)) }

func (r *folderResolver) FilesByPath(names ...string) ([]file.Location, error) {
	var found []file.Location
	for _, name := range names {
		at, err := r.search.SearchByPath(name, filetree.FollowBasenameLinks)
		if err != nil || at == nil {
			continue // absent, or behind links that lead nowhere
		}
		found = append(found, r.locations(*at)...)
	}
	return found, nil
}

func (r *folderResolver) FilesByGlob(patterns ...string) ([]file.Location, error) {
	return r.each(patterns, func(pattern string) ([]stereoscope.Resolution, error) {
		return r.search.SearchByGlob(pattern, filetree.FollowBasenameLinks)
	})
}

func (r *folderResolver) FilesByMIMEType(types ...string) ([]file.Location, error) {
	return r.each(types, func(kind string) ([]stereoscope.Resolution, error) { return r.search.SearchByMIMEType(kind) })
}

// each asks once for every question and leaves out what an earlier answer held.
func (r *folderResolver) each(questions []string, ask func(string) ([]stereoscope.Resolution, error)) ([]file.Location, error) {
	var found []file.Location
	seen := stereoscope.NewFileReferenceSet()
	for _, question := range questions {
		answers, err := ask(question)
		if err != nil {
			return nil, err
		}
		for _, at := range answers {
			if at.HasReference() && !seen.Contains(*at.Reference) {
				seen.Add(*at.Reference)
				found = append(found, r.locations(at)...)
			}
		}
	}
	return found, nil
}

// locations is the file that was found, if it is no folder.
func (r *folderResolver) locations(at stereoscope.Resolution) []file.Location {
	if !at.HasReference() {
		return nil
	}
	entry, err := r.index.Get(*at.Reference)
	if err != nil || entry.Type == stereoscope.TypeDirectory {
		return nil
	}
	return []file.Location{file.NewVirtualLocationFromDirectory(string(at.RealPath), string(at.RequestPath), *at.Reference)}
}

func (r *folderResolver) RelativeFileByPath(_ file.Location, name string) *file.Location {
	if found, err := r.FilesByPath(name); err == nil && len(found) > 0 {
		return &found[0]
	}
	return nil
}

func (r *folderResolver) AllLocations(ctx context.Context) <-chan file.Location {
	all := make(chan file.Location)
	go func() {
		defer close(all)
		for _, ref := range r.tree.AllFiles(stereoscope.AllTypes()...) {
			select {
			case <-ctx.Done():
				return
			case all <- file.NewLocationFromDirectory(string(ref.RealPath), "", ref):
			}
		}
	}()
	return all
}

func (r *folderResolver) FileMetadataByLocation(at file.Location) (file.Metadata, error) {
	entry, err := r.index.Get(at.Reference())
	if err != nil {
		return file.Metadata{}, fmt.Errorf("%s: %w", at.RealPath, os.ErrNotExist)
	}
	return entry.Metadata, nil
}

func (r *folderResolver) FileContentsByLocation(at file.Location) (io.ReadCloser, error) {
	entry, err := r.index.Get(at.Reference())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at.RealPath, os.ErrNotExist)
	}
	if entry.Type != stereoscope.TypeRegular {
		return nil, fmt.Errorf("%s is no file", at.RealPath)
	}
	return r.content(string(entry.RealPath)[1:], entry.Size())
}

// content can be read from anywhere, which saves the catalogers of binaries a copy in memory.
type content struct {
	*io.SectionReader
	io.Closer
}

func newContent(f *os.File, size int64) *content {
	return &content{io.NewSectionReader(f, 0, size), f}
}
