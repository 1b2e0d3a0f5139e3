package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
)

// Rules say what is acceptable. The zero value is the strictest: every finding refuses, every gap leaves it undecided.
type Rules struct {
	FailOn     Limit `json:"failOn"`
	OnlyFixed  bool  `json:"onlyFixed,omitempty"` // findings without a version to go to do not refuse
	AllowEmpty bool  `json:"allowEmpty,omitempty"`
	// AllowUncovered are package types ("npm", "deb"), releases ("debian:12"), Distribution or UnreadableName.
	AllowUncovered []string `json:"allowUncovered,omitempty"`
}

// Digest names the rules: two sets with the same digest decide alike. It is the sha256 of their canonical JSON, in
// which the order and repetition of list entries do not count.
func (r Rules) Digest() string {
	r.AllowUncovered = slices.Clone(r.AllowUncovered)
	slices.Sort(r.AllowUncovered)
	r.AllowUncovered = slices.Compact(r.AllowUncovered)
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
