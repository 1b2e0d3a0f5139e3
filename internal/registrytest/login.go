package registrytest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"sync"
)

const tokenPath = "/token"

// Login is what the registry asks for before it answers anything. The zero value asks for nothing.
type Login struct {
	Username string
	Password string
	Token    bool // a bearer token from /token, which wants the login, instead of the login itself
}

// RequireLogin changes who may use the registry from now on.
func (r *Registry) RequireLogin(login Login) {
	r.guard.mu.Lock()
	defer r.guard.mu.Unlock()
	r.guard.login = login
}

type guard struct {
	realm string
	mu    sync.Mutex
	login Login
}

func (g *guard) over(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		g.mu.Lock()
		login := g.login
		g.mu.Unlock()
		switch {
		case login.Token && req.URL.Path == tokenPath:
			login.giveToken(w, req)
		case login.admits(req):
			next.ServeHTTP(w, req)
		default:
			w.Header().Set("WWW-Authenticate", login.challenge(g.realm))
			refuse(w, http.StatusUnauthorized)
		}
	})
}

func (l Login) admits(req *http.Request) bool {
	switch {
	case l.Username == "":
		return true
	case l.Token:
		return req.Header.Get("Authorization") == "Bearer "+l.token()
	default:
		return l.knows(req)
	}
}

func (l Login) knows(req *http.Request) bool {
	username, password, _ := req.BasicAuth()
	return username == l.Username && password == l.Password
}

// https://distribution.github.io/distribution/spec/auth/token/
func (l Login) giveToken(w http.ResponseWriter, req *http.Request) {
	if !l.knows(req) {
		refuse(w, http.StatusUnauthorized)
		return
	}
	body, _ := json.Marshal(map[string]string{"token": l.token()}) // a map of strings always encodes
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

func (l Login) token() string {
	sum := sha256.Sum256([]byte(l.Username + ":" + l.Password))
	return hex.EncodeToString(sum[:])
}

func (l Login) challenge(realm string) string {
	if l.Token {
		return `Bearer realm="` + realm + `",service="registrytest"`
	}
	return `Basic realm="registrytest"`
}
