package image

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Limits on what a registry may make us do.
const (
	maxAttempts    = 4
	maxRetryAfter  = 30 * time.Second
	maxRedirects   = 10
	minPace        = 1 << 10 // bytes a second, on the average of every Limits.Stall that was spent waiting for a body
	maxHeaderBytes = 1 << 20
)

// courteous is the HTTP transport for registries: it retries what may pass (429 and 5xx, with jitter), follows at most
// ten redirects, bounds every answer, gives up on a body that stops coming or only drips, and speaks plain HTTP only
// to loopback and to the hosts that the user named.
type courteous struct {
	base     http.RoundTripper
	insecure []string
	backoff  time.Duration // first pause; doubles each time
	limits   Limits
	notice   func(string)
	distrust sync.Map // host -> the certificate error it was met with
}

func newTransport(access Access) (http.RoundTripper, error) {
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.DialContext = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	base.TLSHandshakeTimeout = 10 * time.Second
	base.ResponseHeaderTimeout = access.Limits.Stall
	base.MaxResponseHeaderBytes = maxHeaderBytes
	base.DisableCompression = true // what is hashed, and bounded, is what was sent
	base.MaxIdleConnsPerHost = 8
	if ca := access.CertificateAuthority; len(ca) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(ca) {
			return nil, outcome.New(outcome.InvalidInput, "the certificate authority file holds no PEM certificate")
		}
		base.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	if access.Notice == nil {
		access.Notice = func(string) {}
	}
	return &courteous{base: base, insecure: access.Insecure, backoff: 250 * time.Millisecond, limits: access.Limits, notice: access.Notice}, nil
}

func (t *courteous) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.allowed(req); err != nil {
		return nil, err
	}
	pause := t.backoff
	for attempt := 1; ; attempt++ {
		resp, err := t.base.RoundTrip(req)
		if bad := new(tls.CertificateVerificationError); errors.As(err, &bad) {
			t.distrust.Store(req.URL.Host, err)
		}
		wait, again := t.again(req, resp, err, pause)
		if !again || attempt == maxAttempts {
			return t.bounded(req, resp), err
		}
		t.notice(fmt.Sprintf("%s answers %s, asking again in %s", req.URL.Host, answer(resp, err), wait.Round(time.Millisecond)))
		if resp != nil {
			_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
			resp.Body.Close()
		}
		if err := sleep(req.Context(), wait); err != nil {
			return nil, err
		}
		if req.GetBody != nil {
			body, err := req.GetBody()
			if err != nil {
				return nil, err
			}
			req = req.Clone(req.Context())
			req.Body = body
		}
		pause *= 2
	}
}

// allowed refuses plain HTTP off loopback, which go-containerregistry would try for private addresses without a word,
// and redirect loops, which it follows for ever.
func (t *courteous) allowed(req *http.Request) error {
	hops := 0
	for prior := req.Response; prior != nil && prior.Request != nil; prior = prior.Request.Response {
		hops++
	}
	if hops > maxRedirects {
		return outcome.New(outcome.RegistryFailing, "%s redirects more than %d times", req.URL.Host, maxRedirects)
	}
	if bad, ok := t.distrust.Load(req.URL.Host); ok && req.URL.Scheme == "http" {
		return bad.(error) // no falling back to plain HTTP from a certificate that nobody vouches for
	}
	return MaySpeak(req.URL, t.insecure)
}

// MaySpeak refuses plain HTTP to any host but loopback and those that the user named.
func MaySpeak(to *url.URL, insecure []string) error {
	if to.Scheme == "http" && !loopback(to.Hostname()) && !slices.Contains(insecure, to.Host) {
		return fmt.Errorf("plain HTTP to %s is not allowed", to.Host)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// again says whether the request may be sent once more, and after how long.
func (t *courteous) again(req *http.Request, resp *http.Response, err error, pause time.Duration) (time.Duration, bool) {
	if req.Body != nil && req.Body != http.NoBody && req.GetBody == nil {
		return 0, false // the body is used up
	}
	wait := pause/2 + rand.N(pause)
	if err != nil {
		var timeout net.Error
		dropped := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(err.Error(), "connection reset")
		return wait, req.Context().Err() == nil && (dropped || errors.As(err, &timeout) && timeout.Timeout())
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if asked, ok := retryAfter(resp.Header.Get("Retry-After")); ok {
			return asked + rand.N(pause), asked <= maxRetryAfter
		}
		return wait, true
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
		return wait, true
	}
	return 0, false
}

// retryAfter reads delay seconds or a date.
// https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
func retryAfter(header string) (time.Duration, bool) {
	if seconds, err := strconv.Atoi(header); err == nil && seconds >= 0 && seconds < 1<<20 {
		return time.Duration(seconds) * time.Second, true
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, time.Until(at)), true
	}
	return 0, false
}

func answer(resp *http.Response, err error) string {
	if err != nil {
		return err.Error()
	}
	return resp.Status
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// bounded puts a limit on the bytes of the answer and on the time that it takes. The size and digest of a blob are
// checked by its own reader; the limit here is behind that one.
func (t *courteous) bounded(req *http.Request, resp *http.Response) *http.Response {
	if resp == nil || resp.Body == nil {
		return resp
	}
	body := &boundedBody{body: resp.Body, limit: t.limits.ManifestBytes, flag: "max-manifest-size", stall: t.limits.Stall, of: req.URL.Host + req.URL.Path}
	if isBlob(req) {
		body.limit, body.flag = max(t.limits.LayerBytes, t.limits.ConfigBytes), "max-layer-size"
	}
	resp.Body = body
	return resp
}

// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-blobs
var blobRoute = regexp.MustCompile(`^/v2/.+/blobs/[a-z0-9+._-]+:[0-9a-zA-Z=_-]+$`)

// isBlob looks at the first request of a chain of redirects: storage behind a registry has paths of its own.
func isBlob(req *http.Request) bool {
	for req.Response != nil && req.Response.Request != nil {
		req = req.Response.Request
	}
	return blobRoute.MatchString(req.URL.Path)
}

type boundedBody struct {
	body  io.ReadCloser
	limit int64
	flag  string
	stall time.Duration
	of    string

	read   int64
	came   int64         // since the pace was last looked at
	waited time.Duration // in Read alone: a slow reader is not the registry's fault
}

func (b *boundedBody) Read(p []byte) (int, error) {
	start := time.Now()
	stall := time.AfterFunc(b.stall, func() { b.body.Close() })
	n, err := b.body.Read(p)
	if !stall.Stop() && err != nil {
		return n, stalled("%s: nothing came for %s", b.of, b.stall)
	}
	if b.read += int64(n); b.read > b.limit {
		return 0, beyond(b.flag, "%s: the answer is larger than %s", b.of, Size(b.limit))
	}
	b.came += int64(n)
	if b.waited += time.Since(start); err == nil && b.waited >= b.stall {
		if b.came < int64(minPace*b.stall.Seconds()) {
			return 0, stalled("%s: only %d bytes came in %s", b.of, b.came, b.stall)
		}
		b.came, b.waited = 0, 0
	}
	return n, err
}

func (b *boundedBody) Close() error { return b.body.Close() }

func stalled(format string, a ...any) *outcome.Error {
	return outcome.New(outcome.RegistryUnreachable, format, a...).Hint("check the network and the proxy settings; where it is that slow, --stall-timeout waits longer")
}
