package image

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/stepseal/stepseal/internal/outcome"
)

// MayPush asks the registry whether this login may write to the repository: it begins an upload, and gives it up. What is
// not a clear no is taken for a yes: the write itself will tell.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs
func (r *Registry) MayPush(ctx context.Context, ref Reference) error {
	repo := r.repository(ref)
	session, err := r.session(ctx, repo, "push,pull")
	if err != nil {
		return forbidden(repo.Name(), fault(repo.Name(), err))
	}
	target := url.URL{Scheme: repo.Scheme(), Host: repo.RegistryStr(), Path: "/v2/" + repo.RepositoryStr() + "/blobs/uploads/"}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), nil)
	if err != nil {
		return err
	}
	resp, err := session.RoundTrip(req)
	if err != nil {
		return fault(repo.Name(), err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	switch resp.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return noWrite(repo.Name(), resp.StatusCode)
	case http.StatusAccepted:
		giveUp(ctx, session, &target, resp.Header.Get("Location"))
	}
	return nil
}

func noWrite(repository string, status int) error {
	return outcome.New(outcome.NoWritePermission, "%s: the registry answers %d when it is asked whether this login may push", repository, status)
}

// forbidden tells a login that may not push, and is told so when it asks for a token, from other faults.
func forbidden(repository string, err error) error {
	if known := outcome.Of(err); known != nil && known.Reason == outcome.RegistryForbidden {
		return noWrite(repository, http.StatusForbidden)
	}
	return err
}

// giveUp cancels an upload; a registry that does not let it forgets it by itself.
func giveUp(ctx context.Context, session http.RoundTripper, from *url.URL, location string) {
	at, err := from.Parse(location)
	if err != nil || location == "" || at.Host != from.Host {
		return
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, at.String(), nil)
	if err != nil {
		return
	}
	if resp, err := session.RoundTrip(req); err == nil {
		resp.Body.Close()
	}
}
