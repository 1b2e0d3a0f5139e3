package sigstoretest_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"github.com/sigstore/sigstore-go/pkg/sign"

	"github.com/stepseal/stepseal/internal/sigstoretest"
)

// again logs what a bundle holds a second time.
func again(t *testing.T, s *sigstoretest.Sigstore, made *protobundle.Bundle) {
	t.Helper()
	leaf := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made.GetVerificationMaterial().GetCertificate().GetRawBytes()})
	log := sign.NewRekor(&sign.RekorOptions{BaseURL: s.URL(sigstoretest.Rekor), Timeout: 5 * time.Second})
	if err := log.GetTransparencyLogEntry(t.Context(), leaf, made); err != nil {
		t.Fatal(err)
	}
}

func TestAnEntryIsNotLoggedTwice(t *testing.T) {
	s := start(t)
	made := signed(t, envelope, options(t, s, time.Now(), sigstoretest.Rekor))
	signed(t, envelope, options(t, s, time.Now(), sigstoretest.Rekor)) // so that the tree is larger the second time
	s.Skew(sigstoretest.Rekor, time.Hour)                              // what the log says of an entry does not change with its clock
	again(t, s, made)
	first, second := made.VerificationMaterial.TlogEntries[0], made.VerificationMaterial.TlogEntries[1]
	if first.LogIndex != second.LogIndex || first.InclusionProof.TreeSize != 1 || second.InclusionProof.TreeSize != 2 {
		t.Errorf("index %d in a tree of %d, then %d in one of %d", first.LogIndex, first.InclusionProof.TreeSize, second.LogIndex, second.InclusionProof.TreeSize)
	}
	made.VerificationMaterial.TlogEntries = made.VerificationMaterial.TlogEntries[1:]
	if _, err := verified(t, s, made, sigstoretest.Rekor); err != nil {
		t.Error(err)
	}
}

func TestTheSecondVersionRefusesAnEntryThatItHas(t *testing.T) {
	s := start(t)
	made := signed(t, envelope, options(t, s, time.Now(), sigstoretest.RekorTiles, sigstoretest.TimestampAuthority))
	leaf := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made.GetVerificationMaterial().GetCertificate().GetRawBytes()})
	log := sign.NewRekor(&sign.RekorOptions{BaseURL: s.URL(sigstoretest.RekorTiles), Version: 2})
	if err := log.GetTransparencyLogEntry(t.Context(), leaf, made); err == nil || !strings.Contains(err.Error(), "409") {
		t.Errorf("got %v", err)
	}
}

func TestProofsHoldInTreesOfEachSize(t *testing.T) {
	s := start(t)
	opt := options(t, s, time.Now(), sigstoretest.RekorTiles, sigstoretest.TimestampAuthority)
	for range 9 {
		if _, err := verified(t, s, signed(t, envelope, opt), sigstoretest.RekorTiles, sigstoretest.TimestampAuthority); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheLogRefusesWhatDoesNotVerify(t *testing.T) {
	s := start(t)
	made := signed(t, blob, options(t, s, time.Now(), sigstoretest.Rekor))
	var good map[string]any
	if err := json.Unmarshal(made.VerificationMaterial.TlogEntries[0].CanonicalizedBody, &good); err != nil {
		t.Fatal(err)
	}
	signature := good["spec"].(map[string]any)["signature"].(map[string]any)
	signature["content"] = base64.StdEncoding.EncodeToString([]byte("another signature"))
	bad, err := json.Marshal(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string][]byte{"a wrong signature": bad, "no entry": []byte(`{}`), "no JSON": []byte(`hello`)} {
		t.Run(name, func(t *testing.T) {
			answer, err := http.Post(s.URL(sigstoretest.Rekor)+"/api/v1/log/entries", "application/json", bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if text, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), "message") {
				t.Errorf("%s: %s", answer.Status, text)
			}
		})
	}
}
