package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/vex"
)

// openVEXSpace is the UUID space of documents about waivers.
var openVEXSpace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://github.com/stepseal/stepseal/waivers"))

// maxAliases bounds the names of a vulnerability, of which a VEX document takes a hundred.
const maxAliases = 50

// OpenVEX says of the findings that waivers accept what OpenVEX can say of them: that the image is affected, and what was
// decided to do. A waiver is no claim that the vulnerability does no harm. It is empty where no waiver is in use.
func OpenVEX(v View) ([]byte, error) {
	issued, err := time.Parse(time.DateOnly, string(v.Decision.Today))
	if err != nil {
		return nil, fmt.Errorf("the day of the decision: %w", err)
	}
	doc := vex.Document{Issued: issued}
	var owners []string
	for _, j := range v.Decision.Judged {
		w := j.Judgement.Waiver
		if j.Judgement.Status != policy.Waived || w == nil {
			continue
		}
		product := vex.Product{Digest: v.Digest}
		switch isPURL := vex.IsPURL(j.Package.PURL); {
		case isPURL && v.Digest != "":
			product.Subcomponents = []string{j.Package.PURL}
		case isPURL:
			product.PURL = j.Package.PURL
		case v.Digest == "":
			continue // nothing that a product could be told by
		}
		doc.Statements = append(doc.Statements, vex.Statement{IDs: namesOf(j.Finding), Status: vex.Affected, Time: issued,
			Action: fmt.Sprintf("accepted by %s until %s: %s", w.Owner, w.Expires, w.Reason), Products: []vex.Product{product}})
		if !slices.Contains(owners, w.Owner) {
			owners = append(owners, w.Owner)
		}
	}
	if len(doc.Statements) == 0 {
		return nil, nil
	}
	said, err := evidence.Encode(doc.Statements)
	if err != nil {
		return nil, err
	}
	// A document of the same id and version is the same document, so that what it says is in the id.
	// https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md#document
	doc.ID = "https://github.com/stepseal/stepseal/waivers/" + cmp.Or(v.Digest, "unnamed") + "/" + uuid.NewSHA1(openVEXSpace, said).String()
	doc.Author = "the owners of the waivers"
	if len(owners) == 1 {
		doc.Author = owners[0]
	}
	return vex.Write(doc)
}

// namesOf are the names of a vulnerability that a document can carry, its own first.
func namesOf(f policy.Finding) []string {
	names := []string{f.ID}
	for _, alias := range f.Aliases {
		if len(names) <= maxAliases && alias == plain(alias, maxSARIFName) {
			names = append(names, alias)
		}
	}
	return names
}
