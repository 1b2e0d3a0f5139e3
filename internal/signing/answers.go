package signing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/sigstore/rekor/pkg/generated/client/entries"
	"github.com/sigstore/rekor/pkg/generated/models"
	"github.com/sigstore/sigstore-go/pkg/sign"
)

// patient gives every request the context of the run, which sigstore-go's clients do not, and ends with what still fails
// after the retries below it: those clients would wait and then read a body that is closed. It ends with a redirect too,
// which they would follow with the identity token, to another port and from https to plain HTTP.
type patient struct {
	ctx  context.Context
	base http.RoundTripper
}

func (p patient) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	forget := context.AfterFunc(p.ctx, func() { cancel(p.ctx.Err()) })
	release := func() { forget(); cancel(nil) }
	answer, err := p.base.RoundTrip(req.WithContext(ctx))
	if err != nil {
		release()
		return nil, err
	}
	if err := endsHere(answer.StatusCode); err != nil {
		answer.Body.Close()
		release()
		return nil, err
	}
	answer.Body = held{answer.Body, release}
	return answer, nil
}

func endsHere(status int) error {
	switch {
	case status >= http.StatusInternalServerError, status == http.StatusTooManyRequests:
		return fmt.Errorf("it answers %d %s", status, http.StatusText(status))
	case status/100 == 3:
		return fmt.Errorf("it answers %d %s and sends elsewhere; the signing config has to name where the service itself is", status, http.StatusText(status))
	}
	return nil
}

// held is a body whose request may be cancelled until it is closed.
type held struct {
	io.ReadCloser
	release func()
}

func (h held) Close() error {
	defer h.release()
	return h.ReadCloser.Close()
}

// whole refuses answers of a Rekor v1 that lack what sigstore-go takes for granted, and would end the process for.
type whole struct{ sign.RekorClient }

var errNotWhole = errors.New("the log's answer is no whole entry with proof and promise")

func (w whole) CreateLogEntry(params *entries.CreateLogEntryParams, opts ...entries.ClientOption) (*entries.CreateLogEntryCreated, error) {
	answer, err := w.RekorClient.CreateLogEntry(params, opts...)
	if err == nil && !isWhole(answer.Payload[answer.ETag]) {
		return nil, errNotWhole
	}
	return answer, err
}

func (w whole) GetLogEntryByUUID(params *entries.GetLogEntryByUUIDParams, opts ...entries.ClientOption) (*entries.GetLogEntryByUUIDOK, error) {
	answer, err := w.RekorClient.GetLogEntryByUUID(params, opts...)
	if err != nil {
		return nil, err
	}
	for _, entry := range answer.Payload {
		if !isWhole(entry) {
			return nil, errNotWhole
		}
	}
	return answer, nil
}

func isWhole(e models.LogEntryAnon) bool {
	if e.LogIndex == nil || e.IntegratedTime == nil || e.LogID == nil || e.Verification == nil || e.Verification.InclusionProof == nil {
		return false
	}
	_, text := e.Body.(string)
	proof := e.Verification.InclusionProof
	return text && proof.LogIndex != nil && proof.RootHash != nil && proof.TreeSize != nil && proof.Checkpoint != nil
}
