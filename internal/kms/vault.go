package kms

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha512" // for P-384
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/stepseal/stepseal/internal/outcome"
)

const (
	maxVaultAnswer = 1 << 20
	vaultPatience  = 30 * time.Second
)

// vault is a key of the transit engine of a HashiCorp Vault, or of an OpenBao.
// https://developer.hashicorp.com/vault/api-docs/secret/transit
type vault struct {
	ref       Reference
	engine    string // URL of the transit engine
	namespace string
	token     string
	transport http.RoundTripper
	expected  crypto.PublicKey

	version int // of the key, 0 while it is not known
	public  crypto.PublicKey
}

// Format keeps the token out of every verb.
func (v *vault) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, v.ref.String()) }

func newVault(ref Reference, opt Options) (*vault, error) {
	address := cmp.Or(opt.Getenv("VAULT_ADDR"), opt.Getenv("BAO_ADDR"))
	token := cmp.Or(opt.Getenv("VAULT_TOKEN"), opt.Getenv("BAO_TOKEN"))
	mount := strings.Trim(cmp.Or(opt.Getenv("TRANSIT_SECRET_ENGINE_PATH"), "transit"), "/")
	if address == "" || token == "" {
		return nil, outcome.New(outcome.InvalidInput, "%s: VAULT_ADDR and VAULT_TOKEN say which Vault, and let in; one of them is not set", ref).
			Hint("set both in the environment of this step, the token from a secret")
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, outcome.New(outcome.InvalidInput, "%s: VAULT_ADDR is no http(s) address", ref)
	}
	if strings.ContainsAny(token, "\r\n") || strings.ContainsAny(mount, "?#%\r\n ") || strings.Contains(mount, "..") {
		return nil, outcome.New(outcome.InvalidInput, "%s: VAULT_TOKEN or TRANSIT_SECRET_ENGINE_PATH holds what neither can", ref)
	}
	return &vault{ref: ref, engine: u.JoinPath("v1", mount).String(), namespace: cmp.Or(opt.Getenv("VAULT_NAMESPACE"), opt.Getenv("BAO_NAMESPACE")),
		token: token, transport: opt.Transport, expected: opt.Public}, nil
}

// Public is the version that is expected, else the newest one; the same signs.
func (v *vault) Public(ctx context.Context) (crypto.PublicKey, error) {
	if v.public != nil {
		return v.public, nil
	}
	var answer struct {
		Data struct {
			Latest int                        `json:"latest_version"`
			Keys   map[string]json.RawMessage `json:"keys"`
		} `json:"data"`
	}
	if err := v.ask(ctx, http.MethodGet, "keys/"+v.ref.Key, nil, &answer); err != nil {
		return nil, Failed(v.ref, err)
	}
	for number, raw := range answer.Data.Keys {
		version, err := strconv.Atoi(number)
		if err != nil || version <= 0 || v.expected == nil && version != answer.Data.Latest {
			continue
		}
		public, err := vaultPublic(raw)
		if err != nil && v.expected == nil {
			return nil, Failed(v.ref, err)
		}
		if err == nil && (v.expected == nil || Same(v.expected, public)) {
			v.version, v.public = version, public
			return public, nil
		}
	}
	if v.expected != nil {
		return nil, Failed(v.ref, errors.New("none of its versions is the key that the trust section's public-key holds"))
	}
	return nil, Failed(v.ref, errors.New("the answer holds no newest version"))
}

// vaultPublic reads PEM, or of an Ed25519 key the bytes in base64.
func vaultPublic(raw json.RawMessage) (crypto.PublicKey, error) {
	var key struct {
		Public string `json:"public_key"`
		Name   string `json:"name"`
	}
	if err := json.Unmarshal(raw, &key); err != nil || key.Public == "" {
		return nil, errors.New("it is no key with a public half: one that signs is of the type ecdsa-p256, ecdsa-p384, rsa-2048 or more, or ed25519")
	}
	if key.Name == "ed25519" {
		content, err := base64.StdEncoding.DecodeString(key.Public)
		if err != nil || len(content) != ed25519.PublicKeySize {
			return nil, errors.New("its Ed25519 key is not one")
		}
		return ed25519.PublicKey(content), nil
	}
	block, rest := pem.Decode([]byte(key.Public))
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("its public half is not PEM")
	}
	return x509.ParsePKIXPublicKey(block.Bytes)
}

