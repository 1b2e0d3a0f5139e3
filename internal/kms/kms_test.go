package kms

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/kms/kmstest"
	"github.com/stepseal/stepseal/internal/outcome"
)

func started(t *testing.T, v *kmstest.Vault) Options {
	t.Helper()
	server := httptest.NewServer(v)
	t.Cleanup(server.Close)
	env := map[string]string{"VAULT_ADDR": server.URL, "VAULT_TOKEN": "secret-token", "VAULT_NAMESPACE": "team"}
	v.Token, v.Namespace = "secret-token", "team"
	return Options{Getenv: func(name string) string { return env[name] }, Transport: http.DefaultTransport}
}

func opened(t *testing.T, opt Options) Key {
	t.Helper()
	key, err := Open(context.Background(), "hashivault://release", opt)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func made[K crypto.Signer](t *testing.T) func(K, error) crypto.Signer {
	return func(key K, err error) crypto.Signer {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
}

func TestAVaultSignsOverTheHashOfTheKindOfKey(t *testing.T) {
	_, edwards, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	message := []byte("message")
	short, long := sha256.Sum256(message), sha512.Sum384(message)
	for name, c := range map[string]struct {
		key      crypto.Signer
		verifies func(crypto.PublicKey, []byte) bool
	}{
		"P-256": {made[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), func(k crypto.PublicKey, sig []byte) bool {
			return ecdsa.VerifyASN1(k.(*ecdsa.PublicKey), short[:], sig)
		}},
		"P-384": {made[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)), func(k crypto.PublicKey, sig []byte) bool {
			return ecdsa.VerifyASN1(k.(*ecdsa.PublicKey), long[:], sig)
		}},
		"RSA": {made[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 2048)), func(k crypto.PublicKey, sig []byte) bool {
			return rsa.VerifyPKCS1v15(k.(*rsa.PublicKey), crypto.SHA256, short[:], sig) == nil
		}},
		"Ed25519": {edwards, func(k crypto.PublicKey, sig []byte) bool { return ed25519.Verify(k.(ed25519.PublicKey), message, sig) }},
	} {
		t.Run(name, func(t *testing.T) {
			key := opened(t, started(t, &kmstest.Vault{Versions: []crypto.Signer{c.key}}))
			public, err := key.Public(context.Background())
			if err != nil || !Same(public, c.key.Public()) {
				t.Fatalf("the public half is %v, %v", public, err)
			}
			if sig, err := key.Sign(context.Background(), message); err != nil || !c.verifies(public, sig) {
				t.Errorf("it does not verify: %v", err)
			}
		})
	}
}

func elliptical(t *testing.T) crypto.Signer {
	return made[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
}

func TestTheVersionIsTheOneThatIsExpectedElseTheNewest(t *testing.T) {
	old, young := elliptical(t), elliptical(t)
	opt := started(t, &kmstest.Vault{Versions: []crypto.Signer{old, young}})
	sum := sha256.Sum256([]byte("message"))
	for _, c := range []struct{ expected, want crypto.PublicKey }{{nil, young.Public()}, {old.Public(), old.Public()}, {young.Public(), young.Public()}} {
		opt.Public = c.expected
		sig, err := opened(t, opt).Sign(context.Background(), []byte("message"))
		if err != nil || !ecdsa.VerifyASN1(c.want.(*ecdsa.PublicKey), sum[:], sig) {
			t.Errorf("%v", err)
		}
	}
	opt.Public = elliptical(t).Public()
	_, err := opened(t, opt).Sign(context.Background(), []byte("message"))
	ends(t, err, outcome.KeyServiceUnavailable, "none of its versions")
}

func ends(t *testing.T, err error, reason outcome.Reason, text string) {
	t.Helper()
	if err == nil || outcome.Of(err).Reason != reason || !strings.Contains(err.Error(), text) {
		t.Errorf("it ends with %v, want %s with %q", err, reason, text)
	}
	if err != nil && strings.Contains(fmt.Sprintf("%v %+v", err, outcome.Of(err)), "secret-token") {
		t.Error("the token is told")
	}
}

func TestAVaultThatDoesNotDoAsItShould(t *testing.T) {
	status := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code); _, _ = io.WriteString(w, body) }
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		text   string
	}{
		"it forbids":            {status(403, `{"errors":["permission denied"]}`), `403 Forbidden: "permission denied"`},
		"it is sealed":          {status(503, `{"errors":["Vault is sealed"]}`), "Vault is sealed"},
		"there is no such key":  {status(404, `{"errors":[]}`), "404"},
		"it answers nothing":    {status(204, ""), "204"},
		"it answers no JSON":    {status(200, "<html>"), "not what Vault"},
		"it answers something":  {status(200, `{"data":{}}`), "no newest version"},
		"it answers null":       {status(200, `{"data":null}`), "no newest version"},
		"the key is of no use":  {status(200, `{"data":{"latest_version":1,"keys":{"1":1790000000}}}`), "no key with a public half"},
		"the key is broken":     {status(200, `{"data":{"latest_version":1,"keys":{"1":{"public_key":"x"}}}}`), "not PEM"},
		"an Ed25519 key is not": {status(200, `{"data":{"latest_version":1,"keys":{"1":{"name":"ed25519","public_key":"eA=="}}}}`), "Ed25519"},
		"it redirects": {func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		}, "active node"},
		"it answers for ever": {func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}, "larger than 1024 KiB"},
		"it hangs up": {func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			key := opened(t, started(t, &kmstest.Vault{Answer: c.answer}))
			_, err := key.Public(context.Background())
			ends(t, err, outcome.KeyServiceUnavailable, c.text)
			_, err = key.Sign(context.Background(), []byte("message"))
			ends(t, err, outcome.KeyServiceUnavailable, c.text)
		})
	}
	v := &kmstest.Vault{Versions: []crypto.Signer{elliptical(t)}, Wrong: true}
	_, err := opened(t, started(t, v)).Sign(context.Background(), []byte("message"))
	ends(t, err, outcome.KeyServiceUnavailable, "no signature by version 1")
}

