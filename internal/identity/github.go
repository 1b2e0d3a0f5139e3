package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/strictjson"
)

// https://docs.github.com/en/actions/reference/security/oidc#methods-for-requesting-the-oidc-token
const (
	requestURL   = "ACTIONS_ID_TOKEN_REQUEST_URL"
	requestToken = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"

	maxAnswer = 64 << 10
	maxTries  = 3
	hintRerun = "run the job again; githubstatus.com says whether GitHub Actions has trouble"
)

// github asks the token service of GitHub Actions, which a job has with the permission for it only.
func (f finder) github(ctx context.Context) (found, error) {
	address, secret := f.Getenv(requestURL), f.Getenv(requestToken)
	if address == "" {
		return found{}, nil
	}
	target, err := serviceURL(address, f.Audience)
	if err == nil && secret == "" {
		err = fmt.Errorf("%s is not set", requestToken)
	}
	if err != nil {
		return found{}, outcome.New(outcome.IdentityTokenUnusable, "the token service of GitHub Actions cannot be asked").Because(err).
			Hint("hand over %s and %s as the runner sets them", requestURL, requestToken)
	}
	raw, err := f.ask(ctx, target, secret)
	if err != nil {
		return found{}, err
	}
	return found{GitHub, "GitHub Actions", raw}, nil
}

// serviceURL is the address with the audience. The request token goes there, so plain HTTP is for loopback only.
func serviceURL(address, audience string) (*url.URL, error) {
	target, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s is no address", requestURL) // and is not repeated: it may hold anything
	case target.Hostname() == "" || target.User != nil:
		return nil, fmt.Errorf("%s is not the address of a service", requestURL)
	case target.Scheme != "https" && (target.Scheme != "http" || !loopback(target.Hostname())):
		return nil, fmt.Errorf("%s does not begin with https", requestURL)
	}
	query := target.Query()
	query.Set("audience", audience)
	target.RawQuery = query.Encode()
	return target, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// ask tries again after what goes away by itself: a busy or failing service, a connection that breaks or stays silent.
func (f finder) ask(ctx context.Context, target *url.URL, secret string) (string, error) {
	bounded, cancel := context.WithTimeout(ctx, f.Patience)
	defer cancel()
	for try := 1; ; try++ {
		raw, again, err := f.askOnce(bounded, target, secret)
		if err == nil || ctx.Err() != nil {
			return raw, ctx.Err()
		}
		if !again || try == maxTries || !pause(bounded, time.Duration(try)*100*time.Millisecond) {
			return "", err
		}
	}
}

// pause reports whether there is time for another try.
func pause(ctx context.Context, length time.Duration) bool {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (f finder) askOnce(ctx context.Context, target *url.URL, secret string) (raw string, again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, f.Patience*2/5)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return "", false, err
	}
	request.Header.Set("Authorization", "Bearer "+secret)
	request.Header.Set("Accept", "application/json")
	// The service redirects nobody, and the request token is for no other.
	client := http.Client{Transport: f.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return "", true, unreachable(err)
	}
	defer response.Body.Close()
	if err := refusal(response.StatusCode); err != nil {
		return "", response.StatusCode >= 500 || response.StatusCode == http.StatusTooManyRequests, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return "", true, unreachable(err)
	}
	raw, err = tokenIn(body)
	return raw, false, err
}

// unreachable leaves the address out, which an error of net/http begins with.
func unreachable(err error) error {
	if at := new(url.Error); errors.As(err, &at) {
		err = at.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("it does not answer in time")
	}
	return outcome.New(outcome.IdentityTokenUnavailable, "the token service of GitHub Actions cannot be reached").Because(err).Hint(hintRerun)
}

func refusal(status int) error {
	no := func(what, hint string) error {
		return outcome.New(outcome.IdentityTokenUnavailable, "the token service of GitHub Actions %s (%d)", what, status).Hint("%s", hint)
	}
	switch {
	case status == http.StatusOK:
		return nil
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return no("does not let this job have an identity token", "give the job `id-token: write` under `permissions:`, and run it again: its right to ask ends with it")
	case status == http.StatusTooManyRequests:
		return no("is asked too often", hintRerun)
	case status >= 500:
		return no("fails", hintRerun)
	case status >= 300 && status < 400:
		return no("redirects, which is not followed", "hand over "+requestURL+" as the runner sets it")
	}
	return no("gives no identity token", hintRerun)
}

// tokenIn reads {"count": 1, "value": "..."}.
func tokenIn(body []byte) (string, error) {
	no := func(what string) error {
		return outcome.New(outcome.IdentityTokenUnavailable, "the token service of GitHub Actions answers %s", what).Hint(hintRerun)
	}
	if len(body) > maxAnswer {
		return "", no(fmt.Sprintf("more than %d KiB", maxAnswer>>10))
	}
	// What is wrong is told without the answer's text, for a token may stand in it.
	if strictjson.Check(body, strictjson.Bounds{Depth: 8, Values: 64, FoldKeys: true}) != nil {
		return "", no("something else than one JSON object")
	}
	var answer struct{ Value string }
	if err := json.Unmarshal(body, &answer); err != nil || answer.Value == "" {
		return "", no("without an identity token in value")
	}
	return answer.Value, nil
}
