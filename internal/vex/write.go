package vex

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The written form of OpenVEX 0.2.0, its keys in the order of the specification.
type (
	writtenDocument struct {
		Context    string             `json:"@context"`
		ID         string             `json:"@id"`
		Author     string             `json:"author"`
		Timestamp  string             `json:"timestamp"`
		Version    int                `json:"version"`
		Statements []writtenStatement `json:"statements"`
	}
	writtenStatement struct {
		Vulnerability writtenVulnerability `json:"vulnerability"`
		Timestamp     string               `json:"timestamp,omitempty"`
		Products      []writtenProduct     `json:"products"`
		Status        string               `json:"status"`
		Justification string               `json:"justification,omitempty"`
		Impact        string               `json:"impact_statement,omitempty"`
		Action        string               `json:"action_statement,omitempty"`
	}
	writtenVulnerability struct {
		Name    string   `json:"name"`
		Aliases []string `json:"aliases,omitempty"`
	}
	writtenProduct struct {
		writtenComponent
		Subcomponents []writtenComponent `json:"subcomponents,omitempty"`
	}
	writtenComponent struct {
		ID          string            `json:"@id,omitempty"`
		Identifiers map[string]string `json:"identifiers,omitempty"`
		Hashes      map[string]string `json:"hashes,omitempty"`
	}
)

// Write writes the document as OpenVEX 0.2.0: its ID, Author, Issued and Statements. The order of statements, products
// and aliases does not change the bytes. What OpenVEX does not allow is an error, so that Read reads what was written.
func Write(d Document) ([]byte, error) {
	id, err := word("id of the document", d.ID, maxName)
	if err != nil {
		return nil, err
	}
	author, err := word("author", d.Author, maxName)
	if err != nil {
		return nil, err
	}
	if d.Issued.IsZero() || len(d.Statements) == 0 {
		return nil, errors.New("a document without a time or without statements")
	}
	out := writtenDocument{Context: openVEXContext + "/v0.2.0", ID: id, Author: author, Timestamp: d.Issued.UTC().Format(time.RFC3339), Version: 1}
	for i, s := range d.Statements {
		w, err := s.written()
		if err != nil {
			return nil, fmt.Errorf("statement %d: %w", i+1, err)
		}
		out.Statements = append(out.Statements, w)
	}
	if err := sorted(out.Statements); err != nil {
		return nil, err
	}
	return encode(out)
}

func (s Statement) written() (w writtenStatement, err error) {
	ids, err := identifiers(s.IDs...)
	if err != nil {
		return w, err
	}
	w.Vulnerability.Name, w.Vulnerability.Aliases = ids[0], slices.Sorted(slices.Values(ids[1:]))
	for word, status := range openVEXStatuses {
		if status == s.Status {
			w.Status = word
		}
	}
	w.Justification, w.Impact, w.Action = s.Justification, strings.TrimSpace(s.Impact), strings.TrimSpace(s.Action)
	verdict := openVEXVerdict{Status: w.Status, Justification: w.Justification, Impact: w.Impact, Action: w.Action}
	switch err := verdict.into(&Statement{}); {
	case err != nil:
		return w, err
	case s.Status == Affected && w.Action == "":
		return w, errors.New("affected without an action")
	case s.Status != NotAffected && w.Justification != "":
		return w, fmt.Errorf("%s with a justification", s.Status)
	case len(s.Products) == 0:
		return w, errors.New("no products")
	}
	if !s.Time.IsZero() {
		w.Timestamp = s.Time.UTC().Format(time.RFC3339)
	}
	for _, p := range s.Products {
		product, err := p.written()
		if err != nil {
			return w, err
		}
		w.Products = append(w.Products, product)
	}
	return w, sorted(w.Products)
}

func (p Product) written() (w writtenProduct, err error) {
	if p.PURL == "" && p.Digest == "" || p.BOM != "" {
		return w, errors.New("a product that OpenVEX has no words for: it has neither a purl nor a digest, or belongs to a CycloneDX document")
	}
	if p.PURL != "" {
		if w.writtenComponent, err = writtenPURL(p.PURL); err != nil {
			return w, err
		}
	}
	if in := digestIn(p.PURL); p.Digest != "" && in != p.Digest {
		if !isDigest(p.Digest) || in != "" {
			return w, fmt.Errorf("%.80q is no digest, or not that of %.120q", p.Digest, p.PURL)
		}
		w.Hashes = map[string]string{"sha-256": strings.TrimPrefix(p.Digest, "sha256:")}
		w.ID = cmp.Or(w.ID, p.Digest) // the JSON schema takes no product that has hashes alone
	}
	for _, part := range slices.Sorted(slices.Values(p.Subcomponents)) {
		c, err := writtenPURL(part)
		if err != nil {
			return w, err
		}
		w.Subcomponents = append(w.Subcomponents, c)
	}
	return w, nil
}

func writtenPURL(text string) (writtenComponent, error) {
	purl, ok := usablePURL(text)
	if !ok || !strings.HasPrefix(purl, "pkg:") {
		return writtenComponent{}, fmt.Errorf("%.120q is no purl", text)
	}
	return writtenComponent{ID: purl, Identifiers: map[string]string{"purl": purl}}, nil
}

// sorted orders a list by what its elements are written as.
func sorted[T any](list []T) error {
	type keyed struct {
		key   string
		value T
	}
	keys := make([]keyed, len(list))
	for i, v := range list {
		doc, err := encode(v)
		if err != nil {
			return err
		}
		keys[i] = keyed{string(doc), v}
	}
	slices.SortStableFunc(keys, func(a, b keyed) int { return cmp.Compare(a.key, b.key) })
	for i, k := range keys {
		list[i] = k.value
	}
	return nil
}

// encode is JSON as every document is written: compact, without HTML escaping, without a trailing newline.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
