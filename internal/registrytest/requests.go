package registrytest

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Request is one request that reached the registry and how it was answered.
type Request struct {
	Method     string
	Path       string
	Query      string
	Authorized bool // it carried an Authorization header
	Status     int  // 0 while there is no answer
}

// Requests are in order of arrival.
type Requests []Request

// Count says how many there are with the method and the path; both are patterns as in Rule.
func (all Requests) Count(method, path string) int {
	n := 0
	for _, one := range all {
		if matches(method, path, one.Method, one.Path) {
			n++
		}
	}
	return n
}

// Requests lists what reached the registry since it started or since Forget.
func (r *Registry) Requests() Requests { return r.log.all() }

// Forget empties the list of requests.
func (r *Registry) Forget() { r.log.forget() }

// matches: methods are separated by spaces, * in a path stands for anything, and empty is any.
func matches(methods, pattern, method, path string) bool {
	if methods != "" && !slices.Contains(strings.Fields(methods), method) {
		return false
	}
	if pattern == "" {
		return true
	}
	expression := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*")
	return regexp.MustCompile("^" + expression + "$").MatchString(path)
}

type requestLog struct {
	mu       sync.Mutex
	requests []*Request
}

func (l *requestLog) over(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		entry := &Request{
			Method: req.Method, Path: req.URL.Path, Query: req.URL.RawQuery,
			Authorized: req.Header.Get("Authorization") != "",
		}
		l.mu.Lock()
		l.requests = append(l.requests, entry)
		l.mu.Unlock()
		next.ServeHTTP(&noting{ResponseWriter: w, note: func(status int) {
			l.mu.Lock()
			defer l.mu.Unlock()
			entry.Status = status
		}}, req)
	})
}

func (l *requestLog) all() Requests {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(Requests, 0, len(l.requests))
	for _, entry := range l.requests {
		out = append(out, *entry)
	}
	return out
}

func (l *requestLog) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests = nil
}

// noting tells the status before the client can see it.
type noting struct {
	http.ResponseWriter
	note func(status int)
	done bool
}

func (n *noting) WriteHeader(status int) {
	if !n.done {
		n.done = true
		n.note(status)
	}
	n.ResponseWriter.WriteHeader(status)
}

func (n *noting) Write(p []byte) (int, error) {
	if !n.done {
		n.WriteHeader(http.StatusOK)
	}
	return n.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController flush.
func (n *noting) Unwrap() http.ResponseWriter { return n.ResponseWriter }
