package policy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Rules say what is acceptable. The zero value is the strictest: every finding refuses, every gap leaves it undecided.
type Rules struct {
	FailOn         Limit    `json:"failOn"`
	OnlyFixed      bool     `json:"onlyFixed,omitempty"`     // findings without a version to go to do not refuse
	FailOnUnknown  bool     `json:"failOnUnknown,omitempty"` // findings that nobody rated refuse, unless FailOn is Never
	AllowEmpty     bool     `json:"allowEmpty,omitempty"`
	AllowUncovered []string `json:"allowUncovered,omitempty"` // package types ("npm", "deb") or releases ("debian:12")
	Waivers        []Waiver `json:"waivers,omitempty"`
}

// Waiver accepts one vulnerability for a reason and until a day.
type Waiver struct {
	ID      string `json:"id"`                // the finding's id or any alias of it
	Package string `json:"package,omitempty"` // only in the package of this name; empty is any
	Reason  string `json:"reason"`
	Until   Day    `json:"until"` // the last day on which it holds
}

// Day is a calendar day in UTC, written 2006-01-02.
type Day struct{ midnight time.Time }

// ParseDay reads 2006-01-02.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	return Day{t}, err
}

func (d Day) String() string { return d.midnight.Format(time.DateOnly) }

// MarshalText writes the day as String does.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (d *Day) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDay(string(text))
	return err
}

// Expired says whether the waiver holds no longer on that day. A waiver without a day has never held.
func (w Waiver) Expired(today time.Time) bool {
	return w.Until == Day{} || today.UTC().Format(time.DateOnly) > w.Until.String()
}

func (w Waiver) covers(f Finding) bool {
	if w.Package != "" && w.Package != f.Package.Name {
		return false
	}
	named := func(id string) bool { return strings.EqualFold(id, w.ID) }
	return w.ID != "" && (named(f.ID) || slices.ContainsFunc(f.Aliases, named))
}

// Digest names the rules: two sets with the same digest decide alike. It is the sha256 of their canonical JSON, in
// which the order and repetition of list entries do not count.
func (r Rules) Digest() string {
	r.AllowUncovered = slices.Clone(r.AllowUncovered)
	slices.Sort(r.AllowUncovered)
	r.AllowUncovered = slices.Compact(r.AllowUncovered)
	r.Waivers = slices.Clone(r.Waivers)
	slices.SortFunc(r.Waivers, func(a, b Waiver) int { return bytes.Compare(canonical(a), canonical(b)) })
	r.Waivers = slices.Compact(r.Waivers)
	sum := sha256.Sum256(canonical(r))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func canonical(v any) []byte {
	doc, err := json.Marshal(v)
	if err != nil {
		panic("policy: rules that cannot be written: " + err.Error()) // plain data: cannot happen
	}
	return doc
}
