package lifetime

import (
	"cmp"
	"math"
	"strconv"
	"time"
)

// Row is one line of the report.
type Row struct {
	State     State
	Until     time.Time // zero: without an end
	Days      int       // left until then; negative: since then
	Authority string
	What      string

	urgency int
}

// The urgencies, the most urgent first.
const (
	failing = iota // something demanded rests on it, and cannot
	soon           // it ends within the time that is to be warned of
	later          // it ends after that
	open           // it has no end that is known, or has not begun
	over           // it has ended, and nothing new rests on it
)

func (j *judge) row(authority string, p Period, what string) Row {
	row := Row{State: p.At(j.now), Until: p.End, Authority: authority, What: what, urgency: open}
	if !p.End.IsZero() {
		row.Days = left(j.now, p.End)
	}
	switch state := p.At(j.now); {
	case state == Ended:
		row.urgency = over
	case state == NotYet, p.End.IsZero():
	case p.End.After(j.soon):
		row.urgency = later
	default:
		row.State, row.urgency = EndsSoon, soon
	}
	return row
}

func urgency(a, b Row) int {
	end := func(r Row) int64 {
		if r.Until.IsZero() {
			return math.MaxInt64
		}
		return r.Until.Unix()
	}
	return cmp.Or(cmp.Compare(a.urgency, b.urgency), cmp.Compare(end(a), end(b)))
}

func (p Part) text() string {
	if p.URI == "" {
		return string(p.Role)
	}
	return string(p.Role) + " " + p.URI
}

func (t Term) text() string {
	if t.Of == "" {
		return ""
	}
	return ", " + t.Of
}

func (s Service) text() string { return string(s.Role) + " " + s.URL }

func days(n int) string {
	switch n {
	case 0:
		return "less than a day"
	case 1:
		return "1 day"
	}
	return strconv.Itoa(n) + " days"
}
