package advisory

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/strictjson"
)

// Reader reads advisories from any number of places and converts them together, since what two of them say about one
// vulnerability has to become one record. The zero value is ready for use.
type Reader struct {
	Bounds Bounds
	into   *converter
}

// Path reads a file, or a folder with everything below it: OSV records as .json, many of them as .jsonl, both also
// compressed (.zst, .gz), zip archives of them, NVD's files, tables of EPSS scores (.csv), and the KEV catalogue. In a folder, files of other kinds and JSON files
// that are something else are counted and left out; a file that was named is an error if it is not an advisory.
func (r *Reader) Path(ctx context.Context, name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return outcome.New(outcome.AdvisoryUnusable, "%s cannot be read", name).Because(err)
	}
	if info.IsDir() {
		return r.FS(ctx, os.DirFS(name), name)
	}
	f, err := os.Open(name)
	if err != nil {
		return outcome.New(outcome.AdvisoryUnusable, "%s cannot be read", name).Because(err)
	}
	defer f.Close()
	return r.file(ctx, source{name: filepath.ToSlash(name), named: true}, f)
}

// FS reads everything in fsys; name is what errors call it.
func (r *Reader) FS(ctx context.Context, fsys fs.FS, name string) error {
	return fs.WalkDir(fsys, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return outcome.New(outcome.AdvisoryUnusable, "%s cannot be read", path.Join(name, file)).Because(err)
		}
		// A ConfigMap's files are links. Only what they lead to says whether it is a file.
		info, err := fs.Stat(fsys, file)
		if err != nil {
			return outcome.New(outcome.AdvisoryUnusable, "%s cannot be read", path.Join(name, file)).Because(err)
		}
		if !info.Mode().IsRegular() {
			return nil
		}
		f, err := fsys.Open(file)
		if err != nil {
			return outcome.New(outcome.AdvisoryUnusable, "%s cannot be read", path.Join(name, file)).Because(err)
		}
		defer f.Close()
		return r.file(ctx, source{name: path.Join(filepath.ToSlash(name), file)}, f)
	})
}

// Set is what was read so far, converted. It is an error if that is nothing.
func (r *Reader) Set() (Set, error) {
	set := r.convert().set()
	if len(set.Providers) == 0 {
		return Set{}, outcome.New(outcome.AdvisoryUnusable, "there is no advisory in what was given").With(set.Summary.String())
	}
	for _, p := range set.Providers {
		if p.Captured.IsZero() {
			return Set{}, outcome.New(outcome.AdvisoryUnusable, "no record of %s carries a date, so the age of the data is not known", p.Name)
		}
	}
	return set, nil
}

func (r *Reader) convert() *converter {
	if r.into == nil {
		r.into = newConverter()
		r.Bounds = r.Bounds.orDefaults()
	}
	return r.into
}

// source is where bytes come from.
type source struct {
	name  string
	named bool // by the caller, not found in a folder
	depth int  // of archives in archives
}

func (s source) unusable(err error) error {
	return outcome.New(outcome.AdvisoryUnusable, "%s", s.name).Because(err)
}

func (s source) at(line int) source {
	s.name = fmt.Sprintf("%s:%d", s.name, line)
	return s
}

func (r *Reader) file(ctx context.Context, s source, from io.Reader) error {
	into := r.convert()
	if err := ctx.Err(); err != nil {
		return err
	}
	base, in, err := decompress(s.name, from)
	if err != nil {
		return s.unusable(err)
	}
	in = &bounded{from: in, left: r.Bounds.FileBytes, ctx: ctx}
	switch strings.ToLower(path.Ext(base)) {
	case ".json":
		into.summary.Files++
		return r.document(s, in)
	case ".jsonl", ".ndjson":
		into.summary.Files++
		return r.lines(s, in)
	case ".csv":
		into.summary.Files++
		return r.table(s, in)
	case ".zip":
		return r.zip(ctx, s, in)
	}
	if s.named {
		return s.unusable(errors.New("a file of this kind is not read"))
	}
	into.skip("file is not JSON")
	return nil
}

// decompress takes .zst and .gz off the name and the bytes.
func decompress(name string, from io.Reader) (string, io.Reader, error) {
	switch ext := path.Ext(name); strings.ToLower(ext) {
	case ".zst":
		in, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
		if err != nil {
			return "", nil, err
		}
		return strings.TrimSuffix(name, ext), in.IOReadCloser(), nil
	case ".gz":
		in, err := gzip.NewReader(from)
		return strings.TrimSuffix(name, ext), in, err
	}
	return name, from, nil
}

// bounded ends with an error, not silently, when there is more than allowed or nobody waits any more.
type bounded struct {
	from io.Reader
	left int64
	ctx  context.Context
}

