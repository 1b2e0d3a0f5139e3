package mirror

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/stepseal/stepseal/internal/strictjson"
)

// Latest is what latest.json says about the newest database.
type Latest struct {
	Archive string    // the file's name; it lies beside latest.json
	SHA256  string    // of the archive: sha256:<hex>
	Built   time.Time // by whoever published it
	Status  string    // active, deprecated or eol
}

var (
	checksum = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	schema   = regexp.MustCompile(`^v?6\.\d{1,6}\.\d{1,6}$`)
)

// ParseLatest reads a latest.json as grype's publisher writes it. A name that could lead anywhere else than to a file
// beside it, and a database of another schema than grype's sixth, are refused.
func ParseLatest(doc []byte) (Latest, error) {
	if err := strictjson.Check(doc, strictjson.Bounds{Bytes: maxLatest, Depth: 16, FoldKeys: true}); err != nil {
		return Latest{}, err
	}
	var named struct {
		Status   string `json:"status"`
		Schema   string `json:"schemaVersion"`
		Built    string `json:"built"`
		Path     string `json:"path"`
		Checksum string `json:"checksum"`
	}
	if err := json.Unmarshal(doc, &named); err != nil {
		return Latest{}, err
	}
	built, err := time.Parse(time.RFC3339, named.Built)
	switch {
	case !schema.MatchString(named.Schema):
		return Latest{}, fmt.Errorf("the schema %.40q is not one of version 6", named.Schema)
	case err != nil:
		return Latest{}, fmt.Errorf("the build date %.40q is not one", named.Built)
	case !checksum.MatchString(named.Checksum):
		return Latest{}, fmt.Errorf("the checksum %.80q is not a sha256", named.Checksum)
	}
	if err := checkName(named.Path); err != nil {
		return Latest{}, err
	}
	return Latest{Archive: named.Path, SHA256: named.Checksum, Built: built.UTC(), Status: named.Status}, nil
}

// checkName takes the name of a file beside latest.json, and nothing that is a path, a file of ours, or hidden.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("it names no archive")
	case len(name) > 255, strings.HasPrefix(name, "."), strings.ContainsAny(name, `/\`), name == LatestFile, name == SignatureFile,
		strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c == 0x7f }):
		return fmt.Errorf("%.80q is not the name of an archive beside it", name)
	}
	return nil
}
