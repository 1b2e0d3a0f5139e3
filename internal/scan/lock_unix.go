//go:build unix

package scan

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes the file's lock, which ends with the process, and reports whether it was free. A file system without
// locks, as some network shares are, counts as free: what is put in place is whole there too.
func tryLock(f *os.File, mode lockMode) (free bool, err error) {
	how := syscall.LOCK_SH
	if mode == exclusive {
		how = syscall.LOCK_EX
	}
	err = syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK), errors.Is(err, syscall.EINTR):
		return false, nil
	case errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.ENOLCK):
		return true, nil
	}
	return err == nil, err
}

func readOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
