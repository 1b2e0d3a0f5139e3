package signing

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/outcome"
)

func TestKeysOfEveryKind(t *testing.T) {
	p256, p384, r2048, edwards := ecdsaKey(t, elliptic.P256()), ecdsaKey(t, elliptic.P384()), rsaKey(t, 2048), ed25519Key(t)
	sec1, err := x509.MarshalECPrivateKey(p384.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	parameters := pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 5, 43, 129, 4, 0, 34}})
	//lint:ignore SA1019 weak as it is, keys in this form are still around
	old, err := x509.EncryptPEMBlock(rand.Reader, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(r2048.(*rsa.PrivateKey)), []byte("secret"), x509.PEMCipherAES256)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		content  []byte
		password string
		want     crypto.Signer
	}{
		"PKCS#8 P-256":              {pkcs8PEM(t, p256), "", p256},
		"PKCS#8 P-384":              {pkcs8PEM(t, p384), "", p384},
		"PKCS#8 RSA":                {pkcs8PEM(t, r2048), "", r2048},
		"PKCS#8 Ed25519":            {pkcs8PEM(t, edwards), "not needed", edwards},
		"SEC 1 with its parameters": {append(parameters, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})...), "", p384},
		"PKCS#1":                    {pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(r2048.(*rsa.PrivateKey))}), "", r2048},
		"PKCS#1 encrypted":          {pem.EncodeToMemory(old), "secret", r2048},
	} {
		key, err := LoadKey(test.content, []byte(test.password))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := newTestKey(t, test.want)
		if key.Signer() != want.Signer() || !strings.HasPrefix(key.Signer(), "key sha256:") {
			t.Errorf("%s: %s, want %s", name, key.Signer(), want.Signer())
		}
		sig, err := key.sign(context.Background(), []byte("message"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := want.public.verify([]byte("message"), sig); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if want.public.verify([]byte("massage"), sig) == nil {
			t.Errorf("%s: verifies another message", name)
		}
	}
}

func TestKeysThatAreNotTaken(t *testing.T) {
	_, public, err := Generate(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"P-521":             pkcs8PEM(t, ecdsaKey(t, elliptic.P521())),
		"P-224":             pkcs8PEM(t, ecdsaKey(t, elliptic.P224())),
		"RSA 1024":          pkcs8PEM(t, weakRSA(t)),
		"a public key":      public,
		"no PEM":            []byte("secret"),
		"nothing":           nil,
		"garbage in PEM":    pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("secret")}),
		"a damaged one":     pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED SIGSTORE PRIVATE KEY", Bytes: []byte("{}")}),
		"of another kind":   pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: []byte("secret")}),
		"far too much":      make([]byte, 1<<20),
		"only a parameters": pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6}}),
	} {
		_, err := LoadKey(content, nil)
		if outcome.Of(err) == nil || outcome.Of(err).Reason != outcome.KeyUnusable {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the message repeats the content: %v", name, err)
		}
	}
}

func weakRSA(t *testing.T) crypto.Signer {
	t.Helper()
	t.Setenv("GODEBUG", "rsa1024min=0")
	return rsaKey(t, 1024)
}

func TestWrongPasswords(t *testing.T) {
	private, _, err := Generate([]byte("right"))
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range [][]byte{private, []byte(encryptedPKCS8)} {
		if _, err := LoadKey(content, []byte("right")); err != nil {
			t.Error(err)
		}
		for _, password := range []string{"wrong", ""} {
			if _, err := LoadKey(content, []byte(password)); outcome.Of(err) == nil || outcome.Of(err).Reason != outcome.WrongPassword {
				t.Errorf("%q: %v", password, err)
			}
		}
	}
}

func TestGeneratedKeysBelongTogether(t *testing.T) {
	for _, password := range [][]byte{nil, {}, []byte("pässword")} {
		private, public, err := Generate(password)
		if err != nil {
			t.Fatal(err)
		}
		if block, _ := pem.Decode(private); block == nil || block.Type != "ENCRYPTED SIGSTORE PRIVATE KEY" {
			t.Fatalf("not in cosign's form: %v", block)
		}
		key, err := LoadKey(private, password)
		if err != nil {
			t.Fatal(err)
		}
		half, err := LoadPublicKey(public)
		if err != nil || half.Signer() != key.Signer() {
			t.Errorf("%s and %s (%v)", key.Signer(), half.Signer(), err)
		}
	}
}

func TestPublicKeysThatAreNotTaken(t *testing.T) {
	private, public, err := Generate(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"a private key": private,
		"two keys":      append(append([]byte{}, public...), public...),
		"nothing":       nil,
		"no PEM":        []byte("x"),
	} {
		if _, err := LoadPublicKey(content); outcome.Of(err) == nil || outcome.Of(err).Reason != outcome.KeyUnusable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeysDoNotPrintTheirSecret(t *testing.T) {
	key := newTestKey(t, ed25519Key(t))
	want := "private " + key.Signer()
	for _, got := range []string{fmt.Sprint(key), fmt.Sprint(*key), fmt.Sprintf("%+v", key), fmt.Sprintf("%#v", *key), fmt.Sprintf("%s", key), fmt.Sprintf("%x", *key), fmt.Sprintf("%d", key)} {
		if got != want {
			t.Errorf("%s", got)
		}
	}
}

func TestSignaturesOfOldAndOtherTools(t *testing.T) {
	message := []byte("message")
	p384, edwards := ecdsaKey(t, elliptic.P384()), ed25519Key(t)
	for name, test := range map[string]struct {
		by   crypto.Signer
		hash crypto.Hash
	}{"P-384 over SHA-256": {p384, crypto.SHA256}, "Ed25519ph": {edwards, crypto.SHA512}} {
		sig, err := test.by.Sign(rand.Reader, digest(test.hash, message), test.hash)
		if err != nil {
			t.Fatal(err)
		}
		if err := newTestKey(t, test.by).public.verify(message, sig); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// encryptedPKCS8 was made by openssl pkcs8 -topk8 -v2 aes-256-cbc for this test and signs nothing.
const encryptedPKCS8 = `-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAi2xaZ5viXAoQICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEL4HAIfYLJnjvXIb/DnXmSIEgZBe
pYNcHH6PZ0DKUswj48/HQMoRdJx85txG1pleE8fuc88ppq3YOfxZGx9FYxYlKl2x
HCvf3JeTl0PKr/M1qxvCn7DpWz2ZY/UXroCyUTttwes/jDMpvLy8Wz1x7HEFJrRF
9mlLj0VoglLon9RpRBgZL+l/hwDXS8Fc5QV8xSFQqlDMXXc6xnblBH3VGSL5ndA=
-----END ENCRYPTED PRIVATE KEY-----
`
