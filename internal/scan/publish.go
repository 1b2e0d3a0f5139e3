package scan

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/anchore/grype/grype/db/v6/distribution"
	"github.com/klauspost/compress/zstd"

	"github.com/stepseal/stepseal/internal/mirror"
)

func (r *BuildReport) publish(ctx context.Context, opt BuildOptions, dir string) error {
	parent := filepath.Dir(filepath.Clean(opt.Output))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	stage, err := os.MkdirTemp(parent, ".database-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(stage)
	if kind := archiveKind(opt.Output); kind != notDatabase {
		return r.publishArchive(ctx, opt, kind, dir, stage)
	}
	return r.publishFolder(ctx, opt.Output, dir, stage)
}

func (r *BuildReport) publishArchive(ctx context.Context, opt BuildOptions, kind kind, dir, stage string) error {
	packed := filepath.Join(stage, filepath.Base(opt.Output))
	of, err := pack(ctx, packed, kind, dir, r.Database.Built)
	if err != nil {
		return err
	}
	info, err := os.Stat(packed)
	if err != nil {
		return err
	}
	r.SHA256, r.Size = of.sha256(), info.Size()
	latest, err := latestDocument(packed, r.Database)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(stage, mirror.LatestFile), latest, 0o644); err != nil {
		return err
	}
	if opt.Sign != nil {
		signature, err := opt.Sign(latest)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(stage, mirror.SignatureFile), signature, 0o644); err != nil {
			return err
		}
	}
	return moveOut(stage, opt)
}

// moveOut puts the files in their places, the archive first: a latest.json must never name what is not there. The
// signature of an earlier one goes.
func moveOut(stage string, opt BuildOptions) error {
	to := filepath.Dir(opt.Output)
	if err := os.Rename(filepath.Join(stage, filepath.Base(opt.Output)), opt.Output); err != nil {
		return err
	}
	signature := filepath.Join(to, mirror.SignatureFile)
	var err error
	if opt.Sign != nil {
		err = os.Rename(filepath.Join(stage, mirror.SignatureFile), signature)
	} else if err = os.Remove(signature); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return err
	}
	return os.Rename(filepath.Join(stage, mirror.LatestFile), filepath.Join(to, mirror.LatestFile))
}

// pack writes an archive as grype lays it out. Package.db of grype is not used: it changes the working directory and
// runs an external program.
func pack(ctx context.Context, name string, kind kind, dir string, built time.Time) (sums, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return sums{}, err
	}
	of := newSums()
	packer, err := compressor(io.MultiWriter(f, of), kind)
	if err != nil {
		return sums{}, errors.Join(err, f.Close())
	}
	archive := tar.NewWriter(packer)
	for _, file := range []string{databaseFile, importFile} {
		if err = add(ctx, archive, filepath.Join(dir, file), built); err != nil {
			break
		}
	}
	return of, errors.Join(err, archive.Close(), packer.Close(), f.Close())
}

func compressor(to io.Writer, kind kind) (io.WriteCloser, error) {
	if kind == gzipArchive {
		return gzip.NewWriterLevel(to, gzip.BestCompression)
	}
	return zstd.NewWriter(to, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
}

func add(ctx context.Context, archive *tar.Writer, name string, built time.Time) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	head := &tar.Header{Name: filepath.Base(name), Mode: 0o644, Size: info.Size(), ModTime: built, Typeflag: tar.TypeReg}
	if err := archive.WriteHeader(head); err != nil {
		return err
	}
	_, err = io.Copy(archive, &interruptible{ctx, f})
	return err
}

func latestDocument(packed string, of Info) ([]byte, error) {
	archive, err := distribution.NewArchive(packed, of.Built, v6.ModelVersion, v6.Revision, v6.Addition)
	if err != nil {
		return nil, err
	}
	latest := distribution.NewLatestDocument(*archive)
	if latest == nil {
		return nil, errors.New("no document to describe it")
	}
	var doc bytes.Buffer
	if err := latest.Write(&doc); err != nil {
		return nil, err
	}
	if !json.Valid(doc.Bytes()) {
		return nil, errors.New("the document that describes it is not JSON")
	}
	return doc.Bytes(), nil
}

func (r *BuildReport) publishFolder(ctx context.Context, output, dir, stage string) error {
	inner := filepath.Join(stage, "new", "6")
	if err := os.MkdirAll(inner, 0o755); err != nil {
		return err
	}
	for _, file := range []string{databaseFile, importFile} {
		f, err := os.Open(filepath.Join(dir, file))
		if err != nil {
			return err
		}
		of, err := write(filepath.Join(inner, file), &interruptible{ctx, f})
		f.Close()
		if err != nil {
			return err
		}
		if file == databaseFile {
			r.SHA256 = of.sha256()
		}
	}
	info, err := os.Stat(filepath.Join(inner, databaseFile))
	if err != nil {
		return err
	}
	r.Size = info.Size()
	return replace(output, filepath.Dir(inner), filepath.Join(stage, "old"))
}

// replace puts a folder into the place of another, which is moved aside, and moved back if that fails.
func replace(output, by, aside string) error {
	err := os.Rename(output, aside)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	there := err == nil
	if err = os.Rename(by, output); err != nil && there {
		err = errors.Join(err, os.Rename(aside, output))
	}
	return err
}
