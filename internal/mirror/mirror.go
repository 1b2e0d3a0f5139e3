// Package mirror is how advisory databases travel: a folder or a web address with a latest.json, the archive that it
// names, and maybe a signature of latest.json. It fetches them from the first of several addresses that answers, goes
// on where an earlier download stopped, and serves a folder to others.
//
// It knows nothing of what is in an archive, and nothing of keys: whoever wants a signature hands over a function that
// checks one. Nothing that a server says is believed before that: the archive's checksum comes from latest.json.
package mirror

import (
	"cmp"
	"net/http"
	"time"
)

// LatestFile and SignatureFile are the files beside an archive.
const (
	LatestFile    = "latest.json"
	SignatureFile = LatestFile + ".sig"
)

// maxLatest and maxSignature bound those files, in bytes.
const (
	maxLatest    = 1 << 20
	maxSignature = 16 << 10
)

// Verify checks a detached signature over a document. nil demands none.
type Verify func(document, signature []byte) error

// Client fetches from the addresses. Its zero value has none.
type Client struct {
	Addresses  []Address // in the order in which they are asked
	Verify     Verify
	HTTP       *http.Client
	MaxArchive int64 // bytes; 0 means 4 GiB

	// Bounds on time; 0 means the default.
	AnswerIn time.Duration // for latest.json and its signature: 30 seconds each
	Stall    time.Duration // without a byte of an archive: a minute
	Whole    time.Duration // for an archive: an hour
}

func (c Client) maxArchive() int64       { return cmp.Or(c.MaxArchive, 4<<30) }
func (c Client) answerIn() time.Duration { return cmp.Or(c.AnswerIn, 30*time.Second) }
func (c Client) stall() time.Duration    { return cmp.Or(c.Stall, time.Minute) }
func (c Client) whole() time.Duration    { return cmp.Or(c.Whole, time.Hour) }
