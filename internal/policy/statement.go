package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/stepseal/stepseal/internal/vex"
)

// Statement is what a VEX document says about a vulnerability in products, and whose word that is.
type Statement struct {
	vex.Statement
	Source VEXSource
}

func (s Statement) about(f Finding, image vex.Image) bool {
	return slices.ContainsFunc(s.IDs, func(id string) bool {
		return slices.ContainsFunc(f.names(), func(name string) bool { return strings.EqualFold(id, name) })
	}) && s.covers(f.Package, image)
}

func (s Statement) covers(of Package, image vex.Image) bool {
	return slices.ContainsFunc(s.Products, func(p vex.Product) bool { return p.Covers(image, of.PURL) })
}

// excuses says whether it says that nothing is to be feared.
func (s Statement) excuses() bool { return s.Status.Suppresses() }

func newer(a, b Statement) bool {
	doubt := func(s Statement) int {
		if s.Status.Suppresses() {
			return 0
		}
		return 1
	}
	told := func(s Statement) []string {
		return []string{s.Status.String(), s.Source.Document, s.Source.Author, s.Source.Signer, s.Justification}
	}
	return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(doubt(a), doubt(b)), slices.Compare(told(b), told(a))) > 0
}

func (s Statement) why() string {
	said := fmt.Sprintf("%s says that it is %s", cmp.Or(s.Source.Author, s.Source.Document), strings.ReplaceAll(s.Status.String(), "-", " "))
	if s.Justification != "" {
		said += ": " + s.Justification
	}
	return said
}

func (s Statement) source() *VEXSource {
	source := s.Source
	source.Status, source.Justification = s.Status.String(), s.Justification
	return &source
}
