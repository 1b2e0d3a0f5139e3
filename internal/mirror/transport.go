package mirror

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/stepseal/stepseal/internal/outcome"
)

const (
	maxHeaderBytes = 1 << 20
	maxRedirects   = 5
)

// NewHTTP is a client that trusts the authorities in the PEM file besides the system's. It follows a few redirects, and
// none to a place that an address could not name.
func NewHTTP(authorities []byte, agent string) (*http.Client, error) {
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.DialContext = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	base.TLSHandshakeTimeout = 10 * time.Second
	base.ResponseHeaderTimeout = 30 * time.Second
	base.MaxResponseHeaderBytes = maxHeaderBytes
	base.DisableCompression = true // what is hashed, and bounded, is what was sent
	base.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if len(authorities) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(authorities) {
			return nil, outcome.New(outcome.InvalidInput, "the certificate authority file holds no PEM certificate")
		}
		base.TLSClientConfig.RootCAs = pool
	}
	return &http.Client{Transport: named{base, agent}, CheckRedirect: follow}, nil
}

func follow(req *http.Request, via []*http.Request) error {
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("more than %d redirects", maxRedirects)
	case !safe(req.URL):
		return fmt.Errorf("a redirect to %.200s, which is not https", req.URL.Redacted())
	case via[0].URL.Scheme == "https" && req.URL.Scheme != "https":
		return errors.New("a redirect from https to plain HTTP")
	}
	return nil
}

// named says who is asking.
type named struct {
	base  http.RoundTripper
	agent string
}

func (n named) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", n.agent)
	return n.base.RoundTrip(req)
}
