package scan

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/OneOfOne/xxhash"
	v6 "github.com/anchore/grype/grype/db/v6"

	"github.com/stepseal/stepseal/internal/outcome"
)

const (
	databaseFile = v6.VulnerabilityDBFileName
	importFile   = v6.ImportMetadataFileName // beside a database that has its indexes; holds its checksum
)

// located is a folder that holds a database ready for use.
type located struct {
	name   string // as the user knows it
	dir    string
	sha256 string
	notes  []string
	hold   *lock // on the folder, until the database is closed
}

func (s Source) locate(ctx context.Context, now time.Time) (located, error) {
	if s.Path == "" {
		return s.grypes(ctx, now)
	}
	file, err := s.findFile()
	if err != nil {
		return located{}, err
	}
	return s.file(ctx, file, now)
}

// file is a database or an archive of one.
func (s Source) file(ctx context.Context, path string, now time.Time) (located, error) {
	kind, of, err := sumsOfFile(ctx, path)
	if err != nil {
		return located{}, asDamaged(ctx, s.Path, err)
	}
	if err := s.trusted(path, kind, of); err != nil {
		return located{}, err
	}
	imported, err := wholeBeside(path, kind, of)
	if err != nil {
		return located{}, damaged(s.Path).Because(err)
	}
	if dir := filepath.Dir(path); imported != "" && filepath.Base(path) == databaseFile && uriSafe(dir) {
		return located{name: s.Path, dir: dir, sha256: givenAs(dir, imported, of)}, nil
	}
	return s.cached(ctx, path, kind, of.sha256(), now)
}

// wholeBeside compares a bare database with the checksum that lies beside it, which is returned; empty where there is none.
func wholeBeside(path string, kind kind, of sums) (imported string, err error) {
	if kind != sqliteFile {
		return "", nil
	}
	if imported, err = readImport(filepath.Dir(path)); err != nil {
		return "", err
	}
	if imported != "" && imported != of.xxh64() {
		return "", errors.New("its checksum is not the one in " + importFile)
	}
	return imported, nil
}

// givenAs is the checksum of the database before it was put here, if we did that, so that it is the same in every form.
func givenAs(dir, imported string, of sums) string {
	if known := stampOf(dir); known.Import == imported && known.SHA256 != "" {
		return known.SHA256
	}
	return of.sha256()
}

var errNotDatabase = errors.New("it is neither an SQLite file nor a .tar.gz or .tar.zst archive")

func sumsOfFile(ctx context.Context, path string) (kind, sums, error) {
	f, err := os.Open(path)
	if err != nil {
		return notDatabase, sums{}, err
	}
	defer f.Close()
	in := bufio.NewReader(f)
	head, _ := in.Peek(16)
	kind := kindOf(head)
	if kind == notDatabase {
		return kind, sums{}, errNotDatabase
	}
	of := newSums()
	_, err = io.Copy(of, &interruptible{ctx, in})
	return kind, of, err
}

// uriSafe says whether grype can open the folder: it puts the path into a URI as it is.
func uriSafe(dir string) bool { return !strings.ContainsAny(dir, "?#%") }

type kind int

const (
	notDatabase kind = iota
	sqliteFile
	gzipArchive
	zstdArchive
)

func kindOf(head []byte) kind {
	switch {
	case bytes.HasPrefix(head, []byte("SQLite format 3\x00")):
		return sqliteFile
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return gzipArchive
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return zstdArchive
	}
	return notDatabase
}

// sums are the two checksums that matter, of one reading.
type sums struct {
	io.Writer
	sha, xxh hash.Hash
}

func newSums() sums {
	sha, xxh := sha256.New(), xxhash.New64()
	return sums{io.MultiWriter(sha, xxh), sha, xxh}
}

func (s sums) sha256() string { return "sha256:" + hex.EncodeToString(s.sha.Sum(nil)) }
func (s sums) xxh64() string  { return "xxh64:" + hex.EncodeToString(s.xxh.Sum(nil)) }

// readImport is the checksum that grype wrote when it added the indexes; empty where there is none.
func readImport(dir string) (string, error) {
	doc, err := os.ReadFile(filepath.Join(dir, importFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var imported v6.ImportMetadata
	if err := json.Unmarshal(doc, &imported); err != nil {
		return "", err
	}
	if imported.Digest == "" {
		return "", errors.New(importFile + " holds no checksum")
	}
	return imported.Digest, nil
}

// interruptible stops reading when nobody waits any more.
type interruptible struct {
	ctx  context.Context
	from io.Reader
}

func (r *interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.from.Read(p)
}

// asDamaged keeps an interruption what it is.
func asDamaged(ctx context.Context, name string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var known *outcome.Error
	if errors.As(err, &known) {
		return known
	}
	// No room to unpack it says nothing about the database.
	if noRoom(err) {
		return outcome.New(outcome.OutputUnwritable, "%s cannot be unpacked", name).Because(err).
			Hint("make room in the cache folder (XDG_CACHE_HOME, else HOME/.cache), or name a folder with the unpacked database")
	}
	return damaged(name).Because(err)
}

// sqliteFull is SQLITE_FULL. https://www.sqlite.org/rescode.html#full
const sqliteFull = 13

// noRoom says whether the disk is full, which the system tells who unpacks, and SQLite who adds indexes.
func noRoom(err error) bool {
	var told interface {
		error
		Code() int
	}
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EFBIG) || errors.Is(err, syscall.EDQUOT) ||
		errors.As(err, &told) && told.Code()&0xff == sqliteFull
}
