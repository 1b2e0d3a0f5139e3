package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Write brings the tree below root to what files says, and removes what is stale.
func Write(root string, files map[string][]byte) error {
	for name, content := range files {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return err
		}
	}
	stale, err := leftovers(root, files)
	for _, name := range stale {
		err = errors.Join(err, os.Remove(filepath.Join(root, filepath.FromSlash(name))))
	}
	return err
}

// Drift names every file of the tree below root that is not as files says: missing, changed, or stale.
func Drift(root string, files map[string][]byte) ([]string, error) {
	var drift []string
	for name, content := range files {
		held, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil || !bytes.Equal(held, content) {
			drift = append(drift, fmt.Sprintf("%s is missing or changed", name))
		}
	}
	stale, err := leftovers(root, files)
	for _, name := range stale {
		drift = append(drift, fmt.Sprintf("%s is a leftover", name))
	}
	slices.Sort(drift)
	return drift, err
}

func leftovers(root string, files map[string][]byte) ([]string, error) {
	var stale []string
	for _, folder := range Folders {
		err := fs.WalkDir(os.DirFS(root), folder, func(name string, entry fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist) && name == folder:
				return fs.SkipDir
			case err != nil:
				return err
			case !entry.IsDir() && files[name] == nil:
				stale = append(stale, name)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return stale, nil
}
