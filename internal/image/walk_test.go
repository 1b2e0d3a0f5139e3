package image_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
)

// tarred writes the entries; a regular file of that size holds zeros.
func tarred(t testing.TB, entries ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, header := range entries {
		header.Mode = 0o644
		if err := w.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(w, zeros{}, header.Size); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func file(name string, size int64) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size}
}

func TestEveryEntryOfALayerIsBounded(t *testing.T) {
	attributes := map[string]string{"SCHILY.xattr.user.a": strings.Repeat("a", 40<<10)}
	limits := image.Limits{LayerFiles: 10, FileBytes: 1000, PathLength: 100, PathDepth: 8}
	for name, test := range map[string]struct {
		entries []tar.Header
		files   int64 // counted; where it is too much, what is said instead
		says    string
	}{
		"files and their folders":   {[]tar.Header{{Typeflag: tar.TypeDir, Name: "a/"}, file("a/b", 5), file("a/c", 1000)}, 3, ""},
		"folders that are implied":  {[]tar.Header{file("a/b/c/d", 0), file("a/b/x/y", 0), file("a/b/c/e", 0)}, 3 + 3 + 1, ""},
		"a folder listed afterward": {[]tar.Header{file("a/b", 0), {Typeflag: tar.TypeDir, Name: "a/"}}, 3, ""},
		"links, devices and pipes": {[]tar.Header{file("a", 1), {Typeflag: tar.TypeSymlink, Name: "b", Linkname: "../../etc/passwd"},
			{Typeflag: tar.TypeLink, Name: "c", Linkname: "a"}, {Typeflag: tar.TypeBlock, Name: "d", Devmajor: 8}, {Typeflag: tar.TypeFifo, Name: "e"}}, 5, ""},
		"names that lead out":             {[]tar.Header{file("../../../up", 1), file("/absolute", 1), file("a/../../b", 1)}, 3, ""},
		"names that terminals obey":       {[]tar.Header{file("a\x1b[31m\nb", 1), file("\xff\xfe", 1)}, 2, ""},
		"nothing":                         {nil, 0, ""},
		"a large file":                    {[]tar.Header{file("a\nb", 1001)}, 0, `the file "a\nb" has 1001 bytes`},
		"a long path":                     {[]tar.Header{file(strings.Repeat("a", 101), 0)}, 0, "has 101 bytes"},
		"a long target":                   {[]tar.Header{{Typeflag: tar.TypeSymlink, Name: "a", Linkname: strings.Repeat("a", 101)}}, 0, "has 101 bytes"},
		"a deep path":                     {[]tar.Header{file(strings.Repeat("a/", 8)+"b", 0)}, 0, "9 folders deep"},
		"many files":                      {repeatedFiles(11), 0, "more than 10 files"},
		"many implied folders":            {[]tar.Header{file("a/b/c/d/e/f", 0), file("g/b/c/d/e/f", 0)}, 0, "more than 10 files"},
		"a header of many pages":          {[]tar.Header{{Typeflag: tar.TypeReg, Name: "a", PAXRecords: attributes}}, 0, "more than 10 files"},
		"a header of many pages, no file": {[]tar.Header{{Typeflag: tar.TypeFifo, Name: "a", PAXRecords: attributes}}, 0, "more than 10 files"},
	} {
		t.Run(name, func(t *testing.T) {
			files, err := image.Walk(tarred(t, test.entries...), limits)
			if test.says == "" && (err != nil || files != test.files) {
				t.Errorf("%d files, %v; want %d", files, err, test.files)
			}
			if test.says != "" && (reasonOf(err) != outcome.TooLarge || !strings.Contains(err.Error(), test.says) || len(outcome.Of(err).Hints) == 0) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}

func repeatedFiles(n int) (list []tar.Header) {
	for i := range n {
		list = append(list, file(fmt.Sprint("file", i), 0))
	}
	return list
}

// A size that one reader takes for content and another does not cannot hide an entry from the walk: it sees what
// archive/tar sees, which indexes the image later.
func FuzzWalk(f *testing.F) {
	f.Add(tarred(f, file("a", 700), file("b/"+strings.Repeat("c", 200), 3)))
	f.Add(tarred(f, tar.Header{Typeflag: tar.TypeSymlink, Name: "a", Linkname: strings.Repeat("x/", 100), Format: tar.FormatGNU}))
	f.Fuzz(func(t *testing.T, stream []byte) {
		counted, err := image.Walk(stream, image.Limits{LayerFiles: 1000})
		read, failed := int64(0), error(nil)
		for r := tar.NewReader(bytes.NewReader(stream)); failed == nil; read++ {
			_, failed = r.Next()
		}
		if err == nil && (counted < read-1 || !errors.Is(failed, io.EOF)) {
			t.Errorf("archive/tar finds %d entries and then %v, and %d were counted", read-1, failed, counted)
		}
	})
}
