package evidence

import (
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// judged holds a predicate against the definition in in-toto's own module, which refuses what it does not know.
func judged(t *testing.T, predicate []byte, definition proto.Message) {
	t.Helper()
	if err := protojson.Unmarshal(predicate, definition); err != nil {
		t.Fatalf("%s: %v", predicate, err)
	}
}
