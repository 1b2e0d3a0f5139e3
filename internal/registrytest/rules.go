package registrytest

import (
	"net/http"
	"slices"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Methods for a Rule.
const (
	Reads  = "GET HEAD"
	Writes = "POST PUT PATCH DELETE"
)

// Rule says which requests are answered by a behaviour instead of the registry.
type Rule struct {
	Method string // one or several, separated by spaces; empty: any
	Path   string // as in "/v2/shop/blobs/*", where * stands for anything; empty: any
	After  int    // so many matching requests are let through first
	Times  int    // how often it answers; 0: for ever
	Answer Behaviour
}

// Behave adds a rule and returns the function that takes it away again.
// Of several that match, the one added first answers until it is used up.
func (r *Registry) Behave(rule Rule) (stop func()) { return r.rules.add(rule) }

// Calm takes all rules away.
func (r *Registry) Calm() { r.rules.clear() }

// MoveTag lets a reference with a tag, such as "shop:1.0", be read so many times and then name another manifest of the
// same repository, which was pushed before. HEAD and GET both count.
func (r *Registry) MoveTag(ref string, after int, to v1.Hash) (stop func()) {
	ref = strings.TrimPrefix(ref, r.host+"/")
	repository, tag, _ := strings.Cut(ref, ":")
	manifests := "/v2/" + repository + "/manifests/"
	return r.Behave(Rule{Method: Reads, Path: manifests + tag, After: after, Answer: From(manifests + to.String())})
}

type rules struct {
	mu     sync.Mutex
	active []*Rule
}

func (r *rules) add(rule Rule) (stop func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	added := &rule
	r.active = append(r.active, added)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.active = slices.DeleteFunc(r.active, func(one *Rule) bool { return one == added })
	}
}

func (r *rules) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active = nil
}

func (r *rules) over(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if behave := r.use(req); behave != nil {
			behave(w, req, next)
			return
		}
		next.ServeHTTP(w, req)
	})
}

// use finds the behaviour for the request and counts it as used.
func (r *rules) use(req *http.Request) Behaviour {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, rule := range r.active {
		if !matches(rule.Method, rule.Path, req.Method, req.URL.Path) {
			continue
		}
		if rule.After > 0 {
			rule.After--
			continue
		}
		if rule.Times == 1 {
			r.active = slices.Delete(r.active, i, i+1)
		}
		rule.Times--
		return rule.Answer
	}
	return nil
}
