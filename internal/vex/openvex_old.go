package vex

import (
	"encoding/json"
	"fmt"
)

// openVEXOld is OpenVEX 0.0, which names everything by texts.
type openVEXOld struct {
	ID         string                `json:"@id"`
	Author     string                `json:"author"`
	Timestamp  string                `json:"timestamp"`
	Statements []openVEXOldStatement `json:"statements"`
}

type openVEXOldStatement struct {
	Vulnerability string   `json:"vulnerability"`
	Timestamp     string   `json:"timestamp"`
	Products      []string `json:"products"`
	Subcomponents []string `json:"subcomponents"`
	openVEXVerdict
}

// openVEX00 says the same in the words of the later version.
func (c *collector) openVEX00(doc []byte) error {
	var old openVEXOld
	if err := json.Unmarshal(doc, &old); err != nil {
		return fmt.Errorf("not OpenVEX 0.0: %w", err)
	}
	d := openVEXDocument{ID: old.ID, Author: old.Author, Timestamp: old.Timestamp}
	for i, s := range old.Statements {
		if err := c.count(len(s.Products) * (1 + len(s.Subcomponents))); err != nil { // before they are multiplied
			return fmt.Errorf("statement %d (%.80q): %w", i+1, s.Vulnerability, err)
		}
		d.Statements = append(d.Statements, s.modern())
	}
	c.products = 0
	return c.fromOpenVEX(d)
}

func (s openVEXOldStatement) modern() openVEXStatement {
	out := openVEXStatement{Timestamp: s.Timestamp, openVEXVerdict: s.openVEXVerdict}
	out.Vulnerability.Name = s.Vulnerability
	var parts []openVEXComponent
	for _, id := range s.Subcomponents {
		parts = append(parts, openVEXComponent{ID: id})
	}
	for _, id := range s.Products {
		out.Products = append(out.Products, openVEXProduct{openVEXComponent{ID: id}, parts})
	}
	return out
}
