package vex

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// cdxDocument is the part of CycloneDX that VEX needs.
// https://cyclonedx.org/docs/1.6/json/#vulnerabilities
type cdxDocument struct {
	BOMFormat    string `json:"bomFormat"`
	SpecVersion  string `json:"specVersion"`
	SerialNumber string `json:"serialNumber"`
	Version      int    `json:"version"`
	Metadata     struct {
		Timestamp    string        `json:"timestamp"`
		Authors      []cdxAuthor   `json:"authors"`
		Manufacturer cdxAuthor     `json:"manufacturer"`
		Manufacture  cdxAuthor     `json:"manufacture"` // until 1.5
		Supplier     cdxAuthor     `json:"supplier"`
		Component    *cdxComponent `json:"component"`
	} `json:"metadata"`
	Components      []cdxComponent     `json:"components"`
	Vulnerabilities []cdxVulnerability `json:"vulnerabilities"`
}

type cdxAuthor struct {
	Name string `json:"name"`
}

type cdxVulnerability struct {
	ID         string `json:"id"`
	References []struct {
		ID string `json:"id"`
	} `json:"references"`
	Published string       `json:"published"`
	Updated   string       `json:"updated"`
	Analysis  *cdxAnalysis `json:"analysis"`
	Affects   []cdxAffects `json:"affects"`
}

type cdxAnalysis struct {
	State         string   `json:"state"`
	Justification string   `json:"justification"`
	Response      []string `json:"response"`
	Detail        string   `json:"detail"`
	FirstIssued   string   `json:"firstIssued"`
	LastUpdated   string   `json:"lastUpdated"`
}

// cdxStates are the words of CycloneDX.
// https://cyclonedx.org/docs/1.6/json/#vulnerabilities_items_analysis_state
var cdxStates = map[string]Status{
	"resolved": Fixed, "resolved_with_pedigree": Fixed, "exploitable": Affected, "in_triage": UnderInvestigation,
	"false_positive": NotAffected, "not_affected": NotAffected,
}

var cdxJustifications = []string{"code_not_present", "code_not_reachable", "requires_configuration", "requires_dependency",
	"requires_environment", "protected_by_compiler", "protected_at_runtime", "protected_at_perimeter", "protected_by_mitigating_control"}

var cdxVersions = []string{"1.4", "1.5", "1.6", "1.7"}

func (c *collector) cycloneDX(doc []byte) error {
	var d cdxDocument
	if err := json.Unmarshal(doc, &d); err != nil {
		return fmt.Errorf("not CycloneDX: %w", err)
	}
	if d.BOMFormat != "CycloneDX" || !slices.Contains(cdxVersions, d.SpecVersion) {
		return fmt.Errorf("%.40q of version %.20q is no CycloneDX that has VEX (%s)", d.BOMFormat, d.SpecVersion, strings.Join(cdxVersions, ", "))
	}
	if err := c.cdxHead(d); err != nil {
		return err
	}
	products := newCDXProducts(c, d)
	analysed := 0
	for i, v := range d.Vulnerabilities {
		if v.Analysis == nil {
			continue // found, and nothing is said of it
		}
		analysed++
		if err := c.cdxVulnerability(d, v, products); err != nil {
			return fmt.Errorf("vulnerability %d (%.80q): %w", i+1, v.ID, err)
		}
	}
	if analysed == 0 {
		return fmt.Errorf("no statements: of its %d vulnerabilities none has an analysis", len(d.Vulnerabilities))
	}
	return nil
}

func (c *collector) cdxHead(d cdxDocument) (err error) {
	c.doc.Format = CycloneDX
	if d.SerialNumber != "" {
		if c.doc.ID, err = word("serialNumber", d.SerialNumber, maxName); err != nil {
			return err
		}
		if d.Version > 1 {
			c.doc.ID += "/" + strconv.Itoa(d.Version)
		}
	}
	var authors []string
	for _, a := range append(slices.Clone(d.Metadata.Authors), d.Metadata.Manufacturer, d.Metadata.Manufacture, d.Metadata.Supplier) {
		if a.Name != "" && !slices.Contains(authors, a.Name) && len(authors) < 10 {
			authors = append(authors, a.Name)
		}
	}
	if len(authors) > 0 {
		if c.doc.Author, err = word("author", strings.Join(authors, ", "), maxName); err != nil {
			return err
		}
	}
	c.doc.Issued, err = latest("timestamp", d.Metadata.Timestamp)
	return err
}

func (c *collector) cdxVulnerability(d cdxDocument, v cdxVulnerability, products *cdxProducts) (err error) {
	var out Statement
	names := []string{v.ID}
	for _, r := range v.References {
		names = append(names, r.ID)
	}
	if out.IDs, err = identifiers(names...); err != nil {
		return err
	}
	if err := v.Analysis.into(&out); err != nil {
		return err
	}
	// When the vulnerability was published says nothing of when this was said of it.
	if out.Time, err = latest("time", v.Analysis.LastUpdated, v.Analysis.FirstIssued, d.Metadata.Timestamp, v.Updated, v.Published); err != nil {
		return err
	}
	for _, a := range v.Affects {
		list, err := products.of(a, out.Status)
		if err != nil {
			return err
		}
		out.Products = append(out.Products, list...)
	}
	return c.add(out)
}

func (a cdxAnalysis) into(s *Statement) (err error) {
	state, ok := cdxStates[a.State]
	switch {
	case a.State == "":
		state = UnderInvestigation // an analysis without a result
	case !ok:
		return fmt.Errorf("state %.40q is none of resolved, resolved_with_pedigree, exploitable, in_triage, false_positive, not_affected", a.State)
	}
	if a.Justification != "" && !slices.Contains(cdxJustifications, a.Justification) {
		return fmt.Errorf("justification %.80q is none of %s", a.Justification, strings.Join(cdxJustifications, ", "))
	}
	if s.Status = state; state == NotAffected {
		s.Justification = a.Justification
	}
	if len(a.Response) > maxIDs {
		return errors.New("too many responses")
	}
	if s.Impact, err = prose("detail", a.Detail); err != nil {
		return err
	}
	s.Action, err = prose("response", strings.Join(a.Response, ", "))
	return err
}
