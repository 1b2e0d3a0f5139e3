package scan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// lockFile lies in the folder of grype's database. Whoever reads the database holds it together with others, whoever
// replaces it holds it alone. It ends with the process, and the grype CLI knows nothing of it.
const lockFile = ".stepseal.lock"

// lockWait is how long a run waits for others: the longest download, and the scans that read the database.
const lockWait = 65 * time.Minute

const lockPause = 50 * time.Millisecond

type lockMode int

const (
	shared lockMode = iota
	exclusive
)

// lock is held until it is released; nil is held by nobody.
type lock struct{ file *os.File }

// lockFolder waits for the lock. Where there is no folder to read from, or nobody may write into it, a reader needs none.
func lockFolder(ctx context.Context, dir string, mode lockMode) (*lock, error) {
	file := filepath.Join(dir, lockFile)
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil && mode == shared {
		f, err = os.Open(file) // of somebody else; to read beside others that is enough
	}
	if err != nil && mode == shared && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || readOnly(err)) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := wait(ctx, f, mode); err != nil {
		f.Close()
		return nil, err
	}
	return &lock{f}, nil
}

func wait(ctx context.Context, f *os.File, mode lockMode) error {
	patience, cancel := context.WithTimeoutCause(ctx, lockWait, fmt.Errorf("another run has held %s for %s", f.Name(), lockWait))
	defer cancel()
	for {
		free, err := tryLock(f, mode)
		if err != nil || free {
			return err
		}
		select {
		case <-patience.Done():
			return context.Cause(patience)
		case <-time.After(lockPause):
		}
	}
}

func (l *lock) release() error {
	if l == nil {
		return nil
	}
	return l.file.Close()
}
