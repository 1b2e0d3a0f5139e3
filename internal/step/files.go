package step

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Files writes whole files: a reader never sees half of one, and nothing is written once it is closed.
type Files struct {
	mu      sync.Mutex
	closed  bool
	written []string
}

// Write puts the content beside its place and moves it there. Devices and pipes, which cannot be replaced, are written to.
func (f *Files) Write(path string, content []byte) error { return f.write(path, content, 0o644) }

func (f *Files) write(path string, content []byte, mode fs.FileMode) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return outcome.New(outcome.Interrupted, "write %s: the run has ended", path)
	}
	f.written = append(f.written, path)
	if err := write(path, content, mode); err != nil {
		return outcome.New(outcome.OutputUnwritable, "write %s", path).Because(Bare(err))
	}
	return nil
}

// wrote reports whether the path is that of a file which was written.
func (f *Files) wrote(path string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, err := os.Stat(path)
	return err == nil && slices.ContainsFunc(f.written, func(other string) bool {
		info, err := os.Stat(other)
		return err == nil && os.SameFile(at, info)
	})
}

// Close makes every later Write fail, and waits for the one that is under way.
func (f *Files) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
}

func write(path string, content []byte, mode fs.FileMode) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return writeInPlace(path, content)
	}
	if err := MakeFolder(filepath.Dir(path)); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // no-op once it is in place
	if _, err := temp.Write(content); err != nil {
		temp.Close()
		return err
	}
	if err := errors.Join(temp.Chmod(mode), temp.Close(), adopt(temp.Name())); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}

// MakeFolder makes the folder and those above it that are missing; each belongs to the owner of the one that it is in.
func MakeFolder(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	if parent := filepath.Dir(path); parent != path {
		if err := MakeFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		if info, again := os.Stat(path); again == nil && info.IsDir() {
			return nil // somebody else made it meanwhile
		}
		return err
	}
	return adopt(path)
}

func writeInPlace(path string, content []byte) error {
	// A pipe that nobody reads from is an error, and not a reason to wait for ever.
	file, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close())
}

// readUpTo reads all of it, if that is no more than limit bytes.
func readUpTo(from io.Reader, limit int64) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(from, limit+1))
	if err == nil && int64(len(raw)) > limit {
		err = fmt.Errorf("is larger than %d bytes", limit)
	}
	return raw, err
}

// Bare leaves the name of a temporary file out of an error.
func Bare(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err
	}
	var number syscall.Errno
	if errors.As(err, &number) {
		return number
	}
	return err
}
