package tuf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// The bounds of what a repository may make us read.
const (
	maxDocument  = 4 << 20
	maxRequests  = maxRotations + 16
	maxOneAnswer = 30 * time.Second
)

// network downloads, and remembers what came.
type network struct {
	ctx       context.Context
	transport http.RoundTripper
	agent     string
	mirror    string
	got       documents
	requests  int
	failed    *unreachableError // what kept the mirror from answering
}

// unreachableError means that the mirror did not answer, or that it cannot now; what it would say is not known.
type unreachableError struct{ cause error }

func (e *unreachableError) Error() string { return e.cause.Error() }
func (e *unreachableError) Unwrap() error { return e.cause }

// DownloadFile is what go-tuf asks of a fetcher.
func (n *network) DownloadFile(at string, most int64, _ time.Duration) ([]byte, error) {
	name, ok := nameOf(n.mirror, at)
	if n.requests++; n.requests > maxRequests || !ok {
		return nil, fmt.Errorf("%.200s: it asks for more than %d files, or for one that is not its own", at, maxRequests)
	}
	content, err := n.download(at, bounded(most))
	if err == nil {
		n.got[name] = content
	}
	return content, err
}

func (n *network) download(at string, most int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(n.ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	if n.agent != "" {
		req.Header.Set("User-Agent", n.agent)
	}
	client := http.Client{Transport: n.transport, Timeout: maxOneAnswer, CheckRedirect: sameScheme}
	answer, err := client.Do(req)
	if err != nil {
		return nil, n.unreachable(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		status := &metadata.ErrDownloadHTTP{StatusCode: answer.StatusCode, URL: at}
		if answer.StatusCode != http.StatusNotFound { // of a root, that is how the newest one is found
			_ = n.unreachable(status)
		}
		return nil, status
	}
	content, err := io.ReadAll(io.LimitReader(answer.Body, most+1))
	if err != nil {
		return nil, n.unreachable(err)
	}
	if int64(len(content)) > most {
		return nil, tooLong(at, most)
	}
	return content, nil
}

func (n *network) unreachable(err error) error {
	n.failed = &unreachableError{err}
	return n.failed
}

// blame tells a mirror that did not answer from one that answers what is wrong.
func (n *network) blame(err error) error {
	var missing *metadata.ErrDownloadHTTP
	switch {
	case n.failed != nil:
		return n.failed
	case errors.As(err, &missing):
		return &unreachableError{err}
	}
	return err
}

// sameScheme follows a few redirects, and none from https to plain HTTP.
func sameScheme(req *http.Request, via []*http.Request) error {
	if len(via) > 5 || via[0].URL.Scheme != req.URL.Scheme {
		return fmt.Errorf("a redirect too many, or to another scheme, at %.200s", req.URL.Redacted())
	}
	return nil
}

// memory answers from what was fetched before.
type memory struct {
	mirror string
	from   documents
	read   documents // what was asked for and is there
}

// DownloadFile is what go-tuf asks of a fetcher.
func (m *memory) DownloadFile(at string, most int64, _ time.Duration) ([]byte, error) {
	name, ok := nameOf(m.mirror, at)
	content, there := m.from[name]
	switch {
	case !ok || !there:
		return nil, &metadata.ErrDownloadHTTP{StatusCode: http.StatusNotFound, URL: at}
	case int64(len(content)) > bounded(most):
		return nil, tooLong(at, most)
	}
	m.read[name] = content
	return content, nil
}

func bounded(most int64) int64 { return max(0, min(most, maxDocument)) }

func tooLong(at string, most int64) error {
	return &metadata.ErrDownloadLengthMismatch{Msg: fmt.Sprintf("%.200s is longer than %d bytes", at, bounded(most))}
}

// nameOf is the path of a document below the mirror.
func nameOf(mirror, at string) (string, bool) {
	return strings.CutPrefix(at, strings.TrimRight(mirror, "/")+"/")
}
