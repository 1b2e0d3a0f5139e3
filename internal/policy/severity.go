package policy

import (
	"fmt"
	"strings"
)

// Severity is how bad a vulnerability is, as its source rates it. Larger is worse; the zero value is Unknown.
type Severity int

// The severities, from the least to the worst. Unknown means that no source has rated it yet, not that it is harmless.
const (
	Unknown Severity = iota
	Negligible
	Low
	Medium
	High
	Critical
)

var severityNames = [...]string{"unknown", "negligible", "low", "medium", "high", "critical"}

// Severities are all of them, the worst first.
func Severities() []Severity { return []Severity{Critical, High, Medium, Low, Negligible, Unknown} }

// ParseSeverity reads a severity as String writes it, in any case. "moderate" and "important" are read as their
// publishers mean them: medium and high.
func ParseSeverity(s string) (Severity, error) {
	word := strings.ToLower(strings.TrimSpace(s))
	switch word {
	case "moderate":
		return Medium, nil
	case "important":
		return High, nil
	}
	for i, name := range severityNames {
		if name == word {
			return Severity(i), nil
		}
	}
	return Unknown, fmt.Errorf("severity %.32q is none of critical, high, medium, low, negligible, unknown", s)
}

func (s Severity) String() string {
	if s < Unknown || s > Critical {
		return severityNames[Unknown]
	}
	return severityNames[s]
}

// MarshalText writes the severity as String does.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *Severity) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSeverity(string(text))
	return err
}

// Limit is the severity from which on a finding refuses. The zero value is the strictest: everything refuses.
type Limit int

// The limits, from the strictest to none at all.
const (
	LimitNegligible Limit = iota
	LimitLow
	LimitMedium
	LimitHigh
	LimitCritical
	Never
)

var limitNames = [...]string{"negligible", "low", "medium", "high", "critical", "never"}

// Limits are the words that ParseLimit reads, the most lenient last.
func Limits() []string { return append([]string(nil), limitNames[:]...) }

// ParseLimit reads "critical", "high", "medium", "low", "negligible" or "never".
func ParseLimit(s string) (Limit, error) {
	word := strings.ToLower(strings.TrimSpace(s))
	for i, name := range limitNames {
		if name == word {
			return Limit(i), nil
		}
	}
	return LimitNegligible, fmt.Errorf("limit %.32q is none of %s", s, strings.Join(limitNames[:], ", "))
}

func (l Limit) String() string { return limitNames[l.known()] }

// known is the limit itself, or the strictest for what is none.
func (l Limit) known() Limit {
	if l < LimitNegligible || l > Never {
		return LimitNegligible
	}
	return l
}

// MarshalText writes the limit as String does.
func (l Limit) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (l *Limit) UnmarshalText(text []byte) (err error) {
	*l, err = ParseLimit(string(text))
	return err
}

// Reached says whether a finding of this severity is at or above the limit. Unknown reaches the strictest limit only.
func (l Limit) Reached(s Severity) bool {
	switch {
	case l == Never:
		return false
	case l <= LimitNegligible || l > Never:
		return true
	default:
		return s >= Negligible+Severity(l)
	}
}
