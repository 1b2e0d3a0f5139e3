package vex

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// csafDocument is the part of CSAF 2.0 that VEX needs.
// https://docs.oasis-open.org/csaf/csaf/v2.0/os/csaf-v2.0-os.html#45-profile-5-vex
type csafDocument struct {
	Document struct {
		Category  string `json:"category"`
		Version   string `json:"csaf_version"`
		Publisher struct {
			Name string `json:"name"`
		} `json:"publisher"`
		Tracking struct {
			ID      string `json:"id"`
			Status  string `json:"status"`
			Current string `json:"current_release_date"`
			Initial string `json:"initial_release_date"`
		} `json:"tracking"`
	} `json:"document"`
	Tree            csafTree            `json:"product_tree"`
	Vulnerabilities []csafVulnerability `json:"vulnerabilities"`
}

type csafVulnerability struct {
	CVE string `json:"cve"`
	IDs []struct {
		Text string `json:"text"`
	} `json:"ids"`
	Status       map[string][]string `json:"product_status"`
	Flags        []csafClaim         `json:"flags"`
	Threats      []csafClaim         `json:"threats"`
	Remediations []csafClaim         `json:"remediations"`
}

// csafClaim is something said of some products: a flag, a threat or a remediation.
type csafClaim struct {
	Label    string   `json:"label"` // of a flag: the justification
	Category string   `json:"category"`
	Details  string   `json:"details"`
	Products []string `json:"product_ids"`
	Groups   []string `json:"group_ids"`
}

// csafStatuses are the lists of products that make statements, in the order in which they are read.
var csafStatuses = []struct {
	name   string
	status Status
}{
	{"known_not_affected", NotAffected}, {"fixed", Fixed}, {"first_fixed", Fixed}, {"known_affected", Affected},
	{"first_affected", Affected}, {"last_affected", Affected}, {"under_investigation", UnderInvestigation},
}

func (c *collector) csaf(doc []byte) error {
	var d csafDocument
	if err := json.Unmarshal(doc, &d); err != nil {
		return fmt.Errorf("not CSAF: %w", err)
	}
	if err := c.csafHead(d); err != nil {
		return err
	}
	tree, err := newCSAFProducts(c, d.Tree)
	if err != nil {
		return err
	}
	if len(d.Vulnerabilities) == 0 {
		return errors.New("no vulnerabilities")
	}
	said := 0
	for i, v := range d.Vulnerabilities {
		n, err := c.csafVulnerability(v, tree)
		if err != nil {
			return fmt.Errorf("vulnerability %d (%.80q): %w", i+1, v.CVE, err)
		}
		said += n
	}
	if said == 0 {
		return errors.New("no statements: no product has a status")
	}
	return nil
}

func (c *collector) csafHead(d csafDocument) (err error) {
	head := d.Document
	switch {
	case head.Version != "2.0":
		return fmt.Errorf("csaf_version %.20q is not 2.0", head.Version)
	case head.Category != "csaf_vex":
		return fmt.Errorf("its category is %.40q and not csaf_vex", head.Category)
	}
	c.doc.Format = CSAF
	if c.doc.ID, err = word("tracking id", head.Tracking.ID, maxName); err != nil {
		return err
	}
	if c.doc.Author, err = word("name of the publisher", head.Publisher.Name, maxName); err != nil {
		return err
	}
	if c.doc.Issued, err = latest("current_release_date", head.Tracking.Current); err != nil {
		return err
	}
	if head.Tracking.Current == "" {
		return errors.New("no current_release_date")
	}
	switch head.Tracking.Status {
	case "final", "interim":
	case "draft":
		c.note("the document is a draft")
	default:
		return fmt.Errorf("its tracking status %.40q is none of draft, final, interim", head.Tracking.Status)
	}
	return nil
}

// csafVulnerability makes statements of one vulnerability, and counts the products that have a status.
func (c *collector) csafVulnerability(v csafVulnerability, tree *csafProducts) (int, error) {
	var names []string
	for _, id := range v.IDs {
		names = append(names, id.Text)
	}
	if v.CVE != "" {
		names = append([]string{v.CVE}, names...)
	}
	ids, err := identifiers(names...)
	if err != nil {
		return 0, err
	}
	said, err := tree.said(v)
	if err != nil {
		return 0, err
	}
	status, err := v.statuses()
	if err != nil {
		return 0, err
	}
	statements := csafStatements{c: c, ids: ids}
	for _, list := range csafStatuses {
		for _, product := range v.Status[list.name] {
			if status[product] == list.status {
				if err := statements.add(list.status, said[product], tree, product); err != nil {
					return 0, err
				}
			}
		}
	}
	return len(status), statements.close()
}

