package cloud

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/kms"
	"github.com/stepseal/stepseal/internal/outcome"
)

// amazon is as much of AWS KMS as signing needs.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
func amazon(t *testing.T, key crypto.Signer) *httptest.Server {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var in struct {
			KeyID                         string `json:"KeyId"`
			Message                       []byte
			MessageType, SigningAlgorithm string
		}
		_ = json.NewDecoder(req.Body).Decode(&in)
		algorithms := []string{"ECDSA_SHA_256"}
		switch call := strings.TrimPrefix(req.Header.Get("X-Amz-Target"), "TrentService."); {
		case in.KeyID != "alias/release":
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"__type":"NotFoundException","message":"Alias is not found"}`))
		case call == "GetPublicKey":
			_ = json.NewEncoder(w).Encode(map[string]any{"KeyId": in.KeyID, "PublicKey": der, "KeyUsage": "SIGN_VERIFY", "SigningAlgorithms": algorithms})
		case call == "DescribeKey":
			_ = json.NewEncoder(w).Encode(map[string]any{"KeyMetadata": map[string]any{"KeyId": "1", "SigningAlgorithms": algorithms}})
		case call == "Sign" && in.MessageType == "DIGEST" && in.SigningAlgorithm == "ECDSA_SHA_256":
			sig, _ := key.Sign(rand.Reader, in.Message, crypto.SHA256)
			_ = json.NewEncoder(w).Encode(map[string]any{"KeyId": in.KeyID, "Signature": sig, "SigningAlgorithm": in.SigningAlgorithm})
		default:
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
}

func TestAKeyOfAWSSigns(t *testing.T) {
	key := elliptical(t)
	server := amazon(t, key)
	defer server.Close()
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"AWS_CA_BUNDLE": bundle, "AWS_REGION": "us-east-2", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true"} {
		t.Setenv(name, value)
	}
	host := strings.TrimPrefix(server.URL, "https://")
	opt := kms.Options{Getenv: func(string) string { return "" }, Clouds: Open}
	signs := func(of string, opt kms.Options) ([]byte, error) {
		k, err := kms.Open(context.Background(), "awskms://"+host+"/alias/"+of, opt)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.Public(context.Background()); err != nil {
			return nil, err
		}
		return k.Sign(context.Background(), []byte("message"))
	}
	sum := sha256.Sum256([]byte("message"))
	if sig, err := signs("release", opt); err != nil || !ecdsa.VerifyASN1(key.Public().(*ecdsa.PublicKey), sum[:], sig) {
		t.Errorf("it does not verify: %v", err)
	}
	_, err := signs("other", opt)
	ends(t, err, outcome.KeyServiceUnavailable, "Alias is not found")
	opt.Public = elliptical(t).Public()
	_, err = signs("release", opt)
	ends(t, err, outcome.KeyServiceUnavailable, "not the key that the trust section's public-key holds")
	_, err = kms.Open(context.Background(), "awskms://"+host+"/alias/release", kms.Options{Getenv: func(string) string { return "1" }, Clouds: Open})
	ends(t, err, outcome.InvalidInput, "AWS_TLS_INSECURE_SKIP_VERIFY")
}

func elliptical(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func ends(t *testing.T, err error, reason outcome.Reason, text string) {
	t.Helper()
	if err == nil || outcome.Of(err).Reason != reason || !strings.Contains(err.Error(), text) {
		t.Errorf("it ends with %v, want %s with %q", err, reason, text)
	}
}

func TestAPanicInAProviderIsAFailure(t *testing.T) {
	err := guarded(context.Background(), func(context.Context) error { panic("of its own making") })
	if err == nil || !strings.Contains(err.Error(), "cannot be used") {
		t.Errorf("it ends with %v", err)
	}
}
