// Package vex reads what somebody has said about vulnerabilities in products: OpenVEX, CycloneDX VEX and CSAF VEX. It
// writes OpenVEX.
//
// A statement can take a finding away, so a document is read strictly: one that is damaged, of another format, or says
// less than its specification demands is an error. A product that nothing can be compared with, and a claim that goes
// further than what can be checked, suppress nothing and are told in Notes.
package vex

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/strictjson"
)

// Format is what a document was written in.
type Format string

// The formats.
const (
	OpenVEX   Format = "openvex"
	CycloneDX Format = "cyclonedx-vex"
	CSAF      Format = "csaf-vex"
)

// Document is what one author says.
type Document struct {
	Format     Format
	ID         string
	Author     string // empty where a CycloneDX document names none
	Digest     string // sha256:<hex> of the bytes
	Issued     time.Time
	Statements []Statement
	Notes      []string // what of the document counts for nothing, and why
}

// Statement is what the author says of one vulnerability in some products.
type Statement struct {
	IDs           []string // of the vulnerability, its aliases too
	Status        Status
	Justification string // the word of the format: component_not_present, code_not_reachable
	Impact        string // why it does no harm, free text
	Action        string // what to do, free text
	Products      []Product
	Time          time.Time // when it was said last; zero where a CycloneDX document does not tell
}

// Product is what a statement is about. With no Subcomponents it is the whole of it.
type Product struct {
	PURL          string
	Digest        string   // sha256:<hex>
	BOM           string   // the serial number (a UUID) of the CycloneDX document that lists it; empty for any
	Subcomponents []string // purls
}

// Status says whether the vulnerability harms. The zero value suppresses nothing.
type Status int

// The statuses.
const (
	UnderInvestigation Status = iota
	Affected
	NotAffected
	Fixed
)

func (s Status) String() string {
	switch s {
	case Affected:
		return "affected"
	case NotAffected:
		return "not-affected"
	case Fixed:
		return "fixed"
	default:
		return "under-investigation"
	}
}

// Suppresses says whether a finding that the statement covers does not count.
func (s Status) Suppresses() bool { return s == NotAffected || s == Fixed }

// Read reads one document. name is for messages.
func Read(name string, doc []byte) (Document, error) {
	d, err := read(doc)
	if err != nil {
		bad := outcome.New(outcome.VEXUnreadable, "VEX document %s", name).Because(err)
		if errors.Is(err, errAttestation) {
			bad.Hint("name the document that is inside, or let it be taken from the image, where it is verified")
		}
		return Document{}, bad
	}
	sum := sha256.Sum256(doc)
	d.Digest = "sha256:" + hex.EncodeToString(sum[:])
	return d, nil
}

func read(doc []byte) (Document, error) {
	doc = bytes.TrimPrefix(doc, []byte("\ufeff"))
	if len(bytes.TrimSpace(doc)) == 0 {
		return Document{}, errors.New("empty")
	}
	if err := strictjson.Check(doc, bounds); err != nil {
		return Document{}, err
	}
	decode, err := decoderOf(doc)
	if err != nil {
		return Document{}, err
	}
	c := &collector{notes: map[string]bool{}}
	if err := decode(c, doc); err != nil {
		return Document{}, err
	}
	c.doc.Notes = c.told()
	return c.doc, nil
}

// errAttestation says that somebody has to verify the document before it counts.
var errAttestation = errors.New("an attestation around a document, and not a document: who made it is checked on the image")

// decoderOf looks at the marks that the specifications demand of their documents.
func decoderOf(doc []byte) (func(*collector, []byte) error, error) {
	var head struct {
		Context   json.RawMessage `json:"@context"`
		BOMFormat json.RawMessage `json:"bomFormat"`
		Document  json.RawMessage `json:"document"`

		Statement json.RawMessage `json:"_type"`        // in-toto
		Envelope  json.RawMessage `json:"payloadType"`  // DSSE
		Bundle    json.RawMessage `json:"dsseEnvelope"` // Sigstore
	}
	if err := json.Unmarshal(doc, &head); err != nil {
		return nil, errors.New("not a VEX document: not a JSON object")
	}
	marks := 0
	for _, mark := range [][]byte{head.Context, head.BOMFormat, head.Document} {
		if mark != nil {
			marks++
		}
	}
	switch {
	case head.Statement != nil || head.Envelope != nil || head.Bundle != nil:
		return nil, errAttestation
	case marks > 1:
		return nil, errors.New("carries the marks of two formats")
	case head.Context != nil:
		return openVEXDecoder(head.Context)
	case head.BOMFormat != nil:
		return (*collector).cycloneDX, nil
	case head.Document != nil:
		return (*collector).csaf, nil
	}
	return nil, fmt.Errorf("neither OpenVEX, CycloneDX nor CSAF: it has no @context, bomFormat or document")
}
