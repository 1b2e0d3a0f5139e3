//go:build unix

package sbom

import "syscall"

const withoutWaiting = syscall.O_NONBLOCK
