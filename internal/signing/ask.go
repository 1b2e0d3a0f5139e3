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
	askPatience = 10 * time.Second // for one service with all that it is asked
	askAtOnce   = 8
	maxShown    = 64 << 10 // of one answer: a chain of certificates, a key or a checkpoint
)

// Ask asks every service something that changes nothing there: for the chain of its certificates, its key or its health.
// Nothing of the answers is trusted; they say that something answers, by what it says that it signs, and what time it has.
func (s *Sigstore) Ask(ctx context.Context, services []lifetime.Service, transport http.RoundTripper, now func() time.Time) []lifetime.Answer {
	asks := asker{now: now, shown: s.shown, client: &http.Client{Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	answers := make([]lifetime.Answer, len(services))
	turns := make(chan struct{}, askAtOnce)
	var all sync.WaitGroup
	for i, s := range services {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			ctx, cancel := context.WithTimeout(ctx, askPatience)
			defer cancel()
			answers[i] = asks.ask(ctx, s)
		})
	}
	all.Wait()
	return answers
}

type asker struct {
	client *http.Client
	now    func() time.Time
	shown  func(lifetime.Service, []byte) ([]lifetime.Shown, error)
}

func (a asker) ask(ctx context.Context, s lifetime.Service) lifetime.Answer {
	answer := lifetime.Answer{Service: s}
	got, err := a.get(ctx, s, harmless(s))
	if err != nil {
		answer.Problem = unreached(err)
		return answer
	}
	if date, err := http.ParseTime(got.date); err == nil {
		answer.Timed, answer.Ahead = true, skew(date, a.now())
	}
	switch code := got.code; {
	case code == http.StatusOK:
		a.compare(ctx, &answer, got.content)
	case code == http.StatusNotFound, code == http.StatusMethodNotAllowed, code < http.StatusBadRequest:
		answer.Doubt = got.status + " to GET " + got.path
	default:
		answer.Problem = got.status
	}
	return answer
}

// compare reads what the service shows. A log of version 2 says that it is well, and shows its key in what it hands out, if
// it does so itself: its server does not, but for what is put before it.
// https://github.com/sigstore/rekor-tiles/blob/v2.3.0/internal/server/service.go
func (a asker) compare(ctx context.Context, answer *lifetime.Answer, content []byte) {
	if isTiles(answer.Service) {
		got, err := a.get(ctx, answer.Service, checkpoint)
		switch {
		case err != nil:
			answer.Unshown = "its key could not be compared: " + unreached(err)
			return
		case got.code != http.StatusOK:
			answer.Unshown = "its key could not be compared: " + got.status + " to GET " + got.path
			return
		}
		content = got.content
	}
	var err error
	if len(content) > maxShown {
		err = fmt.Errorf("it says more than %d KiB", maxShown>>10)
	} else {
		answer.Shows, err = a.shown(answer.Service, content)
	}
	if err != nil {
		answer.Doubt = "what it shows could not be compared with the trusted root: " + printable(err.Error())
	}
}

type reply struct {
	code               int
	status, path, date string
	content            []byte // a byte more than is read, where it is too long
}

func (a asker) get(ctx context.Context, s lifetime.Service, path string) (reply, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(s.URL, "/")+path, nil)
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Cache-Control", "no-cache") // what lies in a cache has the time of yesterday
	resp, err := a.client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	got := reply{code: resp.StatusCode, path: req.URL.Path, date: resp.Header.Get("Date"),
		status: strings.TrimSpace(fmt.Sprintf("it answers %d %s", resp.StatusCode, http.StatusText(resp.StatusCode)))}
	if got.code == http.StatusOK {
		got.content, err = io.ReadAll(io.LimitReader(resp.Body, maxShown+1))
	}
	return got, err
}

// harmless is what services of the kind answer without being asked to sign.
// https://github.com/sigstore/fulcio/blob/v1.8.7/fulcio.proto
// https://github.com/sigstore/rekor/blob/v1.5.3/openapi.yaml
// https://github.com/sigstore/rekor-tiles/blob/v2.3.0/internal/server/http.go
// https://github.com/sigstore/timestamp-authority/blob/v2.1.3/openapi.yaml
func harmless(s lifetime.Service) string {
	switch {
	case s.Role == lifetime.CertificateAuthority:
		return "/api/v2/trustBundle"
	case s.Role == lifetime.TimestampAuthority:
		return "/certchain"
	case isTiles(s):
		return "/healthz"
	}
	return "/api/v1/log/publicKey"
}

// checkpoint is where whoever serves the entries of a log of version 2 has its newest checkpoint.
// https://github.com/sigstore/rekor-tiles/blob/v2.3.0/api/proto/rekor/v2/rekor_service.proto
const checkpoint = "/api/v2/checkpoint"

func isTiles(s lifetime.Service) bool {
	return s.Role == lifetime.TransparencyLog && s.Version > 1
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
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer came in time"
	}
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		if wrapped.Timeout() {
			return "no answer came in time"
		}
		err = wrapped.Err
	}
	return printable(err.Error())
}
