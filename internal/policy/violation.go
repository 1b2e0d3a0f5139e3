package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/stepseal/stepseal/internal/licence"
	"github.com/stepseal/stepseal/internal/outcome"
)

// Component is a package of the catalogue, for the rules that ask what is there and not what is vulnerable.
type Component struct {
	Package
	Locations []Location
	// Licenses are what the package says of itself, SPDX expressions where it says so; all of them hold. Empty where it says
	// nothing.
	Licenses []string
}

// Violation is a rule that the image breaks without being vulnerable.
type Violation struct {
	ID        string     `json:"id"` // denied-package, denied-license, missing-license, minimum-elements: what a waiver names
	Package   Package    `json:"package,omitzero"`
	Locations []Location `json:"locations,omitempty"`
	Message   string     `json:"message"`
	Judgement Judgement  `json:"judgement"`
}

// The ids of violations.
const (
	DeniedPackage   = "denied-package"
	DeniedLicense   = "denied-license"
	MissingLicense  = "missing-license"
	MinimumElements = "minimum-elements"
)

func (v Violation) reason() outcome.Reason {
	switch v.ID {
	case DeniedPackage:
		return outcome.DeniedPackage
	case DeniedLicense, MissingLicense:
		return outcome.DeniedLicense
	default:
		return outcome.SBOMIncomplete
	}
}

// Versions compares versions as the ecosystem of the package does. An error means that it cannot tell.
type Versions func(of Package, constraint string) (bool, error)

// look finds the violations, and lets every policy judge those of its own rules.
func (d *Decision) look(found Found, policies []indexed) {
	seen := map[string]int{}
	for _, p := range policies {
		for _, v := range p.violations(found) {
			key := string(canonicalJSON(v))
			v.Judgement = p.judgeViolation(v, found, d.Today)
			d.TimeBound = d.TimeBound || v.Judgement.Waiver != nil
			at, twice := seen[key]
			switch {
			case !twice:
				seen[key] = len(d.Violations)
				d.Violations = append(d.Violations, v)
			case v.Judgement.Status == Refuses && d.Violations[at].Judgement.Status != Refuses:
				d.Violations[at] = v
			}
		}
	}
	slices.SortStableFunc(d.Violations, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Package.Name, b.Package.Name), cmp.Compare(a.Package.Version, b.Package.Version),
			cmp.Compare(a.Package.PURL, b.Package.PURL), slices.CompareFunc(a.Locations, b.Locations, compareLocation), cmp.Compare(a.Message, b.Message))
	})
}

func (p indexed) judgeViolation(v Violation, found Found, today Day) Judgement {
	j := Judgement{Status: Refuses, Rule: v.rule(), Why: v.Message, Policy: p.Name}
	j.Waiver = p.waiver([]string{v.ID}, found.Image, v.Package, v.Locations)
	switch {
	case j.Waiver == nil:
	case !j.Waiver.excuses(today):
		j.Why += fmt.Sprintf("; the waiver of %s expired on %s", j.Waiver.Owner, j.Waiver.Expires)
	default:
		j.Status, j.Rule, j.Why = Waived, "waivers", waivedBy(*j.Waiver)
	}
	return j
}

func (v Violation) rule() string {
	switch v.ID {
	case DeniedPackage:
		return "denied-packages"
	case DeniedLicense:
		return "denied-licenses"
	case MissingLicense:
		return "required-licenses"
	}
	return "minimum-elements"
}

func (p Policy) violations(found Found) []Violation {
	var all []Violation
	for _, c := range found.Components {
		add := func(id, format string, args ...any) {
			all = append(all, Violation{ID: id, Package: c.Package, Locations: c.Locations, Message: fmt.Sprintf(format, args...)})
		}
		if denial, why := p.Rules.denies(c.Package, found.Versions); denial != "" {
			add(DeniedPackage, "%s %s is denied by %s%s", c.Name, c.Version, denial, why)
		}
		if license := p.Rules.deniesLicense(c); license != "" {
			add(DeniedLicense, "%s %s can be used only under a denied license: %s", c.Name, c.Version, license)
		}
		if missing := p.Rules.missesLicense(c); missing != "" {
			add(MissingLicense, "%s %s is under none of the required licenses: %s", c.Name, c.Version, missing)
		}
	}
	if lacking := found.Lacking[p.Rules.MinimumElements]; p.Rules.findsLacking(lacking) {
		all = append(all, Violation{ID: MinimumElements, Package: Package{Name: "sbom"},
			Message: fmt.Sprintf("the SBOM lacks minimum elements of %s: %s", p.Rules.MinimumElements, strings.Join(lacking, ", "))})
	}
	return all
}

func (r Rules) findsLacking(elements []string) bool {
	return r.MinimumElements != "" && len(elements) > 0
}

// denies names the denial that fits. A version that cannot be compared is taken for a denied one.
func (r Rules) denies(of Package, versions Versions) (denial, why string) {
	for _, d := range r.DeniedPackages {
		if !d.Package.Matches(of) {
			continue
		}
		if d.Constraint == "" {
			return d.String(), ""
		}
		if versions == nil {
			return d.String(), " (its version cannot be compared)"
		}
		within, err := versions(of, d.Constraint)
		if err != nil {
			return d.String(), fmt.Sprintf(" (its version cannot be compared: %v)", err)
		}
		if within {
			return d.String(), ""
		}
	}
	return "", ""
}

// deniesLicense names the terms that force a denied license on whoever takes the package. Of a text that cannot be read it
// is enough that it names one.
func (r Rules) deniesLicense(c Component) string {
	if len(r.DeniedLicenses) == 0 {
		return ""
	}
	denied, err := licence.NewSet(r.DeniedLicenses)
	for _, text := range c.Licenses {
		terms, unread := licence.ParseForeign(text)
		switch {
		case err != nil: // the input was checked: cannot happen
			return text
		case unread != nil && (anyGlob(r.DeniedLicenses, text) || slices.ContainsFunc(licence.Named(text), denied.Has)):
			return text
		case unread == nil && !terms.Allows(func(l licence.Licence) bool { return !denied.Has(l) }):
			return text
		}
	}
	return ""
}

// missesLicense names the terms that cannot be met by one of the required licenses.
func (r Rules) missesLicense(c Component) string {
	if len(r.RequiredLicenses) == 0 {
		return ""
	}
	if len(c.Licenses) == 0 {
		return "it names none"
	}
	required, _ := licence.NewSet(r.RequiredLicenses) // the input was checked; a set that is none has nothing
	for _, text := range c.Licenses {
		terms, err := licence.ParseForeign(text)
		if err == nil && terms.Allows(required.Has) || err != nil && anyGlob(r.RequiredLicenses, text) {
			continue
		}
		return text
	}
	return ""
}

func anyGlob(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return glob(strings.ToLower(p), strings.ToLower(text)) })
}

// refusing are the violations that speak against the image.
func (d Decision) refusing() []Violation {
	var all []Violation
	for _, id := range []string{DeniedPackage, DeniedLicense, MissingLicense, MinimumElements} {
		for _, v := range d.Violations {
			if v.ID == id && v.Judgement.Status == Refuses {
				all = append(all, v)
			}
		}
	}
	return all
}

// Refusing are the violations that speak against the image, what is denied first.
func (d Decision) Refusing() []Violation { return d.refusing() }

// violated says in one phrase what rules are broken besides.
func (d Decision) violated(prefix string) string {
	all := d.refusing()
	switch len(all) {
	case 0:
		return ""
	case 1:
		return prefix + all[0].Message
	}
	return fmt.Sprintf("%s%s, and %d more", prefix, all[0].Message, len(all)-1)
}
