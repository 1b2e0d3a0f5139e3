package lifetime

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// MaxSkew is how far the clock of a service may be from that of this machine without being told: tokens and certificates
// are good for ten minutes.
const MaxSkew = 5 * time.Minute

// Answer is what came back when a service was asked something harmless.
type Answer struct {
	Authority string
	Service   Service
	Doubt     string        // it answers, and not as such a service does
	Shows     []Shown       // by what it signs; any of them may be what the trusted root holds
	Unshown   string        // why it does not show that, where such a service need not
	Problem   string        // why it could not be reached
	Timed     bool          // it said what time it is
	Ahead     time.Duration // of its clock; negative: it is behind
}

// Shown is a certificate or a key of a service.
type Shown struct {
	ID   string // as it stands in a Part
	Text string // for messages; empty of what goes without saying
}

// inForce are the parts that do what the service does, of the authority whose signing config names it.
func inForce(authorities []Authority, of Answer, now time.Time) (list []Part) {
	for _, a := range authorities {
		for _, p := range a.Parts {
			if a.Name == of.Authority && p.Role == of.Service.Role && p.At(now) == InForce {
				list = append(list, p)
			}
		}
	}
	return list
}

// answer tells how a service answered, and holds what it shows against what is trusted of its role. Where nothing is, that
// has been told.
func (j *judge) answer(a Answer, trusted []Part) {
	row := Row{State: Answers, Authority: a.Authority, What: a.Service.text(), urgency: open}
	switch {
	case a.Problem != "":
		row.State, row.urgency = NoAnswer, failing
		j.Unavailable = append(j.Unavailable, fmt.Sprintf("%s: the %s: %s", a.Authority, a.Service.text(), a.Problem))
	case a.Doubt != "":
		row.What += ": " + a.Doubt
		j.warn("%s: the %s: %s", a.Authority, a.Service.text(), a.Doubt)
	case a.Unshown != "":
		row.What += ": " + a.Unshown
	case len(a.Shows) > 0 && len(trusted) > 0 && !a.isOneOf(trusted):
		row.State, row.urgency = NotTrusted, failing
		row.What += ": it shows " + a.shows()
		j.problem("%s: the %s shows %s, and the trusted root has only others that are in force: what it makes from now on is not trusted", a.Authority, a.Service.text(), a.shows())
	}
	if a.Timed {
		row.What += ", its clock " + clock(a.Ahead)
		if a.Ahead > MaxSkew || a.Ahead < -MaxSkew {
			row.urgency = min(row.urgency, soon)
			j.warn("%s: the clock of the %s is %s; tokens and certificates are good for minutes", a.Authority, a.Service.text(), clock(a.Ahead))
		}
	}
	j.Rows = append(j.Rows, row)
}

func (a Answer) isOneOf(trusted []Part) bool {
	return slices.ContainsFunc(a.Shows, func(s Shown) bool {
		return slices.ContainsFunc(trusted, func(p Part) bool { return slices.Contains(p.IDs, s.ID) })
	})
}

func (a Answer) shows() string {
	var texts []string
	for _, s := range a.Shows {
		if s.Text != "" {
			texts = append(texts, s.Text)
		}
	}
	return strings.Join(texts, " and ")
}

func clock(ahead time.Duration) string {
	switch {
	case ahead >= time.Second:
		return ahead.Round(time.Second).String() + " ahead"
	case ahead <= -time.Second:
		return (-ahead).Round(time.Second).String() + " behind"
	}
	return "as this machine's"
}
