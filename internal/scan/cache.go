package scan

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/OneOfOne/xxhash"
	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/klauspost/compress/zstd"
	"github.com/spf13/afero"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Bounds on archives. The official database is 100 MB packed and 1.6 GB unpacked.
const (
	maxUnpacked = 16 << 30 // of one file, and of all that is read from an archive, taken or not
	maxEntries  = 64
	maxWindow   = 256 << 20
)

// stampFile lies beside a database in the cache and says what it is.
const stampFile = "stepseal.json"

// cached is the database of a file, unpacked and indexed once for all runs. Runs beside each other may do the work
// twice; none sees a half of it, because the folder is renamed into its place.
func (s Source) cached(ctx context.Context, from string, kind kind, sum string, now time.Time) (located, error) {
	if s.CacheDir == "" {
		return located{}, outcome.New(outcome.Unexpected, "there is no cache folder to unpack the database %s in", s.Path)
	}
	root, err := filepath.Abs(filepath.Join(s.CacheDir, "databases"))
	if err != nil || !uriSafe(root) {
		return located{}, outcome.New(outcome.Unexpected, "the cache folder %s has a name with ?, # or %% in it", s.CacheDir).Because(err)
	}
	home := filepath.Join(root, strings.TrimPrefix(sum, "sha256:"))
	_ = os.Chtimes(home, now, now) // it is in use
	if known, ok := readStamp(ctx, home); ok {
		return located{name: s.Path, dir: home, sha256: known.SHA256}, nil
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return located{}, outcome.New(outcome.Unexpected, "the database %s cannot be unpacked", s.Path).Because(err)
	}
	if ctx.Err() != nil {
		return located{}, ctx.Err()
	}
	removeLeftovers(root, now)
	removeUnused(root, now)
	work, err := os.MkdirTemp(root, ".unpack-*")
	if err != nil {
		return located{}, outcome.New(outcome.Unexpected, "the database %s cannot be unpacked", s.Path).Because(err)
	}
	defer os.RemoveAll(work)
	original, err := unpack(ctx, from, kind, work)
	if err != nil {
		return located{}, asDamaged(ctx, s.Path, err)
	}
	if err := index(work, original); err != nil {
		return located{}, asDamaged(ctx, s.Path, err)
	}
	if err := settle(ctx, work, home, original.sha256()); err != nil {
		return located{}, outcome.New(outcome.Unexpected, "the database %s cannot be unpacked", s.Path).Because(err)
	}
	return located{name: s.Path, dir: home, sha256: original.sha256()}, nil
}

// readStamp says what a folder of the cache holds, and whether it is still what was put there.
func readStamp(ctx context.Context, dir string) (stamp, bool) {
	s := stampOf(dir)
	if s.SHA256 == "" {
		return stamp{}, false
	}
	want, err := readImport(dir)
	if err != nil || want == "" {
		return stamp{}, false
	}
	f, err := os.Open(filepath.Join(dir, databaseFile))
	if err != nil {
		return stamp{}, false
	}
	defer f.Close()
	sum := xxhash.New64() // grype's checksum; a thousand megabytes take it a fraction of a second
	_, err = io.Copy(sum, &interruptible{ctx, f})
	return s, err == nil && want == "xxh64:"+hex.EncodeToString(sum.Sum(nil))
}

// unpack writes the database, and its import.json if there is one, into dir.
func unpack(ctx context.Context, from string, kind kind, dir string) (sums, error) {
	f, err := os.Open(from)
	if err != nil {
		return sums{}, err
	}
	defer f.Close()
	in := io.Reader(&interruptible{ctx, bufio.NewReaderSize(f, 1<<20)})
	switch kind {
	case gzipArchive:
		if in, err = gzip.NewReader(in); err != nil {
			return sums{}, err
		}
	case zstdArchive:
		dec, err := zstd.NewReader(in, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return sums{}, err
		}
		defer dec.Close()
		in = dec
	default:
		return write(filepath.Join(dir, databaseFile), in)
	}
	return untar(in, maxUnpacked, dir)
}

