package policy

import "slices"

// What a database can say of a vulnerability besides its severity, and rules can ask for. As the Type of a Coverage, it
// is what the rules ask for and the database holds nothing of, so that no finding could ever refuse by it.
const (
	EPSS           = "epss"
	KnownExploited = "known-exploited"
)

// isRating says whether it is about a rating, and not about packages.
func (c Coverage) isRating() bool { return c.Type == EPSS || c.Type == KnownExploited }

// asks are the ratings without which the rules cannot hold.
func (r Rules) asks() []string {
	var names []string
	exploited, epss := r.FailOnKnownExploited, r.FailOnEPSS > 0
	for _, e := range r.Exceptions {
		exploited = exploited || e.FailOnKnownExploited != nil && *e.FailOnKnownExploited
		epss = epss || e.FailOnEPSS != nil && *e.FailOnEPSS > 0
	}
	if epss {
		names = append(names, EPSS)
	}
	if exploited {
		names = append(names, KnownExploited)
	}
	return names
}

// unrated is what the policies ask for of the ratings that the database lacks; accepted, where each that asks allows it.
func unrated(lacking []string, policies []Policy) []Coverage {
	var gaps []Coverage
	for _, name := range lacking {
		gap := Coverage{Type: name, Accepted: true}
		asked := false
		for _, p := range policies {
			if slices.Contains(p.Rules.asks(), name) {
				asked, gap.Accepted = true, gap.Accepted && gap.allowedBy(p.Rules.AllowUncovered)
			}
		}
		if asked {
			gaps = append(gaps, gap)
		}
	}
	return gaps
}

// ruleOf is the rule that asks for a rating.
func ruleOf(rating string) string { return "fail-on-" + rating }
