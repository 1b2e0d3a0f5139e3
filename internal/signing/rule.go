package signing

import (
	"time"

	"github.com/stepseal/stepseal/internal/lifetime"
	"github.com/stepseal/stepseal/internal/trust"
)

// Rule is what was asked for: of each kind of evidence what must be there, and of each signer what it must prove. Whoever
// reads verification.json needs neither the config file nor its version of that day. What stands before Demands is the same
// in short, for those that have read it since before there were demands.
type Rule struct {
	Require          []string       `json:"require"`
	MaxScanAge       string         `json:"maxScanAge,omitempty"`
	SBOMBinding      bool           `json:"requireSBOMBinding"`
	Keys             []string       `json:"trustedKeys"`                 // fingerprints
	Identities       []string       `json:"trustedIdentities,omitempty"` // subject (issuer)
	Thresholds       map[string]int `json:"thresholds,omitempty"`        // of more than one signer
	AcceptedPolicies []string       `json:"acceptedPolicies,omitempty"`  // digests, of scans

	Demands     []RuleDemand `json:"demands"`
	Signers     []RuleSigner `json:"signers"`
	BundlesOnly bool         `json:"bundlesOnly,omitempty"` // what lies under cosign's tags does not count
}

// RuleDemand is what must be there of one kind of evidence, under the names of the trust section.
type RuleDemand struct {
	Kind      trust.Kind `json:"kind"`
	Signers   []string   `json:"signers,omitempty"` // names; none: all who may sign the kind
	Threshold int        `json:"threshold"`         // of how many of them
	MaxAge    string     `json:"maxAge,omitempty"`
	Policies  []string   `json:"policies,omitempty"`
	Binding   bool       `json:"binding,omitempty"`
	Builders  []string   `json:"builders,omitempty"`
	Verifiers []string   `json:"verifiers,omitempty"`
}

// RuleSigner is one whose word counts: whoever has the key, or whose certificate says what is claimed.
type RuleSigner struct {
	Name        string            `json:"name,omitempty"`    // none: a key that was given alone
	MaySign     []trust.Kind      `json:"maySign,omitempty"` // none: everything
	Key         string            `json:"key,omitempty"`     // its fingerprint
	CertifiedBy string            `json:"certifiedBy,omitempty"`
	ProvenBy    []lifetime.Role   `json:"provenBy,omitempty"` // of whom a proof must be there, each
	Claims      map[string]string `json:"claims,omitempty"`   // by their keys of the trust section; NAME-pattern is an expression
}

func newRule(of Trust, required Requirements) Rule {
	r := Rule{Require: []string{}, Keys: []string{}, Demands: []RuleDemand{}, Signers: []RuleSigner{}, BundlesOnly: of.BundlesOnly}
	for _, d := range required.Demands {
		r.demand(d)
	}
	for _, s := range of.Signers {
		r.Signers = append(r.Signers, newRuleSigner(s))
		if s.Sigstore == nil {
			r.Keys = append(r.Keys, s.String())
		} else {
			r.Identities = append(r.Identities, s.String())
		}
	}
	return r
}

func (r *Rule) demand(d trust.Demand) {
	r.Demands = append(r.Demands, RuleDemand{Kind: d.Kind, Signers: d.Signers, Threshold: d.Threshold, MaxAge: ageText(d.MaxAge),
		Policies: d.Policies, Binding: d.Binding, Builders: d.Builders, Verifiers: d.Verifiers})
	r.Require = append(r.Require, string(d.Kind))
	r.SBOMBinding = r.SBOMBinding || d.Binding
	if d.Threshold > 1 {
		if r.Thresholds == nil {
			r.Thresholds = map[string]int{}
		}
		r.Thresholds[string(d.Kind)] = d.Threshold
	}
	if d.Kind == trust.Scan {
		r.AcceptedPolicies, r.MaxScanAge = d.Policies, ageText(d.MaxAge)
	}
}

// ageText is empty where any age is allowed.
func ageText(age time.Duration) string {
	if age <= 0 {
		return ""
	}
	return age.String()
}

func newRuleSigner(s Signer) RuleSigner {
	r := RuleSigner{Name: s.Name, MaySign: s.MaySign}
	if s.Sigstore == nil {
		r.Key = s.Key.Fingerprint()
		return r
	}
	r.CertifiedBy, r.ProvenBy, r.Claims = s.Sigstore.name, s.Sigstore.Demanded(), map[string]string{}
	for _, want := range s.Identity() {
		if expression := want.Pattern.Expression(); expression != "" {
			r.Claims[string(want.Claim)+"-pattern"] = expression
		} else {
			r.Claims[string(want.Claim)] = want.Pattern.Exact()
		}
	}
	return r
}
