package memory

import (
	"runtime/debug"
	"runtime/metrics"
)

// Bound tells the collector to stay below nine tenths of the limit, and leaves the rest to what it does not see: the
// program itself, and the pages of files.
func Bound(limit int64) {
	if limit > 0 {
		debug.SetMemoryLimit(limit / 10 * 9)
	}
}

// Used is how much memory the Go runtime holds.
func Used() int64 {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64() - sample[1].Value.Uint64())
}
