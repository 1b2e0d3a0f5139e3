package mirror

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/stepseal/stepseal/internal/outcome"
)

// attempts is how often one address is asked for the rest of an archive.
const attempts = 4

var (
	errStalled  = errors.New("the server has stopped sending")
	errCutShort = errors.New("the server sent less than it said")
)

// archive downloads what latest names. A part that an earlier download left is named by the checksum of the whole, so
// that it can be gone on with whatever address it came from: if it was of something else, the checksum at the end says
// so, and the download begins anew, once.
func (c Client) archive(ctx context.Context, from Address, latest Latest, dir string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.whole(), fmt.Errorf("it takes longer than %s", c.whole()))
	defer cancel()
	part := filepath.Join(dir, strings.TrimPrefix(latest.SHA256, "sha256:")+".part")
	forgetOthers(dir, part)
	if have, err := hashOf(ctx, part); err == nil && have == latest.SHA256 {
		return part, nil
	}
	kept := sizeOf(part) > 0
	for {
		if err := c.rest(ctx, from, latest, part); err != nil {
			return "", err
		}
		have, err := hashOf(ctx, part)
		if err != nil {
			return "", outcome.New(outcome.Unexpected, "the download %s cannot be read", part).Because(err)
		}
		if have == latest.SHA256 {
			return part, nil
		}
		if err := os.Remove(part); err != nil {
			return "", outcome.New(outcome.Unexpected, "the download %s cannot be removed", part).Because(err)
		}
		if !kept {
			return "", outcome.New(outcome.DatabaseDamaged, "%s is not what latest.json says", from.archive(latest.Archive).Redacted()).
				With("expected "+latest.SHA256, "received "+have).
				Hint("the mirror was changed half way or is damaged: copy archive and latest.json again, latest.json last")
		}
		kept = false
	}
}

// rest fetches what is missing, in several goes if the connection breaks and something came.
func (c Client) rest(ctx context.Context, from Address, latest Latest, part string) error {
	for attempt := 1; ; attempt++ {
		before := sizeOf(part)
		err := c.piece(ctx, from, latest, part)
		if err == nil {
			return nil
		}
		var known *outcome.Error
		var no refusal
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.As(err, &known) || errors.As(err, &no) || attempt == attempts || sizeOf(part) == before {
			return err
		}
	}
}

// piece makes one request and appends what comes.
func (c Client) piece(ctx context.Context, from Address, latest Latest, part string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	have := sizeOf(part)
	resp, err := c.ask(ctx, from.archive(latest.Archive), have)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	flags := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	switch {
	case resp.StatusCode == http.StatusOK:
		have, flags = 0, flags|os.O_TRUNC
	case resp.StatusCode == http.StatusPartialContent && begins(resp, have):
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && have > 0:
		// The part is as long as the archive or longer, and is not it.
		return errors.Join(errors.New("the server has nothing after the part that is here"), os.Remove(part))
	default:
		return refusal{resp.StatusCode}
	}
	if err := c.fits(from, latest, have+max(resp.ContentLength, 0)); err != nil {
		return err
	}
	f, err := os.OpenFile(part, flags, 0o600)
	if err != nil {
		return unwritable(part, err)
	}
	body := newWatched(resp.Body, c.stall(), func() { cancel(errStalled) })
	defer body.stop()
	n, err := io.Copy(f, io.LimitReader(body, c.maxArchive()-have+1))
	switch {
	case context.Cause(ctx) != nil && errors.Is(context.Cause(ctx), errStalled):
		err = errStalled
	case err == nil && resp.ContentLength > n && have+n <= c.maxArchive():
		err = errCutShort
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return unwritable(part, err)
	}
	if noRoom(err) {
		return unwritable(part, err)
	}
	return errors.Join(err, c.fits(from, latest, have+n))
}

func (c Client) fits(from Address, latest Latest, size int64) error {
	if size <= c.maxArchive() {
		return nil
	}
	return outcome.New(outcome.TooLarge, "%s is larger than %d bytes", from.archive(latest.Archive).Redacted(), c.maxArchive()).
		Hint("if it is the database that you mean, raise --max-database-size")
}

// begins says whether the piece is the one that was asked for.
func begins(resp *http.Response, at int64) bool {
	return strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", at))
}

func unwritable(part string, err error) error {
	if noRoom(err) {
		return outcome.New(outcome.DiskFull, "the download %s cannot be written", part).Because(err).Hint("make room there, or set GRYPE_DB_CACHE_DIR to a folder on a larger disk")
	}
	return outcome.New(outcome.OutputUnwritable, "the download %s cannot be written", part).Because(err)
}

func noRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EFBIG) || errors.Is(err, syscall.EDQUOT)
}

// forgetOthers removes parts of databases that nobody will ask for again.
func forgetOthers(dir, part string) {
	parts, _ := filepath.Glob(filepath.Join(dir, "*.part"))
	for _, other := range parts {
		if other != part {
			_ = os.Remove(other)
		}
	}
}

func sizeOf(file string) int64 {
	info, err := os.Lstat(file)
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	return info.Size()
}

func hashOf(ctx context.Context, file string) (string, error) {
	info, err := os.Lstat(file)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", &fs.PathError{Op: "read", Path: file, Err: errors.New("is not a file")}
	}
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, interruptible{ctx, f}); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}

// interruptible stops reading when nobody waits any more.
type interruptible struct {
	ctx  context.Context
	from io.Reader
}

func (r interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.from.Read(p)
}

// watched calls for help when nothing comes for a while.
type watched struct {
	from  io.Reader
	timer *time.Timer
	after time.Duration
}

func newWatched(from io.Reader, after time.Duration, help func()) *watched {
	return &watched{from: from, after: after, timer: time.AfterFunc(after, help)}
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.from.Read(p)
	if n > 0 {
		w.timer.Reset(w.after)
	}
	return n, err
}

func (w *watched) stop() { w.timer.Stop() }
