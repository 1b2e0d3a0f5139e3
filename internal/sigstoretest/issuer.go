package sigstoretest

import (
	"crypto/rand"
	"crypto/rsa"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Audience is for whom a token is that Fulcio takes.
const Audience = "sigstore"

// tokenLife is how long GitHub's tokens live.
const tokenLife = 5 * time.Minute

// issuer signs with RS256: clients of Sigstore take a token with another algorithm for the name of a file.
type issuer struct {
	key func() (*rsa.PrivateKey, error)
}

// newIssuer lets the key be made beside everything else, since it takes longer than all of the rest.
func newIssuer() *issuer {
	i := &issuer{key: sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })}
	go func() { _, _ = i.key() }() // whoever needs it learns of the error
	return i
}

// Token signs claims. Missing ones are filled in: iss is this issuer, aud is Audience, sub is "sandbox", and it is valid for
// five minutes from now. A claim that is nil is left out. Fulcio takes any iss that this key signed, so that a test can
// stand for GitHub.
func (s *Sigstore) Token(claims map[string]any) (string, error) {
	now := s.clock(Issuer)
	all := map[string]any{
		"iss": s.Issuer(), "aud": Audience, "sub": "sandbox",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(tokenLife).Unix(),
	}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })

	key, err := s.issuer.key()
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: keyID}}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", err
	}
	return jwt.Signed(signer).Claims(all).Serialize()
}

const keyID = "sandbox"

// https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata
func (i *issuer) handler(s *Sigstore) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{
			"issuer": s.Issuer(), "jwks_uri": s.Issuer() + "/keys",
			"response_types_supported": []string{"id_token"}, "subject_types_supported": []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		key, err := i.key()
		if err != nil {
			refuse(w, http.StatusInternalServerError, err)
			return
		}
		answer(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: keyID, Algorithm: "RS256", Use: "sig"}}})
	})
	return mux
}
