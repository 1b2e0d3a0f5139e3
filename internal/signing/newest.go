package signing

import (
	"slices"
	"time"
)

// word is a yes or a no whose place a later one takes: a scan, or a verification summary.
type word interface {
	signed() statement
	at() time.Time    // when it was signed, as far as can be verified
	claim() time.Time // when it was made, as its signer says
	accepted() bool
}

// madeAt is the older of the claim and the signature: neither a late signature nor a late claim makes a word younger.
// Attacks 23, 31.
func madeAt(w word) time.Time {
	if w.claim().Before(w.at()) {
		return w.claim()
	}
	return w.at()
}

// newestFirst: of two from the same second, the one that refuses counts.
func newestFirst[W word](a, b W) int {
	if c := b.at().Compare(a.at()); c != 0 || a.accepted() == b.accepted() {
		return c
	}
	if a.accepted() {
		return 1
	}
	return -1
}

// newest is the one that counts: the one that was signed last, unless a refusal was made after it. Whoever has a yes can
// have it stamped anew while its certificate is valid, and throw the first stamp away; when it was made stays signed.
// Attack 31.
func newest[W word](lastFirst []W) W {
	last := lastFirst[0]
	for _, w := range lastFirst[1:] {
		if last.accepted() && !w.accepted() && madeAt(w).After(madeAt(last)) {
			return w
		}
	}
	return last
}

// approving are those that are good enough and the newest of their signer.
func approving[W word](lastFirst []W, good func(W) bool) []statement {
	var list []statement
	heard := map[string]bool{}
	for _, w := range lastFirst {
		who := w.signed().proof.who
		if heard[who] {
			continue
		}
		heard[who] = true
		own := newest(slices.DeleteFunc(slices.Clone(lastFirst), func(other W) bool { return other.signed().proof.who != who }))
		if good(own) {
			list = append(list, own.signed())
		}
	}
	return list
}
