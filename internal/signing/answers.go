package signing

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/sigstore/rekor/pkg/generated/client/entries"
	"github.com/sigstore/rekor/pkg/generated/models"
	"github.com/sigstore/sigstore-go/pkg/sign"
)

// patient gives every request the context of the run, which sigstore-go's clients do not, and ends with what still fails
// after the retries below it: those clients would wait and then read a body that is closed.
type patient struct {
	ctx  context.Context
	base http.RoundTripper
}

func (p patient) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Context() == context.Background() {
		req = req.WithContext(p.ctx)
	}
	answer, err := p.base.RoundTrip(req)
	if err == nil && (answer.StatusCode >= http.StatusInternalServerError || answer.StatusCode == http.StatusTooManyRequests) {
		answer.Body.Close()
		return nil, fmt.Errorf("it answers %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	}
	return answer, err
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
