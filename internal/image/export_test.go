package image

import "time"

// What only tests may change or see.
var (
	NextPage = nextPage
	IsBlob   = isBlob
	Loopback = loopback
)

const MaxReferrers, MaxReferrerPages = maxReferrers, maxReferrerPages

func (i *Image) Limit(bytes, entries int64) { i.content.most = limits{bytes, entries} }

func (r *Registry) Stall(after time.Duration) { r.transport.(*courteous).stall = after }

// CountEntries feeds the stream in pieces of that size.
func CountEntries(stream []byte, piece int) (found int64) {
	var e entries
	for len(stream) > 0 {
		n := min(piece, len(stream))
		found += e.count(stream[:n])
		stream = stream[n:]
	}
	return found
}
