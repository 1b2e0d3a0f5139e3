package vex

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// openVEXDocument is the part of OpenVEX 0.2.0 that counts here.
// https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md
type openVEXDocument struct {
	ID          string             `json:"@id"`
	Author      string             `json:"author"`
	Timestamp   string             `json:"timestamp"`
	LastUpdated string             `json:"last_updated"`
	Statements  []openVEXStatement `json:"statements"`
}

type openVEXStatement struct {
	Vulnerability struct {
		Name    string   `json:"name"`
		Aliases []string `json:"aliases"`
	} `json:"vulnerability"`
	Timestamp   string           `json:"timestamp"`
	LastUpdated string           `json:"last_updated"`
	Products    []openVEXProduct `json:"products"`
	openVEXVerdict
}

type openVEXVerdict struct {
	Status        string `json:"status"`
	Justification string `json:"justification"`
	Impact        string `json:"impact_statement"`
	Action        string `json:"action_statement"`
}

type openVEXProduct struct {
	openVEXComponent
	Subcomponents []openVEXComponent `json:"subcomponents"`
}

type openVEXComponent struct {
	ID          string            `json:"@id"`
	Identifiers map[string]string `json:"identifiers"`
	Hashes      map[string]string `json:"hashes"`
}

// openVEXStatuses are the words of OpenVEX.
var openVEXStatuses = map[string]Status{
	"not_affected": NotAffected, "affected": Affected, "fixed": Fixed, "under_investigation": UnderInvestigation,
}

// justifications are the words of OpenVEX and of CSAF, which has the same.
var justifications = []string{"component_not_present", "vulnerable_code_not_present", "vulnerable_code_not_in_execute_path",
	"vulnerable_code_cannot_be_controlled_by_adversary", "inline_mitigations_already_exist"}

const openVEXContext = "https://openvex.dev/ns"

// openVEXDecoder tells the versions by their context. Documents of version 0.0 had none in it.
func openVEXDecoder(context json.RawMessage) (func(*collector, []byte) error, error) {
	var text string
	if err := json.Unmarshal(context, &text); err != nil {
		return nil, errors.New("the @context is not one text: not OpenVEX")
	}
	version, ok := strings.CutPrefix(text, openVEXContext)
	switch {
	case !ok:
		return nil, fmt.Errorf("the @context %.120q is not OpenVEX's", text)
	case regexp.MustCompile(`^/v0\.2\.\d{1,3}$`).MatchString(version):
		return (*collector).openVEX, nil
	case version == "" || regexp.MustCompile(`^/v0\.0\.\d{1,3}$`).MatchString(version):
		return (*collector).openVEX00, nil
	}
	return nil, fmt.Errorf("the @context %.120q is of no OpenVEX version that is known (0.0, 0.2)", text)
}

func (c *collector) openVEX(doc []byte) error {
	var d openVEXDocument
	if err := json.Unmarshal(doc, &d); err != nil {
		return fmt.Errorf("not OpenVEX: %w", err)
	}
	return c.fromOpenVEX(d)
}

func (c *collector) fromOpenVEX(d openVEXDocument) (err error) {
	c.doc.Format = OpenVEX
	if c.doc.ID, err = word("@id of the document", d.ID, maxName); err != nil {
		return err
	}
	if c.doc.Author, err = word("author", d.Author, maxName); err != nil {
		return err
	}
	if c.doc.Issued, err = latest("timestamp of the document", d.Timestamp); err != nil {
		return err
	}
	if len(d.Statements) == 0 {
		return errors.New("no statements")
	}
	for i, s := range d.Statements {
		if err := c.openVEXStatement(d, s); err != nil {
			return fmt.Errorf("statement %d (%.80q): %w", i+1, s.Vulnerability.Name, err)
		}
	}
	return nil
}

func (c *collector) openVEXStatement(d openVEXDocument, s openVEXStatement) (err error) {
	var out Statement
	if out.IDs, err = identifiers(append([]string{s.Vulnerability.Name}, s.Vulnerability.Aliases...)...); err != nil {
		return err
	}
	if err := s.openVEXVerdict.into(&out); err != nil {
		return err
	}
	if out.Time, err = latest("time", s.LastUpdated, s.Timestamp, d.LastUpdated, d.Timestamp); err != nil {
		return err
	}
	if out.Time.Equal(time.Time{}) {
		return errors.New("neither it nor the document has a timestamp")
	}
	if len(s.Products) == 0 {
		return errors.New("no products")
	}
	for _, p := range s.Products {
		products, err := c.productsOf(p.component(), components(p.Subcomponents))
		if err != nil {
			return err
		}
		out.Products = append(out.Products, products...)
	}
	return c.add(out)
}

// into demands what the specification demands of a statement that takes a finding away.
// https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md#status-labels
func (v openVEXVerdict) into(s *Statement) (err error) {
	status, ok := openVEXStatuses[v.Status]
	if !ok {
		return fmt.Errorf("status %.40q is none of affected, fixed, not_affected, under_investigation", v.Status)
	}
	if v.Justification != "" && !slices.Contains(justifications, v.Justification) {
		return fmt.Errorf("justification %.80q is none of %s", v.Justification, strings.Join(justifications, ", "))
	}
	if s.Status = status; status == NotAffected {
		s.Justification = v.Justification
	}
	if s.Impact, err = prose("impact_statement", v.Impact); err != nil {
		return err
	}
	if s.Action, err = prose("action_statement", v.Action); err != nil {
		return err
	}
	if status == NotAffected && s.Justification == "" && s.Impact == "" {
		return errors.New("not_affected without a justification or an impact_statement")
	}
	return nil
}

// component takes the identifier for the better word: an @id may be any IRI.
func (o openVEXComponent) component() component {
	of := component{name: o.ID}
	if purl := o.Identifiers["purl"]; purl != "" {
		of.purls = append(of.purls, purl)
	}
	if strings.HasPrefix(o.ID, "pkg:") {
		of.purls = append(of.purls, o.ID)
	}
	for _, algorithm := range []string{"sha-256", "sha256"} {
		if hash := o.Hashes[algorithm]; hash != "" {
			of.hashes = append(of.hashes, hash)
		}
	}
	of.name = shown(of.name, strings.TrimSpace(strings.Join(slices.Concat(of.purls, []string{o.Identifiers["cpe23"], o.Identifiers["cpe22"]}), " ")))
	return of
}

func components(list []openVEXComponent) []component {
	var out []component
	for _, o := range list {
		out = append(out, o.component())
	}
	return out
}
