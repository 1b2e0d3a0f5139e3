package image_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/image"
)

// tarOf writes n files of that size, in a format that archive/tar knows.
func tarOf(t testing.TB, n, size int, format tar.Format, name string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for i := range n {
		header := &tar.Header{Name: fmt.Sprintf("%s%d", name, i), Mode: 0o644, Size: int64(size), Format: format}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// entriesRead is what archive/tar finds.
func entriesRead(stream []byte) (n int64) {
	r := tar.NewReader(bytes.NewReader(stream))
	for {
		if _, err := r.Next(); err != nil {
			return n
		}
		n++
	}
}

func TestEntriesAreCounted(t *testing.T) {
	long := strings.Repeat("very-long/", 30)
	hidden := tarOf(t, 1, 0, tar.FormatPAX, "a")
	copy(hidden[124:136], "00000004000\x00") // a folder of 2 KiB: archive/tar reads no content, others skip it
	hidden[156] = tar.TypeDir
	sum := 8 * int(' ')
	for i, c := range hidden[:512] {
		if i < 148 || i >= 156 {
			sum += int(c)
		}
	}
	copy(hidden[148:156], fmt.Sprintf("%06o\x00 ", sum))
	for name, test := range map[string]struct {
		stream []byte
		want   int64
	}{
		"USTAR":                          {tarOf(t, 7, 100, tar.FormatUSTAR, "a"), 7},
		"PAX with long names":            {tarOf(t, 7, 1000, tar.FormatPAX, long), 7},
		"GNU with long names":            {tarOf(t, 7, 512, tar.FormatGNU, long), 7},
		"a size that hides what follows": {append(hidden[:512:512], tarOf(t, 7, 0, tar.FormatUSTAR, "b")...), 8},
		"nothing":                        {nil, 0},
		"zeros":                          {make([]byte, 10000), 0},
		"text":                           {bytes.Repeat([]byte("no tar at all "), 1000), 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := entriesRead(test.stream); got != test.want {
				t.Fatalf("archive/tar finds %d, want %d", got, test.want)
			}
			for _, piece := range []int{1, 511, 512, 700, 32 << 10} {
				if got := image.CountEntries(test.stream, piece); got != test.want {
					t.Errorf("%d in pieces of %d, want %d", got, piece, test.want)
				}
			}
		})
	}
}

func FuzzEntries(f *testing.F) {
	f.Add(tarOf(f, 2, 100, tar.FormatPAX, strings.Repeat("long/", 40)))
	f.Add(tarOf(f, 2, 600, tar.FormatGNU, "a"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		if read, counted := entriesRead(stream), image.CountEntries(stream, 700); counted < read {
			t.Errorf("archive/tar finds %d entries, and %d were counted", read, counted)
		}
	})
}

func BenchmarkEntries(b *testing.B) {
	stream := tarOf(b, 1000, 16<<10, tar.FormatPAX, "a")
	b.SetBytes(int64(len(stream)))
	for b.Loop() {
		image.CountEntries(stream, 32<<10)
	}
}
