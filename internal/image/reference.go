// Package image names, resolves and reads container images: references, digests, platforms, registry access, layers,
// and the artefacts that refer to an image. It is the door to go-containerregistry.
//
// A tag is resolved once. Everything after works by digest, and every byte read from outside is bounded and hashed.
package image

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Reference is what a user names with --image, parsed. The zero value names nothing.
type Reference struct {
	text   string
	repo   name.Repository // registry references
	tag    string
	digest string // sha256:<hex>, where the reference pins one
	layout string // oci-layout: the folder

	archive string // docker-archive: the file
	folder  string // dir
	daemon  bool   // docker
	wanted  string // docker and docker-archive: what the image is called there
}

// Parse reads a registry reference (tag, digest, or tag@digest), oci-layout:PATH[:TAG], docker-archive:PATH[:REF],
// docker:REF or dir:PATH.
func Parse(text string) (Reference, error) {
	if err := plain(text); err != nil {
		return Reference{}, err
	}
	scheme, rest, found := strings.Cut(text, ":")
	if found {
		switch scheme {
		case "oci-layout":
			return parseLayout(text, rest)
		case "docker-archive":
			return parseArchive(text, rest)
		case "docker":
			return parseDaemon(text, rest)
		case "dir":
			return parseFolder(text, rest)
		case "oci-archive", "oci-dir", "registry":
			return Reference{}, outcome.New(outcome.UnsupportedSource, "%s: is not a source that this version reads", scheme).
				Hint("name an image in a registry (registry.example.com/team/app:1.0), oci-layout:PATH, docker-archive:PATH or docker:REF")
		}
	}
	return parseRegistry(text)
}

// plain refuses what no reference contains and what would only serve to upset a log.
func plain(text string) error {
	switch {
	case text == "":
		return errors.New("is empty")
	case len(text) > 1024:
		return fmt.Errorf("is %d bytes long; 1024 are allowed", len(text))
	}
	for _, r := range text {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' {
			return fmt.Errorf("contains the control character %q", r)
		}
	}
	return nil
}

func parseLayout(text, rest string) (Reference, error) {
	path, tag := rest, ""
	// A colon may belong to the path: the part behind it is a tag only if the whole is no folder.
	if i := strings.LastIndex(rest, ":"); i > 0 && !strings.Contains(rest[i:], "/") && !isFolder(rest) {
		path, tag = rest[:i], rest[i+1:]
	}
	if path == "" {
		return Reference{}, errors.New("names no folder: oci-layout:PATH[:TAG]")
	}
	return Reference{text: text, layout: path, tag: tag}, nil
}

func parseArchive(text, rest string) (Reference, error) {
	path, wanted, _ := strings.Cut(rest, ":")
	// A colon may belong to the path: the longest part that is there is the path.
	for at := len(rest); at > 0; at = strings.LastIndex(rest[:at], ":") {
		if info, err := os.Stat(rest[:at]); err == nil && !info.IsDir() {
			path, wanted = rest[:at], strings.TrimPrefix(rest[at:], ":")
			break
		}
	}
	if path == "" {
		return Reference{}, errors.New("names no file: docker-archive:PATH[:REF]")
	}
	return Reference{text: text, archive: path, wanted: wanted}, nil
}

// askable is what a daemon may be asked for: a name with tag or digest, or an id. It becomes part of a URL.
var askable = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:@-]*(/[A-Za-z0-9][A-Za-z0-9._:@-]*)*$`)

func parseDaemon(text, rest string) (Reference, error) {
	if !askable.MatchString(rest) {
		return Reference{}, fmt.Errorf("%q is not what a daemon calls an image: docker:NAME[:TAG], docker:NAME@DIGEST or docker:ID", rest)
	}
	return Reference{text: text, daemon: true, wanted: rest}, nil
}

func parseFolder(text, rest string) (Reference, error) {
	if rest == "" {
		return Reference{}, errors.New("names no folder: dir:PATH")
	}
	return Reference{text: text, folder: rest}, nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func parseRegistry(text string) (Reference, error) {
	named, digest, _ := strings.Cut(text, "@")
	ref := Reference{text: text, digest: digest}
	if digest != "" {
		if hash, err := v1.NewHash(digest); err != nil || hash.Algorithm != "sha256" || digest != strings.ToLower(digest) {
			return Reference{}, fmt.Errorf("%q is not a digest: sha256: and 64 lower-case hex digits are", digest)
		}
	} else if strings.Contains(text, "@") {
		return Reference{}, errors.New("ends where a digest should follow the @")
	}
	parsed, err := name.ParseReference(named)
	if err != nil {
		return Reference{}, fmt.Errorf("is not an image reference: %s", strings.TrimPrefix(err.Error(), "could not parse reference: "))
	}
	ref.repo = parsed.Context()
	if tag, ok := parsed.(name.Tag); ok && (digest == "" || strings.HasSuffix(named, ":"+tag.TagStr())) {
		ref.tag = tag.TagStr()
	}
	return ref, nil
}

// String is the reference as it was written.
func (r Reference) String() string { return r.text }

// IsZero reports whether the reference names nothing.
func (r Reference) IsZero() bool { return r.text == "" }

// InRegistry reports whether the image lies in a registry, which signing and verifying need.
func (r Reference) InRegistry() bool { return r.text != "" && r.layout == "" && !r.hasNoDigest() }

// hasNoDigest reports whether the source knows no manifest digest.
func (r Reference) hasNoDigest() bool { return r.archive != "" || r.folder != "" || r.daemon }

// Folder is the folder of dir:, which is no image; empty for everything else.
func (r Reference) Folder() string { return r.folder }

// Repository is where the image lies, as outputs and statements name it: a repository, or the folder of a layout. What
// has no manifest digest is named as it was written.
func (r Reference) Repository() string {
	switch {
	case r.layout != "":
		return "oci-layout:" + r.layout
	case r.hasNoDigest():
		return r.text
	}
	return r.repo.Name()
}

// Name is the last part of the repository: what people call the image.
func (r Reference) Name() string {
	at := r.repo.RepositoryStr()
	switch {
	case r.layout != "":
		at = strings.TrimRight(r.layout, "/")
	case r.wanted != "":
		at, _, _ = strings.Cut(r.wanted, "@")
		if i := strings.LastIndex(at, ":"); i > strings.LastIndex(at, "/") {
			at = at[:i]
		}
	case r.archive != "":
		at = filepath.ToSlash(r.archive)
	case r.folder != "":
		at = strings.TrimRight(filepath.ToSlash(r.folder), "/")
	}
	return at[strings.LastIndex(at, "/")+1:]
}

// Tag is empty where a digest alone was named.
func (r Reference) Tag() string { return r.tag }
