package image

import (
	"archive/tar"
	"bytes"
	"hash/maphash"
	"time"
)

// What only tests may change or see.
var (
	NextPage = nextPage
	IsBlob   = isBlob
	Loopback = loopback
)

const MaxReferrers, MaxReferrerPages = maxReferrers, maxReferrerPages

func (r *Registry) Stall(after time.Duration) { r.transport.(*courteous).limits.Stall = after }

// Walk walks a tar as if it were a layer.
func Walk(stream []byte, limits Limits) (files int64, err error) {
	limits = limits.orDefault()
	w := walk{layer: &checkedLayer{number: 1}, limits: limits, account: &account{limits: limits}, folders: map[uint64]struct{}{}, seed: maphash.MakeSeed(),
		weigh: func(string, int64) (int64, error) { return 0, nil }}
	err = w.all(tar.NewReader(bytes.NewReader(stream)))
	return w.files, err
}

// WithReferrer reads an index of referrers, and writes it with one entry more; entries are those that were read.
func WithReferrer(raw []byte, entry Referrer) (entries int, written []byte, err error) {
	index, err := parseReferrers(raw)
	if err != nil {
		return 0, nil, err
	}
	written, err = index.with(entry)
	return len(index.Manifests), written, err
}
