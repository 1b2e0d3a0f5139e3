package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Policy is one set of rules and what excuses findings under it. More than one may judge an image: then all of them must
// accept it, so that none can loosen another.
type Policy struct {
	Name       string      `json:"name,omitempty"` // where it comes from, for people: "policy base floor.yaml"
	Rules      Rules       `json:"rules"`
	Waivers    []Waiver    `json:"waivers,omitempty"`
	Statements []Statement `json:"-"`
	Baseline   *Baseline   `json:"-"` // nil: there is none, and everything is new
}

// Digest names what the policies mean: the sha256 of their canonical JSON, in which the order and repetition of list
// entries do not count, nor what each is called. Baselines and VEX statements are evidence, and not part of it.
func Digest(policies ...Policy) string {
	type meaning struct {
		Rules   Rules    `json:"rules"`
		Waivers []Waiver `json:"waivers,omitempty"`
	}
	var all []string
	for _, p := range policies {
		waivers := slices.Clone(p.Waivers)
		slices.SortFunc(waivers, compareWaivers)
		all = append(all, string(canonicalJSON(meaning{p.Rules.canonical(), slices.Compact(waivers)})))
	}
	slices.Sort(all)
	sum := sha256.Sum256([]byte(strings.Join(slices.Compact(all), "\n")))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Status is what becomes of a finding.
type Status string

// The statuses. Only Refuses speaks against the image.
const (
	Refuses     Status = "refuses"
	Tolerated   Status = "tolerated"    // by the rule that Judgement names: below the limit, without a fix, within grace, in the base image
	Waived      Status = "waived"       // somebody answers for it
	NotAffected Status = "not-affected" // a VEX statement says so, or that it is fixed
	Known       Status = "known"        // the baseline has it too, and only what is new counts
)

// Judgement says what becomes of a finding or a violation, and why.
type Judgement struct {
	Status Status `json:"status"`
	Rule   string `json:"rule"`             // the input that decided: fail-on, only-fixed, waivers
	Why    string `json:"why"`              // one sentence for people
	Policy string `json:"policy,omitempty"` // whose rule it is, where it has a name
	// New: there is a baseline, and it does not have this.
	New    bool       `json:"new,omitempty"`
	Waiver *Waiver    `json:"waiver,omitempty"` // that excuses it, or, where it refuses, has expired
	VEX    *VEXSource `json:"vex,omitempty"`    // that excuses it
}

// VEXSource says whose statement it is that excuses a finding.
type VEXSource struct {
	Document      string `json:"document"` // file or reference
	Author        string `json:"author,omitempty"`
	Status        string `json:"status"` // not-affected or fixed
	Justification string `json:"justification,omitempty"`
	Signer        string `json:"signer,omitempty"` // who attested the document on the image; empty for a file
}

// Judged is a finding and what becomes of it.
type Judged struct {
	Finding
	Judgement Judgement `json:"judgement"`
}

func (p indexed) judge(f Finding, found Found, today Day) Judgement {
	j := p.excuse(f, found, today)
	j.Policy = p.Name
	j.New = p.Baseline != nil && !p.Baseline.Has(f)
	if j.Status == "" {
		j.Status, j.Rule, j.Why = p.weigh(f, found, today, j.New)
	}
	if w := j.Waiver; w != nil && j.Status == Refuses {
		j.Why += fmt.Sprintf("; the waiver of %s expired on %s", w.Owner, w.Expires)
	}
	return j
}

// excuse looks for somebody who answers for the finding. Of a waiver that has expired it only takes note.
func (p indexed) excuse(f Finding, found Found, today Day) Judgement {
	if s, ok := p.statement(f, found.Subject); ok {
		return Judgement{Status: NotAffected, Rule: "vex", Why: s.why(), VEX: s.source()}
	}
	w := p.waiver(f.names(), found.Image, f.Package, f.Locations)
	if w == nil || !w.excuses(today) {
		return Judgement{Waiver: w}
	}
	return Judgement{Status: Waived, Rule: "waivers", Why: waivedBy(*w), Waiver: w}
}

func waivedBy(w Waiver) string {
	return fmt.Sprintf("%s accepts it until %s: %s", w.Owner, w.Expires, w.Reason)
}

// weigh holds the finding against the rules.
func (p Policy) weigh(f Finding, found Found, today Day, isNew bool) (Status, string, string) {
	rules := p.Rules.of(f)
	rule, why, counts := rules.reached(f)
	if !counts {
		return Tolerated, rule, why
	}
	for _, tolerate := range []func(Finding, Found, Day) (string, string, bool){rules.outOfScope, rules.unfixed, rules.inGrace} {
		if rule, why, ok := tolerate(f, found, today); ok {
			return Tolerated, rule, why
		}
	}
	if p.knows(isNew) {
		return Known, "new-only", "the baseline " + p.Baseline.Name + " has it too"
	}
	return Refuses, rule, why
}

// knows says whether a finding does not count because the baseline has it too.
func (p Policy) knows(isNew bool) bool { return p.Rules.NewOnly && p.Baseline != nil && !isNew }

// reached says by which rule the finding counts, or by which it does not.
func (r Rules) reached(f Finding) (rule, why string, counts bool) {
	switch {
	case r.refusesRated(f):
		return "fail-on", fmt.Sprintf("%s, and the limit is %s", f.rated(), r.FailOn), true
	case r.refusesExploited(f):
		return "fail-on-known-exploited", "it is known to be exploited", true
	case r.refusesLikely(f):
		return "fail-on-epss", fmt.Sprintf("it is exploited within 30 days with a probability of %.3g, and the limit is %.3g", f.EPSS, r.FailOnEPSS), true
	}
	return "fail-on", fmt.Sprintf("%s, and the limit is %s", f.rated(), r.FailOn), false
}

func (r Rules) refusesRated(f Finding) bool { return r.FailOn.Reached(f.Weight()) }

func (r Rules) refusesExploited(f Finding) bool { return r.FailOnKnownExploited && f.KnownExploited }

func (r Rules) refusesLikely(f Finding) bool { return r.FailOnEPSS > 0 && f.EPSS >= r.FailOnEPSS }

func (f Finding) rated() string {
	if f.Weight() != f.Severity {
		return "nobody has rated it and it is known to be exploited, which weighs as " + f.Weight().String()
	}
	return "it is rated " + f.Severity.String()
}

func (r Rules) outOfScope(f Finding, found Found, _ Day) (rule, why string, ok bool) {
	if r.Scope != OwnLayers || !found.inBase(f.Locations) {
		return "", "", false
	}
	return "scope", "it is in the base image's layers, and the scope is own", true
}

func (r Rules) unfixed(f Finding, _ Found, _ Day) (rule, why string, ok bool) {
	return "only-fixed", "it has no fix, and only findings with one refuse", r.OnlyFixed && !f.Fix.Available()
}

func (r Rules) inGrace(f Finding, _ Found, today Day) (rule, why string, ok bool) {
	days, given := r.Grace[f.Severity]
	if !given || f.KnownExploited || !f.Fix.Available() || f.Fix.Since == "" || today == "" {
		return "", "", false
	}
	last := f.Fix.Since.Add(days)
	return "grace", fmt.Sprintf("its fix is out since %s, and it refuses from %s on", f.Fix.Since, last.Add(1)), today <= last
}

// names are what the finding is called when somebody speaks for it. An advisory about several vulnerabilities (DSA-5532-1,
// ELSA-2021-9591) goes by its own name alone: what is said of one of them says nothing of the others.
func (f Finding) names() []string {
	if f.isAboutSeveral() {
		return []string{f.ID}
	}
	return append([]string{f.ID}, f.Aliases...)
}

func (f Finding) isAboutSeveral() bool {
	first := ""
	for _, name := range append([]string{f.ID}, f.Aliases...) {
		name = strings.ToUpper(name)
		if !strings.HasPrefix(name, "CVE-") {
			continue
		}
		if first != "" && first != name {
			return true
		}
		first = name
	}
	return false
}

// inBase says whether every place of a package lies in a layer of the base image.
func (found Found) inBase(places []Location) bool {
	return len(places) > 0 && !slices.ContainsFunc(places, func(l Location) bool {
		return l.More > 0 || l.Layer == "" || !slices.Contains(found.BaseLayers, l.Layer)
	})
}
