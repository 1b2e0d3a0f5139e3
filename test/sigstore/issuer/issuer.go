// Package issuer issues identity tokens as the issuers of CI systems do, for a private Sigstore that tests run.
//
// It is for tests alone: whoever asks gets a token that says what they asked for.
package issuer

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Audience is whom tokens are for unless their claims say otherwise: Fulcio by its usual name.
const Audience = "sigstore"

// Claims are what a token says.
type Claims map[string]any

// Issuer is several issuers at one address, each a path below it. One key signs for all of them.
type Issuer struct {
	base   string
	key    *rsa.PrivateKey
	signer jose.Signer
	server *http.Server

	mutex sync.Mutex
	runs  map[string]Run // by their secrets
}

// Serve makes a key and serves issuers at an address, as in 127.0.0.1:5556.
func Serve(address string) (*Issuer, error) {
	i, err := New("http://" + address)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	i.server = &http.Server{Handler: i, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = i.server.Serve(listener) }() // it ends with Close
	return i, nil
}

// Close ends serving.
func (i *Issuer) Close() { _ = i.server.Close() } // nobody is served any longer either way

// New is an issuer that nobody can ask for its keys: whoever knows another one at that base takes its tokens for forged.
func New(base string) (*Issuer, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	// RS256 is what every relying party has to know, and the one that cosign recognises a token by.
	// https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "1"}}, nil)
	if err != nil {
		return nil, err
	}
	return &Issuer{base: strings.TrimSuffix(base, "/"), key: key, signer: signer}, nil
}

// URL is the issuer of that name.
func (i *Issuer) URL(name string) string { return i.base + "/" + name }

// Token is a token of the issuer of that name. It holds for ten minutes and for Audience; claims that are given take the
// place of these.
func (i *Issuer) Token(name string, claims Claims) (string, error) {
	now := time.Now()
	all := Claims{
		"iss": i.URL(name),
		"aud": Audience,
		"iat": now.Unix(),
		"nbf": now.Unix(),
		"exp": now.Add(10 * time.Minute).Unix(),
	}
	maps.Copy(all, claims)
	return jwt.Signed(i.signer).Claims(map[string]any(all)).Serialize()
}

// ServeHTTP answers discovery and keys; POST NAME/token, whose body is the claims, with {"value": TOKEN}; and the jobs that may
// ask, as GitHub does.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, document, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case r.Method == http.MethodGet && document == ".well-known/openid-configuration":
		answer(w, map[string]any{
			"issuer":                                i.URL(name),
			"jwks_uri":                              i.URL(name) + "/keys",
			"response_types_supported":              []string{"id_token"},
			"subject_types_supported":               []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
	case r.Method == http.MethodGet && document == "keys":
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: i.key.Public(), KeyID: "1", Algorithm: "RS256", Use: "sig"}}})
	case r.Method == http.MethodPost && document == "token":
		i.issue(w, r, name)
	case r.Method == http.MethodGet && document == "idtoken":
		i.tell(w, r, name)
	default:
		http.NotFound(w, r)
	}
}

func (i *Issuer) issue(w http.ResponseWriter, r *http.Request, name string) {
	var claims Claims
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&claims); err != nil {
		http.Error(w, fmt.Sprintf("claims: %v", err), http.StatusBadRequest)
		return
	}
	token, err := i.Token(name, claims)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, map[string]string{"value": token})
}

func answer(w http.ResponseWriter, content any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(content) // whoever stopped listening has its answer
}
