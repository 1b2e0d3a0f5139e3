//go:build unix

package step

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes the file's lock, which ends with the process, and reports whether it was free.
func tryLock(f *os.File) (free bool, err error) {
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
