package actions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/stepseal/stepseal/internal/step"
)

const (
	maxBaseFile = 1 << 20 // no config file is larger
	baseTimeout = 20 * time.Second
)

var (
	commit = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)
	slug   = regexp.MustCompile(`^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$`)
)

// base reads files as they stand at the commit that the pull request is to go on; nil where it is not known.
func (h *Host) base(e event) func(context.Context, string) ([]byte, error) {
	sha := e.PullRequest.Base.SHA
	if !commit.MatchString(sha) {
		return nil
	}
	return func(ctx context.Context, path string) ([]byte, error) {
		ctx, stop := context.WithTimeout(ctx, baseTimeout)
		defer stop()
		at, err := h.newAPI()
		if err != nil {
			return nil, err
		}
		return at.file(ctx, path, sha)
	}
}

// api is GitHub's, for one repository.
type api struct {
	repository string // with its address
	token      string
	client     *http.Client
}

func (h *Host) newAPI() (api, error) {
	at, err := url.Parse(cmp.Or(h.getenv("GITHUB_API_URL"), "https://api.github.com"))
	name := h.getenv("GITHUB_REPOSITORY")
	if err != nil || !private(at) || !slug.MatchString(name) {
		return api{}, errors.New("GITHUB_API_URL or GITHUB_REPOSITORY is not usable")
	}
	token, err := h.token()
	// A redirect could take the token elsewhere.
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return api{at.JoinPath("repos", name).String(), token, client}, err
}

// private tells whether nobody on the way can read the token.
func private(at *url.URL) bool {
	ip, _ := netip.ParseAddr(at.Hostname())
	return at.Scheme == "https" || at.Scheme == "http" && (at.Hostname() == "localhost" || ip.Unmap().IsLoopback())
}

func (h *Host) token() (string, error) {
	variable := step.Variable("github-token")
	if token := h.getenv(variable); token != "" || h.getenv(variable+"_FILE") == "" {
		return token, nil
	}
	file, err := os.Open(h.getenv(variable + "_FILE"))
	if err != nil {
		return "", fmt.Errorf("%s_FILE: %w", variable, step.Bare(err))
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, 1<<16))
	return strings.TrimRight(string(raw), "\r\n"), err
}

// file is one of the commit's. GitHub also says 404 of what the token may not see: that is no answer.
// https://docs.github.com/en/rest/repos/contents#get-repository-content
func (a api) file(ctx context.Context, path, sha string) ([]byte, error) {
	if !fs.ValidPath(path) {
		return nil, errors.New("it is not in the repository")
	}
	escaped := []string{}
	for part := range strings.SplitSeq(path, "/") {
		escaped = append(escaped, url.PathEscape(part))
	}
	content, err := a.get(ctx, "/contents/"+strings.Join(escaped, "/")+"?ref="+sha, "application/vnd.github.raw+json")
	if !errors.Is(err, fs.ErrNotExist) {
		return content, err
	}
	if _, seen := a.get(ctx, "/git/commits/"+sha, "application/vnd.github+json"); seen != nil {
		return nil, errors.New("the job's token cannot read the repository: give the job `contents: read` under `permissions:`")
	}
	return nil, fs.ErrNotExist
}

func (a api) get(ctx context.Context, path, mediaType string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.repository+path, nil)
	if err != nil {
		return nil, errors.New("GITHUB_API_URL is not usable")
	}
	request.Header.Set("Accept", mediaType)
	request.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	if a.token != "" {
		request.Header.Set("Authorization", "Bearer "+a.token)
	}
	answer, err := a.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, fs.ErrNotExist
	default:
		return nil, fmt.Errorf("GitHub's API answers %d", answer.StatusCode)
	}
	content, err := io.ReadAll(io.LimitReader(answer.Body, maxBaseFile+1))
	if err == nil && len(content) > maxBaseFile {
		err = fmt.Errorf("it is larger than %d bytes", maxBaseFile)
	}
	return content, err
}
