package signing

import (
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/provenance"
	"github.com/stepseal/stepseal/internal/trust"
)

func isProvenance(f finding) bool { return provenance.IsType(f.predicate()) }

// provenance is met by any trusted statement that names an accepted builder. An image may have been built more than once.
func (j *judge) provenance(d trust.Demand) Requirement {
	good, bad := j.claims(d, isProvenance)
	var second *Requirement
	for _, s := range good {
		r := j.judgeProvenance(d, s)
		if r.Result == Trusted {
			r = enough(d, r, saying(good, s))
		}
		if r.Result == Trusted {
			return r
		}
		bad = append(bad, s.line(r.Message))
		second = &r
	}
	if second != nil {
		second.Evidence = bad
		return *second
	}
	return missing("provenance", bad)
}

func (j *judge) judgeProvenance(d trust.Demand, s statement) Requirement {
	r := s.requirement(Trusted)
	p, err := provenance.Parse(s.statement.PredicateType, s.statement.Predicate)
	if err != nil {
		return r.refused(outcome.AttestationUntrusted, "%s", printable(err.Error()))
	}
	r.Builder, r.Source = p.Builder, p.Repository
	return r.unless(isBuiltBy(p, d.Builders), s.proof.isForSource(p.Repository))
}
