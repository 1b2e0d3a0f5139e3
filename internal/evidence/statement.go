// Package evidence holds what steps hand each other and what gets signed: the evidence file, in-toto statements, and the
// predicates in them.
package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stepseal/stepseal/internal/strictjson"
)

// Predicate types that are written.
const (
	SignaturePredicate = "https://sigstore.dev/cosign/sign/v1"
	SBOMPredicate      = "https://cyclonedx.org/bom"
	ScanPredicate      = "https://cosign.sigstore.dev/attestation/vuln/v1"
)

// PayloadType is the DSSE payload type of a statement.
const PayloadType = "application/vnd.in-toto+json"

const (
	statementV1  = "https://in-toto.io/Statement/v1"
	statementV01 = "https://in-toto.io/Statement/v0.1" // cosign v2 still writes it

	// A statement holds a whole SBOM.
	maxStatementBytes = 64 << 20
	maxDepth          = 100
	maxSubjects       = 1024
)

// Statement is an in-toto statement. Predicate is its exact bytes: nothing re-encodes them.
// https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
type Statement struct {
	Subject       []Subject
	PredicateType string
	Predicate     json.RawMessage
}

// Subject is one thing that a statement is about. Digest maps an algorithm to lower-case hex.
type Subject struct {
	Name   string            `json:"name,omitempty"`
	Digest map[string]string `json:"digest"`
}

// NewStatement makes a statement about repository@digest (sha256:<hex>), and about the index that it belongs to if one
// is given.
func NewStatement(predicateType string, predicate []byte, repository string, digests ...string) Statement {
	s := Statement{PredicateType: predicateType, Predicate: predicate}
	for _, digest := range digests {
		s.Subject = append(s.Subject, Subject{Name: repository, Digest: map[string]string{"sha256": strings.TrimPrefix(digest, "sha256:")}})
	}
	return s
}

// Marshal writes the statement with the predicate's bytes untouched: encoding/json would compact and escape them, and
// the digest of the predicate would no longer be that of the file.
func (s Statement) Marshal() ([]byte, error) {
	subject, err := Encode(s.Subject)
	if err != nil {
		return nil, err
	}
	kind, err := Encode(s.PredicateType)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"_type":%q,"subject":%s,"predicateType":%s,"predicate":`, statementV1, subject, kind)
	b.Write(s.Predicate)
	b.WriteByte('}')
	return b.Bytes(), nil
}

// Names reports whether the statement's first subject is the digest (sha256:<hex>). A platform's SBOM and scan name the
// platform manifest first and the index second.
func (s Statement) Names(digest string) bool {
	return IsDigest(digest) && len(s.Subject) > 0 && s.Subject[0].Digest["sha256"] == strings.TrimPrefix(digest, "sha256:")
}

// ParseStatement reads the payload of an envelope that was verified. It refuses what two readers could read in two ways.
func ParseStatement(payload []byte) (Statement, error) {
	var doc struct {
		Type, PredicateType string
		Subject, Predicate  json.RawMessage
	}
	if err := strictjson.Check(payload, strictjson.Bounds{Bytes: maxStatementBytes, Depth: maxDepth}); err != nil {
		return Statement{}, fmt.Errorf("statement: %w", err)
	}
	members, err := onlyKeys(payload, "_type", "subject", "predicateType", "predicate")
	if err != nil {
		return Statement{}, fmt.Errorf("statement: %w", err)
	}
	// The predicate may be an SBOM of many megabytes, and stays where it is.
	doc.Subject, doc.Predicate = members["subject"], members["predicate"]
	if err := errors.Join(text(members["_type"], &doc.Type), text(members["predicateType"], &doc.PredicateType)); err != nil {
		return Statement{}, fmt.Errorf("statement: %w", err)
	}
	subjects, err := parseSubjects(doc.Subject)
	if err != nil {
		return Statement{}, fmt.Errorf("statement: %w", err)
	}
	if err := isStatementType(doc.Type); err != nil {
		return Statement{}, fmt.Errorf("statement: %w", err)
	}
	if doc.PredicateType == "" {
		return Statement{}, errors.New("statement: no predicate type")
	}
	if err := isAboutSomething(subjects); err != nil {
		return Statement{}, fmt.Errorf("statement: %w", err)
	}
	return Statement{Subject: subjects, PredicateType: doc.PredicateType, Predicate: doc.Predicate}, nil
}

// parseSubjects is strict about the case of keys, unlike the predicate's reader: what a statement is about must not
// depend on who reads it.
func parseSubjects(raw json.RawMessage) ([]Subject, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	if err := strictjson.Check(raw, strictjson.Bounds{FoldKeys: true}); err != nil {
		return nil, fmt.Errorf("subject: %w", err)
	}
	var loose []looseSubject
	if err := json.Unmarshal(raw, &loose); err != nil {
		return nil, err
	}
	subjects := make([]Subject, len(loose))
	for i, l := range loose {
		subjects[i] = l.Subject
	}
	return subjects, nil
}

// looseSubject takes the fields of a resource descriptor that we have no use for.
type looseSubject struct {
	Subject
	URI json.RawMessage `json:"uri"`
}

// onlyKeys are the members of an object that has passed strictjson.Check. Keys that are not exactly the known ones are refused,
// also where they are the same once unescaped.
func onlyKeys(doc []byte, known ...string) (map[string]json.RawMessage, error) {
	list := strictjson.Members(doc)
	if list == nil {
		return nil, errors.New("not a JSON object")
	}
	members := map[string]json.RawMessage{}
	for _, m := range list {
		if err := isKnown(string(m.Key), known); err != nil {
			return nil, err
		}
		members[string(m.Key)] = m.Value
	}
	return members, nil
}

// text reads a string, which may be absent.
func text(value json.RawMessage, into *string) error {
	if value == nil {
		return nil
	}
	return json.Unmarshal(value, into)
}

// topLevel refuses keys of the outermost object that are not exactly the known ones: encoding/json would take
// "Subject" for "subject".
func topLevel(doc []byte, known ...string) error {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(doc, &object); err != nil {
		return err
	}
	for key := range object {
		if err := isKnown(key, known); err != nil {
			return err
		}
	}
	return nil
}

// isKnown refuses a key that another reader may take for a known one.
// Attack 11.
func isKnown(key string, known []string) error {
	if !slices.Contains(known, key) {
		return fmt.Errorf("unknown key %.64q", key)
	}
	return nil
}

// isStatementType refuses documents whose keys may mean something else.
// https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
// Attack 11.
func isStatementType(text string) error {
	if text != statementV1 && text != statementV01 {
		return fmt.Errorf("type %.80q is not an in-toto statement's", text)
	}
	return nil
}

// isAboutSomething refuses a statement about nothing, and one about more than anybody compares.
// Attack 6.
func isAboutSomething(subjects []Subject) error {
	if len(subjects) == 0 || len(subjects) > maxSubjects {
		return fmt.Errorf("%d subjects", len(subjects))
	}
	return nil
}

// Encode is JSON as every document is written: compact, without HTML escaping, without a trailing newline.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
