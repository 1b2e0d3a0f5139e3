// Package kmstest is the other side of a key service in the process, for tests of who signs with it.
package kmstest

import (
	"cmp"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
)

// Vault is as much of a Vault as signing needs, by its documentation, with the faults that a test asks for.
type Vault struct {
	Token, Namespace string
	Key              string           // its name; release where it is empty
	Versions         []crypto.Signer  // the newest last
	Answer           http.HandlerFunc // in the place of what a Vault says
	Wrong            bool             // the signature is by another version than was asked for
}

// ServeHTTP answers.
func (v *Vault) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	name := cmp.Or(v.Key, "release")
	switch {
	case v.Answer != nil:
		v.Answer(w, req)
	case req.Header.Get("X-Vault-Token") != v.Token || req.Header.Get("X-Vault-Namespace") != v.Namespace:
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"errors":["permission denied"]}`)
	case req.Method == http.MethodGet && req.URL.Path == "/v1/transit/keys/"+name:
		v.keys(w)
	case req.Method == http.MethodPost && req.URL.Path == "/v1/transit/sign/"+name:
		v.sign(w, req)
	default:
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"errors":[]}`)
	}
}

func (v *Vault) keys(w http.ResponseWriter) {
	keys := map[string]any{}
	for i, key := range v.Versions {
		entry := map[string]any{"name": "P-256", "creation_time": "2026-01-01T00:00:00Z"}
		if public, ok := key.Public().(ed25519.PublicKey); ok {
			entry["name"], entry["public_key"] = "ed25519", base64.StdEncoding.EncodeToString(public)
		} else {
			der, _ := x509.MarshalPKIXPublicKey(key.Public())
			entry["public_key"] = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		}
		keys[fmt.Sprint(i+1)] = entry
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"request_id": "1", "data": map[string]any{"type": "ecdsa-p256", "latest_version": len(v.Versions), "keys": keys}})
}

func (v *Vault) sign(w http.ResponseWriter, req *http.Request) {
	var in struct {
		Input     string `json:"input"`
		Prehashed bool   `json:"prehashed"`
		Hash      string `json:"hash_algorithm"`
		Version   int    `json:"key_version"`
		Scheme    string `json:"signature_algorithm"`
		Form      string `json:"marshaling_algorithm"`
	}
	if err := json.NewDecoder(req.Body).Decode(&in); err != nil || in.Form != "asn1" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	content, _ := base64.StdEncoding.DecodeString(in.Input)
	hash := map[string]crypto.Hash{"sha2-256": crypto.SHA256, "sha2-384": crypto.SHA384}[in.Hash]
	if in.Version < 1 || in.Version > len(v.Versions) {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	key := v.Versions[in.Version-1]
	if _, ok := key.(*rsa.PrivateKey); ok && in.Scheme != "pkcs1v15" || in.Prehashed != (hash != 0) {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	sig, err := key.Sign(rand.Reader, content, hash)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if v.Wrong {
		in.Version++
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"signature": fmt.Sprintf("vault:v%d:%s", in.Version, base64.StdEncoding.EncodeToString(sig))}})
}
