//go:build !unix

package scan

import "os"

// tryLock has no lock to take here: runs beside each other may do the same work twice, and none sees a half of it.
func tryLock(*os.File, lockMode) (free bool, err error) { return true, nil }

func readOnly(error) bool { return false }
