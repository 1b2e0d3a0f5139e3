package image

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash/maphash"
	"io"
	"os"

	"github.com/stepseal/stepseal/internal/outcome"
)

// stream is one layer on its way from the registry into a file. Whatever comes out of the decoder is hashed, written,
// and walked as the tar that it claims to be, and each bound is looked at as soon as it can be exceeded.
type stream struct {
	layer   *checkedLayer
	account *account
	file    *os.File
	weigh   Weigh

	body    *checkedBody
	decoder io.Reader
	hasher  *hasher
	chunk   []byte // what the walk has not seen yet
	bytes   int64
	checked int64 // up to where there was room on the disk
	failed  error
}

const (
	chunkBytes   = 256 << 10
	roomInterval = 32 << 20 // how often the free space is looked at
	roomReserve  = 64 << 20 // left for everything else that has to be written
)

func (s *stream) read(ctx context.Context) (*Layer, error) {
	body, err := s.layer.open()
	if err != nil {
		return nil, err
	}
	defer body.Close()
	defer context.AfterFunc(ctx, func() { body.Close() })()
	s.body = body
	decoder, err := unpack(body)
	if err != nil {
		return nil, s.undecodable(err)
	}
	defer decoder.Close()
	s.decoder, s.hasher = decoder, newHasher()
	w := walk{layer: s.layer, limits: s.account.limits, account: s.account, weigh: s.weigh, folders: map[uint64]struct{}{}, seed: maphash.MakeSeed()}
	err = w.all(tar.NewReader(s))
	if err == nil {
		_, err = io.Copy(io.Discard, s) // what stands behind the end of the tar
	}
	sum := s.hasher.finish()
	switch {
	case s.failed != nil && !errors.Is(s.failed, io.EOF):
		return nil, s.failed
	case err != nil:
		return nil, err
	case sum != s.layer.diffID.Hex:
		return nil, s.layer.damaged("unpacks to other content than the config says: its diff_id is sha256:%s, and not %s", sum, s.layer.diffID)
	}
	return &Layer{DiffID: s.layer.diffID, Bytes: s.bytes, Files: w.files, Weight: w.weight}, nil
}

// Read gives the walk what the file has got already.
func (s *stream) Read(p []byte) (int, error) {
	if len(s.chunk) == 0 && s.failed == nil {
		s.fill()
	}
	if len(s.chunk) == 0 {
		return 0, s.failed
	}
	n := copy(p, s.chunk)
	s.chunk = s.chunk[n:]
	return n, nil
}

func (s *stream) fill() {
	buffer := s.hasher.buffer()
	n, err := 0, error(nil)
	for n < len(buffer) && err == nil {
		var more int
		more, err = s.decoder.Read(buffer[n:])
		n += more
	}
	s.chunk = buffer[:n]
	s.hasher.add(s.chunk)
	s.bytes += int64(n)
	if s.failed = err; err != nil && !errors.Is(err, io.EOF) {
		s.failed, s.chunk = s.undecodable(err), nil
	}
	if over := s.within(int64(n)); over != nil {
		s.failed, s.chunk = over, nil
	}
	if _, err := s.file.Write(s.chunk); err != nil {
		s.failed, s.chunk = roomless(s.layer.String(), s.file.Name(), err), nil
	}
}

// within looks at the bounds on bytes.
func (s *stream) within(more int64) error {
	limits := s.account.limits
	if s.bytes > limits.UnpackedLayerBytes {
		return beyond("max-unpacked-layer-size", "%s unpacks to more than %s", s.layer, Size(limits.UnpackedLayerBytes))
	}
	if packed := s.layer.desc.Size; s.bytes > unsuspicious && s.bytes/max(packed, 1) > limits.CompressionRatio {
		return beyond("max-compression-ratio", "%s unpacks to more than %d times its %s: a decompression bomb", s.layer, limits.CompressionRatio, Size(packed))
	}
	if err := s.account.addBytes(more); err != nil {
		return err
	}
	if s.bytes < s.checked {
		return nil
	}
	s.checked = s.bytes + roomInterval
	if free, ok := freeSpace(s.file.Name()); ok && free < roomReserve+roomInterval {
		return outcome.New(outcome.DiskFull, "%s does not fit into the folder for temporary files, where %s are free", s.layer, Size(free))
	}
	return nil
}

// undecodable prefers what the packed bytes had to say.
func (s *stream) undecodable(err error) error {
	if s.body.failed != nil {
		return s.body.failed
	}
	return s.layer.damaged("cannot be unpacked: %v", err)
}

// hasher hashes beside the decoder, which is the slower of the two.
type hasher struct {
	full chan []byte
	free chan []byte
	sum  chan string
}

func newHasher() *hasher {
	h := &hasher{full: make(chan []byte, 2), free: make(chan []byte, 4), sum: make(chan string, 1)}
	for range 3 {
		h.free <- make([]byte, chunkBytes)
	}
	go func() {
		sum := sha256.New()
		for chunk := range h.full {
			sum.Write(chunk)
			h.free <- chunk[:chunkBytes]
		}
		h.sum <- hex.EncodeToString(sum.Sum(nil))
	}()
	return h
}

// buffer is one that nobody reads any more: the walk is done with a chunk when it asks for the next one.
func (h *hasher) buffer() []byte   { return <-h.free }
func (h *hasher) add(chunk []byte) { h.full <- chunk }
func (h *hasher) finish() string   { close(h.full); return <-h.sum }
