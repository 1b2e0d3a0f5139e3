package admission

import (
	"bytes"
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/stepseal/stepseal/internal/trust"
)

// signer is somebody who may sign, and who vouches for that.
type signer struct {
	trust.Signer
	authority trust.Authority
}

// check looks again at what trust.Read has looked at: a name goes into comments and expressions, and a keyless signer
// without an identity would be anybody.
func (s signer) check() error {
	if !label.MatchString(s.Name) || !label.MatchString(s.authority.Name) {
		return fmt.Errorf("%.40q is no name: lower-case letters, digits and hyphens", s.Name)
	}
	if err := plain(s.authority.Value); err != nil {
		return fmt.Errorf("the authority %s: %w", s.authority.Name, err)
	}
	if s.authority.Source == trust.KMS && !inKMS(s.authority.Value) {
		return fmt.Errorf("the authority %s: %.60q is no key in a key management system", s.authority.Name, s.authority.Value)
	}
	for _, p := range []trust.Pattern{s.Issuer, s.Subject, s.CallerWorkflow, s.SourceRepository, s.SourceRef} {
		if err := plain(p.Exact() + p.Expression()); err != nil {
			return fmt.Errorf("the signer %s: %w", s.Name, err)
		}
		if e := p.Expression(); e != "" && !anchored(e) {
			return fmt.Errorf("the signer %s: the expression %.60q is not anchored at both ends", s.Name, e)
		}
	}
	if s.authority.Source == trust.Certificates && !s.Issuer.Given() {
		return fmt.Errorf("the signer %s has no issuer; engines go by the issuer of an identity token, which certificates of an ordinary authority do not name", s.Name)
	}
	if s.authority.Source.Keyless() && !(s.Issuer.Given() && s.Subject.Given()) {
		return fmt.Errorf("the signer %s has no issuer and subject", s.Name)
	}
	return nil
}

// inKMS: engines read whatever else stands there as a file, an address to fetch from, or a program to run.
func inKMS(reference string) bool {
	scheme, rest, ok := strings.Cut(reference, "://")
	return ok && rest != "" && slices.Contains([]string{"awskms", "azurekms", "gcpkms", "hashivault"}, scheme)
}

// anchored: engines look for an expression anywhere in a text, and ^a|b$ fits much.
func anchored(expression string) bool {
	tree, err := syntax.Parse(expression, syntax.Perl)
	return err == nil && tree.Op == syntax.OpConcat && tree.Sub[0].Op == syntax.OpBeginText && tree.Sub[len(tree.Sub)-1].Op == syntax.OpEndText
}

// same: two names for one key, or one identity, are one signer. They must not meet a threshold of two.
func (s signer) same(other signer, material Material) bool {
	if !s.sameAuthority(other, material) {
		return false
	}
	return s.Issuer.String() == other.Issuer.String() && s.Subject.String() == other.Subject.String() && s.CallerWorkflow.String() == other.CallerWorkflow.String() &&
		s.SourceRepository.String() == other.SourceRepository.String() && s.SourceRef.String() == other.SourceRef.String()
}

func (s signer) sameAuthority(other signer, material Material) bool {
	a, b := s.authority, other.authority
	switch {
	case a.Source != b.Source:
		return false
	case a.Name == b.Name, a.Value == b.Value:
		return true
	}
	mine, ok := material.Sources[a.Name]
	return ok && bytes.Equal(mine, material.Sources[b.Name])
}

type likelihood int

const (
	never likelihood = iota
	possible
	certain
)

func overlap(a, b signer, material Material) likelihood {
	if !a.authority.Source.Keyless() || !a.sameAuthority(b, material) {
		return never
	}
	return min(meet(a.Issuer, b.Issuer), meet(a.Subject, b.Subject))
}

// meet says whether one text can fit both.
func meet(a, b trust.Pattern) likelihood {
	switch {
	case a.Exact() != "" && b.Fits(a.Exact()), b.Exact() != "" && a.Fits(b.Exact()):
		return certain
	case a.Exact() != "" || b.Exact() != "":
		return never
	case a.Expression() == b.Expression():
		return certain
	}
	return possible
}