// statuses gives each product its status. A product that is affected and is not has none that could be believed.
// https://docs.oasis-open.org/csaf/csaf/v2.0/os/csaf-v2.0-os.html#616-contradicting-product-status
func (v csafVulnerability) statuses() (map[string]Status, error) {
	status := map[string]Status{}
	for _, list := range csafStatuses {
		for _, product := range v.Status[list.name] {
			if before, twice := status[product]; twice && before != list.status {
				return nil, fmt.Errorf("the product %.120q is %s and %s", product, before, list.status)
			}
			status[product] = list.status
		}
	}
	return status, nil
}

// csafStatements brings products together of which the same is said.
type csafStatements struct {
	c    *collector
	ids  []string
	at   map[csafSaid]int
	list []Statement
	done map[string]bool
}

func (s *csafStatements) add(status Status, said csafSaid, tree *csafProducts, product string) error {
	if s.done[product] {
		return nil // it stands in two lists that mean the same
	}
	if s.at == nil {
		s.at, s.done = map[csafSaid]int{}, map[string]bool{}
	}
	s.done[product] = true
	said.status = status
	if status != NotAffected {
		said.label, said.impact = "", ""
	} else if said.label == "" && said.impact == "" {
		s.c.note("%.120q is not affected by %s, and neither a flag nor an impact says why: it counts for nothing", product, s.ids[0])
		return nil
	}
	if status != Affected {
		said.action = ""
	}
	products, err := tree.of(product, status)
	if err != nil || len(products) == 0 {
		return err
	}
	i, known := s.at[said]
	if !known {
		i = len(s.list)
		s.at[said] = i
		s.list = append(s.list, Statement{IDs: s.ids, Status: status, Justification: said.label, Impact: said.impact,
			Action: said.action, Time: s.c.doc.Issued})
	}
	s.list[i].Products = append(s.list[i].Products, products...)
	return nil
}

func (s *csafStatements) close() error {
	for _, one := range s.list {
		if err := s.c.add(one); err != nil {
			return err
		}
	}
	return nil
}

// csafSaid is what is said of one product, beside its status.
type csafSaid struct {
	status                Status
	label, impact, action string
}

// said gathers flags, impacts and remediations by product.
func (p *csafProducts) said(v csafVulnerability) (map[string]csafSaid, error) {
	said := map[string]csafSaid{}
	for _, flag := range v.Flags {
		if !slices.Contains(justifications, flag.Label) {
			return nil, fmt.Errorf("the flag %.80q is none of %s", flag.Label, strings.Join(justifications, ", "))
		}
		if err := p.each(flag, said, func(s *csafSaid) { s.label = cmp.Or(s.label, flag.Label) }); err != nil {
			return nil, err
		}
	}
	for _, threat := range v.Threats {
		text, err := prose("details of a threat", threat.Details)
		if err != nil {
			return nil, err
		}
		if threat.Category != "impact" {
			continue
		}
		if err := p.each(threat, said, func(s *csafSaid) { s.impact = cmp.Or(s.impact, text) }); err != nil {
			return nil, err
		}
	}
	for _, remedy := range v.Remediations {
		text, err := prose("details of a remediation", remedy.Details)
		if err != nil {
			return nil, err
		}
		if err := p.each(remedy, said, func(s *csafSaid) { s.action = cmp.Or(s.action, text) }); err != nil {
			return nil, err
		}
	}
	return said, nil
}

func (p *csafProducts) each(claim csafClaim, said map[string]csafSaid, do func(*csafSaid)) error {
	ids := claim.Products
	for _, group := range claim.Groups {
		members, ok := p.groups[group]
		if !ok {
			return fmt.Errorf("the product group %.120q is not in the product tree", group)
		}
		ids = append(slices.Clip(ids), members...)
		if len(ids) > maxProducts {
			return fmt.Errorf("more than %d products of one claim", maxProducts)
		}
	}
	if p.looked += len(ids); p.looked > 4*maxProducts {
		return errors.New("too many products in its flags, threats and remediations")
	}
	for _, id := range ids {
		s := said[id]
		do(&s)
		said[id] = s
	}
	return nil
}
