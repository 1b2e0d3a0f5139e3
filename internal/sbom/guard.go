package sbom

import (
	"context"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/memory"
	"github.com/stepseal/stepseal/internal/outcome"
)

// Bounds are what the cataloguing of one image may take. A zero field bounds nothing.
type Bounds struct {
	Memory int64 // of this process, in bytes
	Disk   int64 // that cataloguers may fill with what they unpack once more: jars in jars
	// Reserve waits until so many bytes of memory are free, and returns the function that gives them back: images are
	// catalogued side by side only where all of them fit.
	Reserve func(ctx context.Context, bytes int64) (release func(), err error)
}

// check is asked again and again while the cataloguers work.
type check func() error

// guarded runs the work, and stops waiting for it when a check says so. The work is told by its context; a library that
// does not listen is left behind, for a run that is about to end.
func guarded(ctx context.Context, every time.Duration, checks []check, work func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	type result struct {
		err      error
		panicked any
	}
	done := make(chan result, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- result{panicked: p}
			}
		}()
		done <- result{err: work(ctx)}
	}()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case r := <-done:
			if r.panicked != nil {
				panic(r.panicked)
			}
			return r.err
		case <-tick.C:
			for _, wrong := range checks {
				if err := wrong(); err != nil {
					return err
				}
			}
		}
	}
}

// checks are the ones that the bounds ask for. A cataloguer that reads a whole file into memory, or unpacks an archive
// in an archive, cannot be told how much is too much; what can be seen is how much it has taken.
func (b Bounds) checks(scratch string) (list []check) {
	if b.Memory > 0 {
		list = append(list, func() error {
			// The collector keeps below 90 %, unless what is in use is more.
			if used := memory.Used(); used > b.Memory/100*95 {
				return outcome.New(outcome.MemoryTooSmall, "the cataloguers hold %s, and only %s of memory are allowed", image.Size(used), image.Size(b.Memory))
			}
			return nil
		})
	}
	if b.Disk > 0 {
		rounds := 0
		list = append(list, func() error {
			if rounds++; rounds%10 != 0 { // it costs more than a look at the memory
				return nil
			}
			if used := folderSize(scratch); used > b.Disk {
				return outcome.New(outcome.TooLarge, "the archives within the image unpack to more than %s", image.Size(b.Disk)).
					Hint("if the image is to be trusted, --max-unpacked-size raises the bound")
			}
			return nil
		})
	}
	return list
}

// folderSize leaves out the layers, which are counted already, and what vanishes meanwhile.
func folderSize(dir string) (total int64) {
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if entry.IsDir() && (strings.HasPrefix(entry.Name(), image.PoolPrefix) || strings.HasPrefix(entry.Name(), linksPrefix)) {
			return fs.SkipDir
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		if info, err := entry.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	return total
}
