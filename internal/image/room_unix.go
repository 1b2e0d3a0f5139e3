//go:build linux || darwin

package image

import (
	"errors"
	"path/filepath"
	"syscall"
)

// freeSpace is how much may still be written beside a file; false where nobody knows.
func freeSpace(file string) (int64, bool) {
	var at syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(file), &at); err != nil || at.Blocks == 0 {
		return 0, false
	}
	return int64(at.Bavail) * int64(at.Bsize), true
}

// full tells an error of a disk without room, or of a quota or a limit on the size of files.
func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}
