package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Fetched is what the first address that served had to offer.
type Fetched struct {
	Latest  Latest
	From    Address
	Archive string   // its file; empty where it was not wanted
	Notes   []string // for people: addresses that did not serve, a publisher that is about to stop
}

// Newest asks one address after the other for its latest.json, and for the archive if that is wanted, which then lies in
// dir. What one of them cannot give, or gives damaged or without the signature that is demanded, is told, and the next
// one is asked. dir keeps what was not finished, and must not be used by two callers at once.
func (c Client) Newest(ctx context.Context, dir string, wanted func(Latest) bool) (Fetched, error) {
	var failed failures
	for _, from := range c.Addresses {
		got, err := c.from(ctx, from, dir, wanted)
		if err == nil {
			got.Notes = append(failed.lines(), got.Notes...)
			return got, nil
		}
		if ctx.Err() != nil {
			return Fetched{}, ctx.Err()
		}
		failed = append(failed, failure{from, err})
	}
	return Fetched{}, failed.error()
}

func (c Client) from(ctx context.Context, from Address, dir string, wanted func(Latest) bool) (Fetched, error) {
	latest, err := c.latest(ctx, from)
	if err != nil {
		return Fetched{}, err
	}
	got := Fetched{Latest: latest, From: from}
	if latest.Status == "deprecated" || latest.Status == "eol" {
		got.Notes = append(got.Notes, fmt.Sprintf("%s says that its databases of this schema are %s", from, latest.Status))
	}
	if !wanted(latest) {
		return got, nil
	}
	got.Archive, err = c.archive(ctx, from, latest, dir)
	return got, err
}

// latest is verified before it is read.
func (c Client) latest(ctx context.Context, from Address) (Latest, error) {
	doc, err := c.small(ctx, &from.latest, maxLatest)
	if err != nil {
		return Latest{}, err
	}
	if c.Verify != nil {
		signature, err := c.small(ctx, from.signature(), maxSignature)
		if absent(err) {
			return Latest{}, untrusted("%s is not signed", from)
		}
		if err != nil {
			return Latest{}, err
		}
		if err := c.Verify(doc, signature); err != nil {
			return Latest{}, untrusted("%s", from).Because(err)
		}
	}
	latest, err := ParseLatest(doc)
	if err != nil {
		return Latest{}, outcome.New(outcome.DatabaseDamaged, "%s is not a description of a database", from).Because(err)
	}
	return latest, nil
}

func untrusted(format string, args ...any) *outcome.Error {
	return outcome.New(outcome.DatabaseUntrusted, format, args...)
}

// small fetches a document whole.
func (c Client) small(ctx context.Context, from *url.URL, limit int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.answerIn())
	defer cancel()
	resp, err := c.ask(ctx, from, 0)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, refusal{resp.StatusCode}
	}
	doc, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err == nil && int64(len(doc)) > limit {
		err = outcome.New(outcome.TooLarge, "%s is larger than %d bytes", from.Redacted(), limit).Hint("check that the address is that of a database")
	}
	return doc, err
}

// ask asks for what comes after so many bytes.
func (c Client) ask(ctx context.Context, from *url.URL, after int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from.String(), nil)
	if err != nil {
		return nil, err
	}
	if after > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", after))
	}
	resp, err := c.HTTP.Do(req)
	if asked := new(url.Error); errors.As(err, &asked) {
		err = asked.Err // which does not repeat the address
	}
	return resp, err
}

// refusal is an answer that is no file.
type refusal struct{ code int }

func (r refusal) Error() string {
	return fmt.Sprintf("the server answers %d %s", r.code, http.StatusText(r.code))
}

// absent tells a server that has no such file from one that cannot say.
func absent(err error) bool {
	var r refusal
	return errors.As(err, &r) && (r.code == http.StatusNotFound || r.code == http.StatusGone)
}