func (b *bounded) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := b.from.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errors.New("larger than allowed")
	}
	return n, err
}

// table takes EPSS scores; another table in a folder is none of ours.
func (r *Reader) table(s source, in io.Reader) error {
	err := r.epss(in)
	if errors.Is(err, errNotEPSS) && !s.named {
		r.into.skip("CSV file is " + errNotEPSS.Error())
		return nil
	}
	if err != nil {
		return r.failed(s, err)
	}
	return nil
}

func (r *Reader) document(s source, from io.Reader) error {
	in := bufio.NewReaderSize(from, nvdHead)
	if isNVD(in) {
		if err := r.nvd(in); err != nil {
			return r.failed(s, err)
		}
		return nil
	}
	doc, err := io.ReadAll(io.LimitReader(in, int64(r.Bounds.RecordBytes)+1))
	if err != nil {
		return r.failed(s, err)
	}
	err = r.record(doc)
	if errors.Is(err, errNotAdvisory) && !s.named {
		r.into.skip("JSON file is " + errNotAdvisory.Error())
		return nil
	}
	if err != nil {
		return s.unusable(err)
	}
	return nil
}

// failed keeps an interruption what it is.
func (r *Reader) failed(s source, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return s.unusable(err)
}

func (r *Reader) lines(s source, in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 64<<10), r.Bounds.RecordBytes)
	n := 0
	for lines.Scan() {
		n++
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		if err := r.record(bytes.Clone(line)); err != nil {
			return s.at(n).unusable(err)
		}
	}
	if err := lines.Err(); err != nil {
		return r.failed(s.at(n+1), err)
	}
	return nil
}

func (r *Reader) zip(ctx context.Context, s source, in io.Reader) error {
	const most = 1 << 30 // a zip is read from its end, so it has to be held
	if s.depth > 0 {
		return s.unusable(errors.New("an archive in an archive is not read"))
	}
	doc, err := io.ReadAll(io.LimitReader(in, most+1))
	if err != nil {
		return r.failed(s, err)
	}
	if len(doc) > most {
		return s.unusable(errors.New("larger than allowed"))
	}
	archive, err := zip.NewReader(bytes.NewReader(doc), int64(len(doc)))
	if err != nil {
		return s.unusable(err)
	}
	for _, entry := range archive.File {
		if !entry.Mode().IsRegular() {
			continue
		}
		inner := source{name: s.name + ":" + entry.Name, depth: s.depth + 1}
		f, err := entry.Open()
		if err != nil {
			return inner.unusable(err)
		}
		err = r.file(ctx, inner, f)
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// record takes one OSV record or the KEV catalogue.
func (r *Reader) record(doc []byte) error {
	if r.into.summary.Records >= r.Bounds.Records {
		return fmt.Errorf("more than %d records", r.Bounds.Records)
	}
	rec, err := parse(doc, r.Bounds)
	if errors.Is(err, errNotAdvisory) {
		return r.catalogue(doc)
	}
	if err != nil {
		return err
	}
	r.into.add(rec)
	return nil
}

// catalogue takes CISA's catalogue of known exploited vulnerabilities, which is known by its shape.
// https://www.cisa.gov/known-exploited-vulnerabilities-catalog
func (r *Reader) catalogue(doc []byte) error {
	if err := strictjson.Check(doc, strictjson.Bounds{Bytes: int64(r.Bounds.RecordBytes), Depth: maxDepth}); err != nil {
		return err
	}
	var kev struct {
		Version  string            `json:"catalogVersion"`
		Released string            `json:"dateReleased"`
		Count    *int              `json:"count"`
		Entries  []json.RawMessage `json:"vulnerabilities"`
	}
	if err := json.Unmarshal(doc, &kev); err != nil || kev.Version == "" || kev.Entries == nil {
		return errNotAdvisory
	}
	released, err := time.Parse(time.RFC3339, kev.Released)
	switch {
	case err != nil && kev.Released != "": // without one the set has no date, and says so
		return fmt.Errorf("the date of the KEV catalogue, %.40q, is not one", kev.Released)
	case kev.Count != nil && *kev.Count != len(kev.Entries):
		return fmt.Errorf("the KEV catalogue says that it has %d entries, and has %d", *kev.Count, len(kev.Entries))
	}
	for i, entry := range kev.Entries {
		var named struct {
			CVE string `json:"cveID"`
		}
		if err := json.Unmarshal(entry, &named); err != nil || !cveID.MatchString(named.CVE) {
			return fmt.Errorf("entry %d of the KEV catalogue has no CVE id", i)
		}
		r.into.summary.Records++
		if r.into.claim(record{ID: named.CVE}, named.CVE, "known-exploited", "") {
			r.into.emit("kev", KnownExploited, released, entry)
		}
	}
	return nil
}
