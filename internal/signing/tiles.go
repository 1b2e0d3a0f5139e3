package signing

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	entry "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	rekor "github.com/sigstore/rekor-tiles/v2/pkg/generated/protobuf"
	"google.golang.org/protobuf/encoding/protojson"
)

// maxLogAnswer bounds the answer of a Rekor v2: an entry, its proof and a checkpoint.
const maxLogAnswer = 10 << 20

// tiles writes to a Rekor v2. The client that comes with it takes no transport.
// https://github.com/sigstore/rekor-tiles/blob/v2.3.0/api/proto/rekor/v2/rekor_service.proto
type tiles struct {
	url       string
	transport http.RoundTripper
}

// Add is what sigstore-go asks of the client.
func (t tiles) Add(ctx context.Context, of any) (*entry.TransparencyLogEntry, error) {
	record, ok := of.(*rekor.HashedRekordRequestV002)
	if !ok {
		return nil, fmt.Errorf("%T is no entry of a Rekor v2", of)
	}
	body, err := protojson.Marshal(&rekor.CreateEntryRequest{Spec: &rekor.CreateEntryRequest_HashedRekordRequestV002{HashedRekordRequestV002: record}})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(t.url, "/")+"/api/v2/log/entries", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	client := http.Client{Transport: t.transport, Timeout: patience}
	answer, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(io.LimitReader(answer.Body, maxLogAnswer))
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusCreated {
		return nil, fmt.Errorf("it answers %d: %.200s", answer.StatusCode, content)
	}
	var made entry.TransparencyLogEntry
	return &made, protojson.Unmarshal(content, &made)
}
