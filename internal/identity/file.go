package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"syscall"

	"github.com/stepseal/stepseal/internal/outcome"
)

// named is the file that somebody named: it must be there.
func (f finder) named(context.Context) (found, error) {
	if f.File == "" {
		return found{}, nil
	}
	raw, err := f.readFile(f.File)
	if errors.Is(err, fs.ErrNotExist) {
		return found{}, outcome.New(outcome.IdentityTokenMissing, "there is no identity token at %s", f.File).
			Hint("in Kubernetes and Tekton project one there: %s", projection)
	}
	return found{Named, f.File, raw}, unreadable(f.File, err)
}

// projected is the token that kubelet keeps fresh where a Pod mounts it.
// https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken
func (f finder) projected(context.Context) (found, error) {
	raw, err := f.readFile(ProjectedFile)
	if errors.Is(err, fs.ErrNotExist) {
		return found{}, nil
	}
	return found{Projected, ProjectedFile, raw}, unreadable(ProjectedFile, err)
}

func unreadable(file string, err error) error {
	if err == nil {
		return nil
	}
	return outcome.New(outcome.IdentityTokenUnusable, "the identity token %s cannot be read", file).Because(err).
		Hint("it must be a file that this user may read; in Kubernetes mount the projected volume itself, and not by subPath")
}

// readFile follows links: kubelet swaps the token by a link to a folder, ..data. The error is fs.ErrNotExist where there
// is no such file.
func (f finder) readFile(file string) (string, error) {
	name := strings.TrimPrefix(path.Clean(file), "/")
	switch {
	case !path.IsAbs(file) || !fs.ValidPath(name):
		return "", errors.New("its path is not absolute")
	case f.Files == nil:
		return "", fs.ErrNotExist
	}
	info, err := fs.Stat(f.Files, name)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return "", fs.ErrNotExist
	case err != nil:
		return "", bare(err)
	case info.IsDir():
		return "", errors.New("it is a folder")
	case !info.Mode().IsRegular():
		return "", errors.New("it is not a regular file")
	}
	opened, err := f.Files.Open(name)
	if err != nil {
		return "", bare(err)
	}
	defer opened.Close()
	content, err := io.ReadAll(io.LimitReader(opened, maxToken+1))
	if err == nil && len(content) > maxToken {
		err = fmt.Errorf("it is larger than %d KiB", maxToken>>10)
	}
	return string(content), bare(err)
}

// bare is what is wrong without the path, which is said already.
func bare(err error) error {
	if at := new(fs.PathError); errors.As(err, &at) {
		return at.Err
	}
	return err
}
