package step

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// scratchPrefix marks the folders of runs.
const scratchPrefix = "stepseal-run-"

// abandoned is how old a folder without a living owner must be before another run removes it.
const abandoned = time.Minute

// Scratch is the one folder that holds everything temporary of a run, the libraries' files too.
type Scratch struct {
	Path string
	lock *os.File
}

// NewScratch makes the folder below dir, and removes those of runs that died.
func NewScratch(dir string) (*Scratch, error) {
	path, err := os.MkdirTemp(dir, scratchPrefix)
	if err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(path, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		_, err = tryLock(lock)
	}
	if err != nil {
		os.RemoveAll(path)
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	sweep(dir, path)
	return &Scratch{Path: path, lock: lock}, nil
}

// sweep removes the folders whose lock nobody holds.
func sweep(dir, own string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if !strings.HasPrefix(entry.Name(), scratchPrefix) || !entry.IsDir() || path == own {
			continue
		}
		if info, err := entry.Info(); err != nil || time.Since(info.ModTime()) < abandoned {
			continue
		}
		lock, err := os.OpenFile(filepath.Join(path, ".lock"), os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if free, err := tryLock(lock); err == nil && free {
			os.RemoveAll(path)
		}
		lock.Close()
	}
}

// Remove deletes the folder. Work that was left behind may still be writing into it, so it tries for a while.
func (s *Scratch) Remove() {
	for range 20 {
		if err := os.RemoveAll(s.Path); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.lock.Close()
}