func TestWhatTheEnvironmentLacksIsToldBeforeAnythingIsAsked(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"nothing":         {},
		"no token":        {"VAULT_ADDR": "https://vault.example.com"},
		"no address":      {"VAULT_TOKEN": "secret-token"},
		"no URL":          {"VAULT_TOKEN": "secret-token", "VAULT_ADDR": "vault.example.com"},
		"a login":         {"VAULT_TOKEN": "secret-token", "VAULT_ADDR": "https://me:pw@vault.example.com"},
		"a line break":    {"VAULT_TOKEN": "secret-token\nX: y", "VAULT_ADDR": "https://vault.example.com"},
		"a mount too far": {"VAULT_TOKEN": "secret-token", "VAULT_ADDR": "https://vault.example.com", "TRANSIT_SECRET_ENGINE_PATH": "../sys"},
	} {
		_, err := Open(context.Background(), "hashivault://release", Options{Getenv: func(n string) string { return env[n] }})
		if err == nil {
			t.Errorf("%s: it opens", name)
			continue
		}
		ends(t, err, outcome.InvalidInput, "VAULT_")
	}
}

func TestAKeyIsPrintedWithoutItsToken(t *testing.T) {
	key := opened(t, started(t, &kmstest.Vault{}))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, key); text != "hashivault://release" {
			t.Errorf("%s prints %q", verb, text)
		}
	}
}

// TestOtherSchemesReachNobody: sigstore would run a program that is called sigstore-kms-SCHEME.
func TestOtherSchemesReachNobody(t *testing.T) {
	for _, text := range []string{"", "k8s://ns/secret", "env://KEY", "awskms-x://a", "AWSKMS:///alias/a", "hashivault:release", "openbao://release", "file:///etc/passwd",
		"hashivault://", "hashivault://a/../../sys/seal", "hashivault://a?b", "hashivault://-a", "hashivault://a b", "hashivault://..", "hashivault://a..b",
		"awskms://", "awskms:///", "awskms:///release", "awskms://me:pw@host/alias/a", "awskms:///alias/a?b", "awskms://host/path/alias/a",
		"azurekms://vault", "azurekms://vault/key/version/more", "azurekms://me@vault/key", "gcpkms://projects/p", "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/../x",
		"hashivault://" + strings.Repeat("a", 1100)} {
		_, err := Open(context.Background(), text, Options{Getenv: func(string) string { t.Errorf("%s: the environment is read", text); return "" }})
		ends(t, err, outcome.TrustUnusable, "")
	}
}

func TestReferencesAreTakenAsTheyAreWritten(t *testing.T) {
	for text, service := range map[string]Service{
		"hashivault://release": Vault, "hashivault://team_a-1.key": Vault,
		"awskms:///1234abcd-12ab-34cd-56ef-1234567890ab":                                             AWS,
		"awskms:///mrk-1234abcd12ab34cd56ef1234567890ab":                                             AWS,
		"awskms://localhost:4566/alias/release":                                                      AWS,
		"awskms:///arn:aws:kms:us-east-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab":      AWS,
		"awskms:///arn:aws:kms:us-east-2:111122223333:alias/team/release":                            AWS,
		"azurekms://acme.vault.azure.net/release":                                                    Azure,
		"azurekms://acme.vault.azure.net/release/0123456789abcdef":                                   Azure,
		"gcpkms://projects/acme/locations/global/keyRings/ci/cryptoKeys/release":                     GCP,
		"gcpkms://projects/acme/locations/global/keyRings/ci/cryptoKeys/release/cryptoKeyVersions/1": GCP,
	} {
		ref, err := Parse(text)
		if err != nil || ref.Service != service || ref.String() != text {
			t.Errorf("%s: %v, %v", text, ref, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("hashivault://release")
	f.Add("awskms://localhost:4566/alias/release")
	f.Add("sigstore://x")
	f.Fuzz(func(t *testing.T, text string) {
		ref, err := Parse(text)
		if err == nil && (ref.String() != text || strings.ContainsAny(text, " \n?#@") || strings.Contains(text, "..")) {
			t.Errorf("%q is taken", text)
		}
	})
}

func TestACloudIsOpenedByWhoKnowsIt(t *testing.T) {
	opt := Options{Clouds: func(_ context.Context, ref Reference, _ Options) (Key, error) {
		return nil, fmt.Errorf("asked for %s", ref)
	}}
	if _, err := Open(context.Background(), "awskms:///alias/release", opt); err == nil || err.Error() != "asked for awskms:///alias/release" {
		t.Errorf("it ends with %v", err)
	}
	_, err := Open(context.Background(), "awskms:///alias/release", Options{})
	ends(t, err, outcome.KeyServiceUnavailable, "nobody here speaks to awskms")
}
