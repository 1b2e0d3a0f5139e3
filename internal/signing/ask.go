package signing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/stepseal/stepseal/internal/lifetime"
)

const (
	askPatience = 10 * time.Second // for one service with all retries
	askAtOnce   = 8
	askRead     = 64 << 10 // of an answer that nobody looks at
)

// Ask asks every service something that changes nothing there: for the chain of its certificates, its key or its health.
// Nothing of the answers is trusted; they say that something answers, and what time it has.
func Ask(ctx context.Context, services []lifetime.Service, transport http.RoundTripper, now func() time.Time) []lifetime.Answer {
	client := &http.Client{Transport: transport, Timeout: askPatience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answers := make([]lifetime.Answer, len(services))
	turns := make(chan struct{}, askAtOnce)
	var all sync.WaitGroup
	for i, s := range services {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			answers[i] = ask(ctx, s, client, now)
		})
	}
	all.Wait()
	return answers
}

func ask(ctx context.Context, s lifetime.Service, client *http.Client, now func() time.Time) lifetime.Answer {
	answer := lifetime.Answer{Service: s}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, harmless(s), nil)
	if err != nil {
		answer.Problem = printable(err.Error())
		return answer
	}
	req.Header.Set("Cache-Control", "no-cache") // what lies in a cache has the time of yesterday
	resp, err := client.Do(req)
	if err != nil {
		answer.Problem = unreached(err)
		return answer
	}
	defer resp.Body.Close()
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		answer.Timed, answer.Ahead = true, skew(date, now())
	}
	status := fmt.Sprintf("it answers %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	switch code := resp.StatusCode; {
	case code == http.StatusOK:
		if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, askRead)); err != nil {
			answer.Problem = unreached(err)
		}
	case code == http.StatusNotFound, code == http.StatusMethodNotAllowed, code < http.StatusBadRequest:
		answer.Doubt = status + " to GET " + req.URL.Path
	default:
		answer.Problem = strings.TrimSpace(status)
	}
	return answer
}

// harmless is what services of the kind answer without being asked to sign.
// https://github.com/sigstore/fulcio/blob/v1.8.7/fulcio.proto
// https://github.com/sigstore/rekor/blob/v1.5.3/openapi.yaml
// https://github.com/sigstore/rekor-tiles/blob/v2.3.0/internal/server/http.go
// https://github.com/sigstore/timestamp-authority/blob/v2.1.3/openapi.yaml
func harmless(s lifetime.Service) string {
	base := strings.TrimRight(s.URL, "/")
	switch {
	case s.Role == lifetime.CertificateAuthority:
		return base + "/api/v2/trustBundle"
	case s.Role == lifetime.TimestampAuthority:
		return base + "/certchain"
	case s.Version == 1:
		return base + "/api/v1/log/publicKey"
	}
	return base + "/healthz"
}

// skew is how far the other clock is ahead. The header has whole seconds, and was written in the second before now.
func skew(date, now time.Time) time.Duration {
	ahead := date.Sub(now)
	if ahead < 0 && ahead > -2*time.Second {
		return 0
	}
	return ahead
}

// unreached says why, without the address, which is told already.
func unreached(err error) string {
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		if wrapped.Timeout() {
			return "no answer came in time"
		}
		err = wrapped.Err
	}
	return printable(err.Error())
}
