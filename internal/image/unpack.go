package image

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxZstdWindow bounds the memory that a zstd frame may ask for; image builders stay below 8 MiB.
const maxZstdWindow = 64 << 20

var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// unpack goes by what the bytes are, as container engines do, not by what the media type says: gzip, zstd, or a plain tar.
// Half of the time that reading an image takes is spent here; klauspost's inflate needs half of the standard library's.
func unpack(packed io.ReadCloser) (io.ReadCloser, error) {
	buffered := bufio.NewReaderSize(packed, 64<<10)
	head, err := buffered.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	u := &unpacked{packed: packed, rest: buffered, decoder: io.NopCloser(buffered)}
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		u.decoder, err = gzip.NewReader(buffered)
	case bytes.Equal(head, zstdMagic):
		var dec *zstd.Decoder
		if dec, err = zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow)); err == nil {
			u.decoder = dec.IOReadCloser()
		}
	default:
		err = nil
	}
	return u, err
}

// unpacked reads what the decoder gives, and at its end the rest of the packed bytes too: their digest is known only then.
type unpacked struct {
	decoder io.ReadCloser
	rest    io.Reader
	packed  io.Closer
}

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.decoder.Read(p)
	if errors.Is(err, io.EOF) {
		if _, err := io.Copy(io.Discard, u.rest); err != nil {
			return n, err
		}
	}
	return n, err
}

func (u *unpacked) Close() error { return errors.Join(u.decoder.Close(), u.packed.Close()) }