// untar takes two files out of an archive and reads at most that many bytes of it.
func untar(in io.Reader, most int64, dir string) (of sums, err error) {
	whole := &bounded{from: in, left: most, most: most}
	archive := tar.NewReader(whole)
	for n := 0; ; n++ {
		entry, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return sums{}, err
		}
		if n == maxEntries {
			return sums{}, fmt.Errorf("more than %d files in it", maxEntries)
		}
		if entry.Typeflag != tar.TypeReg {
			continue
		}
		switch path.Clean(entry.Name) {
		case databaseFile:
			if of.sha != nil {
				return sums{}, fmt.Errorf("two files named %s in it", databaseFile)
			}
			if of, err = write(filepath.Join(dir, databaseFile), archive); err != nil {
				return sums{}, err
			}
		case importFile:
			if _, err := write(filepath.Join(dir, importFile), io.LimitReader(archive, 1<<20)); err != nil {
				return sums{}, err
			}
		}
	}
	if of.sha == nil {
		return sums{}, fmt.Errorf("no %s in it", databaseFile)
	}
	// The compressor's checksum lies behind the end of the archive, and is compared by who reads up to there.
	_, err = io.Copy(io.Discard, whole)
	return of, err
}

// bounded reads so much and fails at the next byte: what is skipped in an archive has to be unpacked too.
type bounded struct {
	from       io.Reader
	left, most int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("it unpacks to more than %d bytes", b.most)
	}
	return n, err
}

func write(name string, from io.Reader) (sums, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return sums{}, err
	}
	of := newSums()
	n, err := io.Copy(io.MultiWriter(f, of), io.LimitReader(from, maxUnpacked+1))
	if err == nil && n > maxUnpacked {
		err = fmt.Errorf("larger than %d bytes", int64(maxUnpacked))
	}
	return of, errors.Join(err, f.Close())
}

// index adds the indexes that published databases are shipped without. One with a checksum beside it has them.
func index(dir string, original sums) error {
	imported, err := readImport(dir)
	if err != nil {
		return err
	}
	if imported == original.xxh64() {
		return nil
	}
	if imported != "" {
		return errors.New("its checksum is not the one in " + importFile)
	}
	if err := v6.Hydrater()(dir); err != nil {
		return err
	}
	_, err = v6.WriteImportMetadata(afero.NewOsFs(), dir, "stepseal")
	return err
}

// settle moves the finished folder to its place.
func settle(ctx context.Context, work, home, sum string) error {
	if err := writeStamp(work, stamp{SHA256: sum}); err != nil {
		return err
	}
	if err := os.Chmod(work, 0o755); err != nil {
		return err
	}
	if os.Rename(work, home) == nil {
		return nil
	}
	if _, ok := readStamp(ctx, home); ok {
		return nil // somebody was faster
	}
	// What is there is damaged: put it aside, where the next run that looks for leftovers finds it.
	aside, err := os.MkdirTemp(filepath.Dir(home), ".unpack-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(aside)
	if err := os.Rename(home, filepath.Join(aside, "damaged")); err != nil {
		return err
	}
	return os.Rename(work, home)
}

// removeLeftovers clears what runs that died more than a day ago were unpacking.
func removeLeftovers(root string, now time.Time) {
	left, _ := filepath.Glob(filepath.Join(root, ".unpack-*"))
	for _, dir := range left {
		if info, err := os.Stat(dir); err == nil && now.Sub(info.ModTime()) > 24*time.Hour {
			_ = os.RemoveAll(dir)
		}
	}
}

// unusedFor is how long a database stays in the cache that no run uses. An archive of every day takes gigabytes each.
const unusedFor = 14 * 24 * time.Hour

// removeUnused clears databases that no run has used for long, each moved aside first, so that none is seen in halves.
func removeUnused(root string, now time.Time) {
	all, _ := filepath.Glob(filepath.Join(root, strings.Repeat("[0-9a-f]", sha256.Size*2)))
	for _, dir := range all {
		if info, err := os.Lstat(dir); err != nil || !info.IsDir() || now.Sub(info.ModTime()) <= unusedFor {
			continue
		}
		aside, err := os.MkdirTemp(root, ".unpack-*")
		if err != nil {
			return
		}
		_ = os.Rename(dir, filepath.Join(aside, "unused"))
		_ = os.RemoveAll(aside)
	}
}
