package image

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Limits on an archive of images. Each layer is three or four entries of it in its old form.
const (
	maxTarFiles   = 50_000
	maxTarHeaders = 256 << 20 // bytes of all headers, and of what stands in their place
	maxTarName    = 1024
	maxTarLinks   = 8 // links to links
)

// tarFiles says where in a tar its files lie, by their names. Of a name that stands twice the last one counts, since
// `docker load` unpacks one over the other.
type tarFiles struct {
	file  *os.File // closed when nobody holds it any longer: images are read until the run ends
	files map[string]tarFile
}

// tarFile is where a file's bytes lie, or the name that a link leads to.
type tarFile struct {
	offset, size int64
	link         string
}

// indexTar reads the headers of a tar, once. A compressed one is unpacked into scratch first.
func indexTar(ctx context.Context, file, scratch string, limits Limits) (*tarFiles, error) {
	f, err := openRegular(file)
	if err != nil {
		return nil, err
	}
	if f, err = plainTar(ctx, f, scratch, limits); err != nil {
		return nil, err
	}
	t := &tarFiles{file: f, files: map[string]tarFile{}}
	if err := t.index(ctx); err != nil {
		f.Close()
		return nil, err
	}
	return t, nil
}

// openRegular opens a file, and nothing that opening would wait at or do something to.
func openRegular(file string) (*os.File, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, bare(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is not a file")
	}
	f, err := os.Open(file)
	return f, bare(err)
}

// bare leaves the path out of an error whose reader names it already.
func bare(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// plainTar is the tar itself, or what it unpacks to: offsets into a compressed one say nothing.
func plainTar(ctx context.Context, f *os.File, scratch string, limits Limits) (*os.File, error) {
	head := make([]byte, 4)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		f.Close()
		return nil, bare(err)
	}
	if head = head[:n]; !bytes.HasPrefix(head, gzipMagic) && !bytes.Equal(head, zstdMagic) {
		return f, nil
	}
	from, err := unpack(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot be unpacked: %w", err)
	}
	defer from.Close()
	return spool(ctx, from, scratch, limits, nil)
}

// spool writes a stream into a file of the scratch folder, up to a bound. told, if not nil, is told of every piece.
func spool(ctx context.Context, from io.Reader, scratch string, limits Limits, told func(n int64)) (*os.File, error) {
	to, err := os.CreateTemp(scratch, "archive-*.tar")
	if err != nil {
		return nil, err
	}
	n, err := io.Copy(to, io.LimitReader(patient{ctx, heard{from, told}}, limits.UnpackedBytes+1))
	if err == nil && n > limits.UnpackedBytes {
		err = beyond("max-unpacked-size", "the archive is larger than %s", Size(limits.UnpackedBytes))
	}
	if err == nil {
		_, err = to.Seek(0, io.SeekStart)
	}
	if err != nil {
		to.Close()
		return nil, errors.Join(err, os.Remove(to.Name()))
	}
	return to, nil
}

// patient reads until the context ends.
type patient struct {
	ctx context.Context
	io.Reader
}

func (p patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.Reader.Read(b)
}

type heard struct {
	io.Reader
	told func(n int64)
}

func (h heard) Read(b []byte) (int, error) {
	n, err := h.Reader.Read(b)
	if h.told != nil {
		h.told(int64(n))
	}
	return n, err
}

func (t *tarFiles) index(ctx context.Context) error {
	info, err := t.file.Stat()
	if err != nil {
		return bare(err)
	}
	headers := &headerReader{ctx: ctx, file: t.file, left: maxTarHeaders}
	r := tar.NewReader(headers)
	for n := 0; ; n++ {
		head, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var known *outcome.Error
		if errors.As(err, &known) || errors.Is(err, context.Canceled) {
			return err
		}
		if err != nil {
			return fmt.Errorf("it is no tar, or cut short: %w", err)
		}
		if n == maxTarFiles {
			return outcome.New(outcome.TooLarge, "the archive holds more than %d files", maxTarFiles)
		}
		if len(head.Name) > maxTarName || len(head.Linkname) > maxTarName {
			return outcome.New(outcome.TooLarge, "a name in the archive is longer than %d bytes", maxTarName)
		}
		at, err := t.file.Seek(0, io.SeekCurrent) // archive/tar reads not a byte ahead
		if err != nil {
			return bare(err)
		}
		if head.Size < 0 || head.Size > info.Size()-at {
			return fmt.Errorf("cut short: %.200q should have %d bytes", head.Name, head.Size)
		}
		t.add(head, at)
	}
}

func (t *tarFiles) add(head *tar.Header, at int64) {
	name := inside(head.Name)
	switch head.Typeflag {
	case tar.TypeReg:
		t.files[name] = tarFile{offset: at, size: head.Size}
	case tar.TypeLink:
		t.files[name] = tarFile{link: inside(head.Linkname)}
	case tar.TypeSymlink:
		to := head.Linkname
		if !path.IsAbs(to) {
			to = path.Join("/", path.Dir(name), to)
		}
		t.files[name] = tarFile{link: inside(to)}
	}
}

// inside is a name without what would lead out of the archive.
func inside(name string) string { return path.Clean("/" + filepath.ToSlash(name))[1:] }

func (t *tarFiles) has(name string) bool {
	_, err := t.find(name)
	return err == nil
}

// find follows links: a layer that another image has too stands there once.
func (t *tarFiles) find(name string) (tarFile, error) {
	name = inside(name)
	for range maxTarLinks {
		found, ok := t.files[name]
		if !ok {
			return tarFile{}, fmt.Errorf("the archive holds no file %.200q: %w", name, fs.ErrNotExist)
		}
		if found.link == "" {
			return found, nil
		}
		name = found.link
	}
	return tarFile{}, fmt.Errorf("%.200q is a link to a link, more than %d times", name, maxTarLinks)
}

func (t *tarFiles) open(at tarFile) *io.SectionReader {
	return io.NewSectionReader(t.file, at.offset, at.size)
}

// read is a small file, whole; flag is the input that raises the limit.
func (t *tarFiles) read(name string, limit int64, flag string) ([]byte, error) {
	at, err := t.find(name)
	if err != nil {
		return nil, err
	}
	if at.size > limit {
		return nil, beyond(flag, "%.200q has %d bytes; %d are allowed", name, at.size, limit)
	}
	return io.ReadAll(t.open(at))
}

// headerReader bounds what is read of a tar besides its files, which are sought over.
type headerReader struct {
	ctx  context.Context
	file *os.File
	left int64
}

func (h *headerReader) Seek(offset int64, whence int) (int64, error) {
	return h.file.Seek(offset, whence)
}

func (h *headerReader) Read(p []byte) (int, error) {
	if err := h.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := h.file.Read(p)
	if h.left -= int64(n); h.left < 0 {
		return 0, outcome.New(outcome.TooLarge, "the archive's headers are larger than %d MiB", maxTarHeaders>>20)
	}
	return n, err
}