// Sign asks the version whose public half Public tells.
func (v *vault) Sign(ctx context.Context, message []byte) ([]byte, error) {
	public, err := v.Public(ctx)
	if err != nil {
		return nil, err
	}
	request := map[string]any{"key_version": v.version, "marshaling_algorithm": "asn1"}
	switch hash := hashOf(public); hash {
	case 0:
		request["input"] = base64.StdEncoding.EncodeToString(message)
	default:
		h := hash.New()
		h.Write(message)
		request["input"] = base64.StdEncoding.EncodeToString(h.Sum(nil))
		request["prehashed"], request["hash_algorithm"] = true, map[crypto.Hash]string{crypto.SHA256: "sha2-256", crypto.SHA384: "sha2-384"}[hash]
	}
	if _, ok := public.(*rsa.PublicKey); ok {
		request["signature_algorithm"] = "pkcs1v15"
	}
	var answer struct {
		Data struct {
			Signature string `json:"signature"`
		} `json:"data"`
	}
	if err := v.ask(ctx, http.MethodPost, "sign/"+v.ref.Key, request, &answer); err != nil {
		return nil, Failed(v.ref, err)
	}
	text, ok := strings.CutPrefix(answer.Data.Signature, fmt.Sprintf("vault:v%d:", v.version))
	signature, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(signature) == 0 {
		return nil, Failed(v.ref, fmt.Errorf("the answer holds no signature by version %d of the key", v.version))
	}
	return signature, nil
}

// hashOf is what goes with the kind of key, as it does with keys in files; 0 is Ed25519, which takes the message itself.
func hashOf(public crypto.PublicKey) crypto.Hash {
	switch k := public.(type) {
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P384() {
			return crypto.SHA384
		}
	case ed25519.PublicKey:
		return 0
	}
	return crypto.SHA256
}

func (v *vault) ask(ctx context.Context, method, path string, request, into any) error {
	var body io.Reader
	if request != nil {
		content, err := json.Marshal(request)
		if err != nil {
			return err
		}
		body = bytes.NewReader(content)
	}
	req, err := http.NewRequestWithContext(ctx, method, v.engine+"/"+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("X-Vault-Token", v.token)
	req.Header.Set("X-Vault-Request", "true")
	if v.namespace != "" {
		req.Header.Set("X-Vault-Namespace", v.namespace)
	}
	// A redirect is how a standby names the leader; the token goes nowhere but where it was meant for.
	client := http.Client{Transport: v.transport, Timeout: vaultPatience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(io.LimitReader(answer.Body, maxVaultAnswer+1))
	switch {
	case err != nil:
		return err
	case len(content) > maxVaultAnswer:
		return fmt.Errorf("the answer is larger than %d KiB", maxVaultAnswer>>10)
	case answer.StatusCode/100 == 3:
		return fmt.Errorf("it answers %d and sends elsewhere: VAULT_ADDR has to name the active node", answer.StatusCode)
	case answer.StatusCode != http.StatusOK:
		return fmt.Errorf("it answers %d %s%s", answer.StatusCode, http.StatusText(answer.StatusCode), said(content))
	}
	if err := json.Unmarshal(content, into); err != nil {
		return errors.New("the answer is not what Vault's transit engine says")
	}
	return nil
}

// said is what Vault gives as reasons.
func said(content []byte) string {
	var answer struct{ Errors []string }
	if json.Unmarshal(content, &answer) != nil || len(answer.Errors) == 0 {
		return ""
	}
	return fmt.Sprintf(": %.200q", strings.TrimSpace(strings.Join(answer.Errors, "; ")))
}
