// Package memory knows how much memory this process may have, and ends work that would get it killed: the kernel's
// killer leaves no word of why, and no outputs.
package memory

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
)

// Limit is what the smallest cgroup around this process, or else the machine, allows, and where it was found. 0 means
// that nobody knows. root is the root of the file system.
func Limit(root fs.FS) (bytes int64, from string) {
	bytes, from = cgroupLimit(root)
	if free := available(root); free > 0 && (bytes == 0 || free < bytes) {
		return free, "available on this machine"
	}
	return bytes, from
}

// cgroupLimit looks at the group of the process and at all groups above it: each of them counts.
// https://docs.kernel.org/admin-guide/cgroup-v2.html#memory
func cgroupLimit(root fs.FS) (smallest int64, from string) {
	raw, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0, ""
	}
	for line := range strings.Lines(string(raw)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		mount, file := "sys/fs/cgroup", "memory.max"
		if parts[1] != "" {
			mount, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
			if !strings.Contains(","+parts[1]+",", ",memory,") {
				continue
			}
		}
		// In a container the path may be the one outside, which is not there; what is mounted is the container's own.
		for dir := path.Clean("/" + parts[2]); ; dir = path.Dir(dir) {
			name := path.Join(mount, dir, file)
			if n := number(root, name); n > 0 && (smallest == 0 || n < smallest) {
				smallest, from = n, "/"+name
			}
			if dir == "/" {
				break
			}
		}
	}
	return smallest, from
}

// number is the one in a file; none, where it says max, or what version 1 says for it.
func number(root fs.FS, name string) int64 {
	raw, err := fs.ReadFile(root, name)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(raw)), 10, 64)
	if err != nil || n <= 0 || n > math.MaxInt64/4 {
		return 0
	}
	return n
}

// available is what the machine could give now without swapping.
// https://docs.kernel.org/filesystems/proc.html#meminfo
func available(root fs.FS) int64 {
	f, err := root.Open("proc/meminfo")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kibibytes int64
		if n, _ := fmt.Sscanf(lines.Text(), "MemAvailable: %d kB", &kibibytes); n == 1 && kibibytes < math.MaxInt64>>10 {
			return kibibytes << 10
		}
	}
	return 0
}
