package signing

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestADetachedSignatureIsOfThisKeyAndThisContent(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := newKey(p384)
	if err != nil {
		t.Fatal(err)
	}
	content := []byte(`{"path":"advisories.tar.zst"}`)
	for name, private := range map[string]crypto.PrivateKey{"RSA": rsaKey, "P-256": p256, "Ed25519": edKey} {
		key, err := newKey(private)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := key.SignBlob(content)
		if err != nil {
			t.Fatal(err)
		}
		if err := key.Public().VerifyBlob(content, signature); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		wrapped := []byte(strings.Join([]string{string(signature[:20]), string(signature[20:])}, "\n"))
		if err := key.Public().VerifyBlob(content, wrapped); err != nil {
			t.Errorf("%s, in lines as base64 writes them: %v", name, err)
		}
		for what, bad := range map[string][2][]byte{
			"other content":     {append([]byte(" "), content...), signature},
			"an empty one":      {content, nil},
			"no base64":         {content, []byte("!")},
			"a very long one":   {content, []byte(strings.Repeat("A", maxBlobSignature+4))},
			"a changed one":     {content, append([]byte("AAAA"), signature...)},
			"content cut short": {content[:len(content)-1], signature},
		} {
			if key.Public().VerifyBlob(bad[0], bad[1]) == nil {
				t.Errorf("%s: %s is accepted", name, what)
			}
		}
		if other.Public().VerifyBlob(content, signature) == nil {
			t.Errorf("%s: another key accepts the signature", name)
		}
	}
	var zero PublicKey
	if zero.VerifyBlob(content, []byte("AAAA")) == nil {
		t.Error("no key accepts a signature")
	}
}

// What the documentation says to type when only openssl is at hand made these files:
//
//	openssl dgst -sha256 -sign KEY openssl.json | base64 > openssl.json.sig
func TestADetachedSignatureOfOpenssl(t *testing.T) {
	read := func(name string) []byte {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	key, err := LoadPublicKey(read("openssl.pub"))
	if err != nil {
		t.Fatal(err)
	}
	if err := key.VerifyBlob(read("openssl.json"), read("openssl.json.sig")); err != nil {
		t.Error(err)
	}
	if key.VerifyBlob(read("openssl.pub"), read("openssl.json.sig")) == nil {
		t.Error("the signature fits another file")
	}
}
