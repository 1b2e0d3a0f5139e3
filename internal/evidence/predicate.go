package evidence

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/stepseal/stepseal/internal/strictjson"
)

// ScanMadeBy is what the scanner's uri in a scan predicate says where the result is our scan.json.
const ScanMadeBy = "https://github.com/stepseal/stepseal"

// Scan is what an attestation says of a scan: the scan.json, verbatim, with when and with which database it was made.
// https://github.com/sigstore/cosign/blob/v2.6.5/specs/COSIGN_VULN_ATTESTATION_SPEC.md
type Scan struct {
	Report   json.RawMessage // scan.json, its exact bytes
	MadeBy   string          // the scanner's uri, as it is read; ScanMadeBy is written
	Version  string          // of stepseal
	Database string          // sha256:<hex> of the database
	DataDate string          // RFC 3339: the newest advisory in it
	Finished time.Time       // a claim of the signer's clock
}

// Predicate writes the vuln/v1 predicate with the report's bytes untouched.
func (s Scan) Predicate() ([]byte, error) {
	at := s.Finished.UTC().Format(time.RFC3339)
	head, err := Encode(struct {
		URI     string `json:"uri"`
		Version string `json:"version"`
		DB      any    `json:"db"`
	}{ScanMadeBy, s.Version, struct {
		URI        string `json:"uri"`
		Version    string `json:"version"`
		LastUpdate string `json:"lastUpdate,omitempty"`
	}{"", s.Database, s.DataDate}})
	if err != nil {
		return nil, err
	}
	doc := []byte(`{"invocation":{"parameters":null,"uri":"","event_id":"","builder.id":""},"scanner":`)
	doc = append(doc, head[:len(head)-1]...)
	doc = append(doc, `,"result":`...)
	doc = append(doc, s.Report...)
	return append(doc, fmt.Sprintf(`},"metadata":{"scanStartedOn":%q,"scanFinishedOn":%q}}`, at, at)...), nil
}

// ParseScan reads a vuln/v1 predicate, of anybody's making.
func ParseScan(predicate []byte) (Scan, error) {
	var doc struct {
		Scanner struct {
			URI     string `json:"uri"`
			Version string `json:"version"`
			DB      struct {
				Version    string `json:"version"`
				LastUpdate string `json:"lastUpdate"`
			} `json:"db"`
			Result json.RawMessage `json:"result"`
		} `json:"scanner"`
		Metadata struct {
			Finished time.Time `json:"scanFinishedOn"`
		} `json:"metadata"`
	}
	if err := strictjson.Check(predicate, strictjson.Bounds{Bytes: maxStatementBytes, Depth: maxDepth, FoldKeys: true}); err != nil {
		return Scan{}, fmt.Errorf("scan predicate: %w", err)
	}
	if err := json.Unmarshal(predicate, &doc); err != nil {
		return Scan{}, fmt.Errorf("scan predicate: %w", err)
	}
	return Scan{Report: doc.Scanner.Result, MadeBy: doc.Scanner.URI, Version: doc.Scanner.Version, Database: doc.Scanner.DB.Version,
		DataDate: doc.Scanner.DB.LastUpdate, Finished: doc.Metadata.Finished}, nil
}

// ScanSchema is the schema of scan.json.
const ScanSchema = "stepseal.scan/v1"

// Verdict is the part of a scan.json that decides whether it counts.
type Verdict struct {
	Schema       string `json:"schema"`
	Verdict      string `json:"verdict"`
	Reason       string `json:"reason"`
	PolicyDigest string `json:"policyDigest"`
	Image        struct {
		Image    string `json:"image"`
		Digest   string `json:"digest"`
		Platform string `json:"platform"`
	} `json:"subject"`
	Tools struct {
		Stepseal string `json:"stepseal"`
	} `json:"tools"`
	Database struct {
		SHA256    string    `json:"sha256"`
		Built     time.Time `json:"built"`
		Providers []struct {
			Captured time.Time `json:"captured"`
		} `json:"providers"`
	} `json:"database"`
}

// DataDate is the date of the newest advisory that the scan went by, RFC 3339; empty where the report does not say.
func (v Verdict) DataDate() string {
	var newest time.Time
	for _, p := range v.Database.Providers {
		if p.Captured.After(newest) {
			newest = p.Captured
		}
	}
	if newest.IsZero() {
		return ""
	}
	return newest.UTC().Format(time.RFC3339)
}

// ParseVerdict reads the head of a scan.json; ok is false where the document is none of ours.
func ParseVerdict(report []byte) (v Verdict, ok bool) {
	if strictjson.Check(report, strictjson.Bounds{Bytes: maxStatementBytes, Depth: maxDepth, FoldKeys: true}) != nil {
		return Verdict{}, false
	}
	if json.Unmarshal(report, &v) != nil || v.Schema != ScanSchema {
		return Verdict{}, false
	}
	return v, true
}
