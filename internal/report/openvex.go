package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/vex"
)

// OpenVEX says of the findings that waivers accept what OpenVEX can say of them: that the image is affected, and what was
// decided to do. A waiver is no claim that the vulnerability does no harm. It is empty where no waiver is in use.
func OpenVEX(v View) ([]byte, error) {
	issued, err := time.Parse(time.DateOnly, string(v.Decision.Today))
	if err != nil {
		return nil, fmt.Errorf("the day of the decision: %w", err)
	}
	doc := vex.Document{ID: "https://github.com/stepseal/stepseal/waivers/" + cmp.Or(v.Digest, "unnamed"), Issued: issued}
	var owners []string
	for _, j := range v.Decision.Judged {
		w := j.Judgement.Waiver
		if j.Judgement.Status != policy.Waived || w == nil {
			continue
		}
		product := vex.Product{PURL: j.Package.PURL}
		if v.Digest != "" {
			product = vex.Product{Digest: v.Digest}
			if j.Package.PURL != "" {
				product.Subcomponents = []string{j.Package.PURL}
			}
		}
		if product.PURL == "" && product.Digest == "" {
			continue // nothing that a product could be told by
		}
		doc.Statements = append(doc.Statements, vex.Statement{IDs: append([]string{j.ID}, j.Aliases...), Status: vex.Affected, Time: issued,
			Action: fmt.Sprintf("accepted by %s until %s: %s", w.Owner, w.Expires, w.Reason), Products: []vex.Product{product}})
		if !slices.Contains(owners, w.Owner) {
			owners = append(owners, w.Owner)
		}
	}
	if len(doc.Statements) == 0 {
		return nil, nil
	}
	doc.Author = "the owners of the waivers"
	if len(owners) == 1 {
		doc.Author = owners[0]
	}
	return vex.Write(doc)
}
