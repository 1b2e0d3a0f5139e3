package trust

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/stepseal/stepseal/internal/strictyaml"
)

// claims are all of them, in the order in which they are told.
var claims = []Claim{Issuer, Subject, CallerWorkflow, SourceRepository, SourceRef}

func (r *reader) readSigners(node *yaml.Node) {
	r.entries(node, "signers", maxSigners, func(key, value *yaml.Node) {
		r.signers = append(r.signers, key.Value)
		before := r.Found()
		s := r.signer(key.Value, value)
		if r.Found() == before {
			r.section.Signers = append(r.section.Signers, s)
			r.places["signer "+s.Name] = value
		}
	})
}

func (r *reader) signer(name string, node *yaml.Node) Signer {
	s := Signer{Name: name}
	fields := strictyaml.Fields{
		"authority": word(&s.Authority, parseName),
		"may-sign":  strictyaml.List(&s.MaySign, len(Kinds), kind),
	}
	for _, claim := range claims {
		to := s.claim(claim)
		fields[string(claim)] = r.once(to, claim, ParseExact)
		fields[string(claim)+"-pattern"] = r.once(to, claim, ParsePattern)
	}
	before := r.Found()
	r.Fields(node, "signer "+name, fields)
	if s.Authority == "" && r.Found() == before {
		r.Wrong(node, "signer %s has no authority, which vouches for it", name)
	}
	slices.SortFunc(s.MaySign, inOrder)
	return s
}

func inOrder(a, b Kind) int { return slices.Index(Kinds, a) - slices.Index(Kinds, b) }

// claim is where the signer keeps what is demanded of a claim.
func (s *Signer) claim(c Claim) *Pattern {
	switch c {
	case Issuer:
		return &s.Issuer
	case Subject:
		return &s.Subject
	case CallerWorkflow:
		return &s.CallerWorkflow
	case SourceRepository:
		return &s.SourceRepository
	}
	return &s.SourceRef
}

// Wanted is what a claim must be.
type Wanted struct {
	Claim   Claim
	Pattern Pattern
}

// Identity is what is wanted of the signer's certificate, in the order in which it is told; nothing of a key.
func (s Signer) Identity() []Wanted {
	var list []Wanted
	for _, claim := range claims {
		if p := *s.claim(claim); p.Given() {
			list = append(list, Wanted{claim, p})
		}
	}
	return list
}

// once takes a claim that is given exactly or as an expression, and not both.
func (r *reader) once(to *Pattern, claim Claim, parse func(Claim, string) (Pattern, error)) strictyaml.Field {
	return func(own *strictyaml.Reader, key string, value *yaml.Node) {
		if to.Given() {
			r.Wrong(value, "%s: %s and %s-pattern exclude each other", key, claim, claim)
			return
		}
		word(to, func(text string) (Pattern, error) { return parse(claim, text) })(own, key, value)
	}
}

// checkSigners looks at every signer with its authority.
func (r *reader) checkSigners() {
	for _, s := range r.section.Signers {
		at := r.places["signer "+s.Name]
		authority, ok := r.section.Authority(s.Authority)
		switch {
		case !ok && !slices.Contains(r.authorities, s.Authority):
			r.Wrong(at, "signer %s: there is no authority %s%s", s.Name, s.Authority, among(r.authorities))
		case ok && authority.Source.Keyless():
			r.checkIdentity(at, s, authority)
		case ok:
			r.checkKeyHolder(at, s, authority)
		}
	}
}

// checkIdentity demands issuer and subject: each alone could be had from somebody else. An ordinary certificate authority
// certifies by no token, so that there is no issuer of one, and the subject is what it alone answers for.
func (r *reader) checkIdentity(at *yaml.Node, s Signer, by Authority) {
	if by.Source == Certificates {
		if !s.Subject.Given() {
			r.Wrong(at, "signer %s has no subject; authority %s certifies names, and a signer of it has a subject, exact or as a pattern", s.Name, by.Name)
		}
		return
	}
	for _, claim := range []Claim{Issuer, Subject} {
		if !s.claim(claim).Given() {
			r.Wrong(at, "signer %s has no %s; authority %s certifies identities, and a signer of it has an issuer and a subject, each exact or as a pattern", s.Name, claim, by.Name)
		}
	}
}

// checkKeyHolder refuses what a key does not say.
func (r *reader) checkKeyHolder(at *yaml.Node, s Signer, by Authority) {
	for _, claim := range claims {
		if s.claim(claim).Given() {
			r.Wrong(at, "signer %s has %s; authority %s is a key, which says nothing of who holds it", s.Name, claim, by.Name)
		}
	}
}
