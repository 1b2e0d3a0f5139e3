package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// A file is one regular file of a layer.
type file struct {
	path    string
	content []byte
}

// writeFiles writes a layer that holds files and nothing else.
func writeFiles(to string, files []file) error {
	return writeTar(to, func(w *tar.Writer) error {
		for _, f := range files {
			if err := writeFile(w, f, 0o644); err != nil {
				return err
			}
		}
		return nil
	})
}

// writeTree writes a layer that holds folder under prefix.
func writeTree(to, folder, prefix string) error {
	return writeTar(to, func(w *tar.Writer) error {
		return filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			below, err := filepath.Rel(folder, name)
			if err != nil {
				return err
			}
			return addEntry(w, name, path.Join(prefix, filepath.ToSlash(below)), entry)
		})
	})
}

func addEntry(w *tar.Writer, name, as string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	switch {
	case entry.IsDir():
		return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: as + "/", Mode: 0o755, ModTime: made})
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(name)
		if err != nil {
			return err
		}
		return w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: as, Linkname: target, Mode: 0o777, ModTime: made})
	}
	content, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return writeFile(w, file{as, content}, 0o644|int64(info.Mode().Perm()&0o111))
}

func writeFile(w *tar.Writer, f file, mode int64) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: f.path, Size: int64(len(f.content)), Mode: mode, ModTime: made}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err := w.Write(f.content)
	return err
}

func writeTar(to string, fill func(*tar.Writer) error) error {
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	w := tar.NewWriter(out)
	if err := fill(w); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return out.Close()
}

// changeInTar copies a tar archive and replaces the content of one regular file.
func changeInTar(from io.Reader, to, name string, change func([]byte) ([]byte, error)) error {
	return writeTar(to, func(w *tar.Writer) error {
		r := tar.NewReader(from)
		for {
			header, err := r.Next()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			if path.Clean(header.Name) != name {
				if err := w.WriteHeader(header); err != nil {
					return err
				}
				if _, err := io.Copy(w, r); err != nil {
					return err
				}
				continue
			}
			before, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			after, err := change(before)
			if err != nil {
				return err
			}
			header.Size = int64(len(after))
			if err := w.WriteHeader(header); err != nil {
				return err
			}
			if _, err := w.Write(after); err != nil {
				return err
			}
		}
	})
}

// jar returns a jar with the given entries, sorted by name, stored without compression.
func jar(entries map[string][]byte) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	names := make([]string, 0, len(entries))
	for name := range entries {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		// Neither call can fail on a bytes.Buffer.
		entry, _ := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store, Modified: made})
		_, _ = entry.Write(entries[name])
	}
	_ = w.Close()
	return out.Bytes()
}
